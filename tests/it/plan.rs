//! Who is asked first: names, prices, abilities (DESIGN 4.2 Names, Cheapest).

use serde_json::json;

use crate::harness::*;

/// The provider that a gateway asks for this request.
async fn asked(gateway: &Gateway, request: &serde_json::Value) -> String {
    let response = gateway.chat(request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.provider().to_owned()
}

fn priced(input: &str, output: &str) -> String {
    format!("models = [{{ name = \"m\", input = {input}, output = {output} }}]")
}

#[tokio::test]
async fn the_cheapest_provider_for_this_very_call_is_asked() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::new().provider("cheap-in", &provider, &priced("1.0", "10.0")).provider(
        "cheap-out",
        &provider,
        &priced("10.0", "1.0"),
    );
    let gateway = Gateway::start(setup).await;
    let long = with(ask("m"), json!({"max_tokens": 1, "messages": [{"role": "user", "content": "word ".repeat(200)}]}));
    assert_eq!(asked(&gateway, &long).await, "cheap-in");
    assert_eq!(asked(&gateway, &with(ask("m"), json!({"max_tokens": 1000}))).await, "cheap-out");
    // 10 tokens in; 1 token out is cheaper with the first, 100 choices of one are not.
    let narrow = json!({"max_tokens": 1, "messages": [{"role": "user", "content": "x".repeat(40)}]});
    assert_eq!(asked(&gateway, &with(ask("m"), narrow.clone())).await, "cheap-in");
    let many = with(with(ask("m"), narrow), json!({"n": 100}));
    assert_eq!(asked(&gateway, &many).await, "cheap-out");
}

fn keyed(key: &str, price: &str) -> String {
    format!("{}\napi_keys = [\"{key}\"]", priced(price, price))
}

#[tokio::test]
async fn free_comes_first_and_an_unknown_price_last() {
    let provider = Scripted::saying(TEXT).await;
    let failing = Scripted::always(refusal(500)).await;
    let setup = Setup::new()
        .provider("a-unknown", &provider, "models = [{ name = \"m\" }]")
        .provider("b-dear", &failing, &keyed("sk-dear", "9.0"))
        .provider("c-free", &failing, &keyed("sk-free", "0"))
        .provider("d-cheap", &failing, &keyed("sk-cheap", "0.1"));
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("m")).await;
    assert_eq!((response.provider(), response.attempts()), ("a-unknown", 4));
    let order: Vec<_> = failing.seen().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(order, ["Bearer sk-free", "Bearer sk-cheap", "Bearer sk-dear"]);
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_unpriced_total", &[]), 1.0, "{}", metrics.0);
    assert_eq!(cost(&gateway.record(1).await), None);
}

#[tokio::test]
async fn ties_go_by_target_order_and_bare_names_by_provider() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::new().provider("zeta", &provider, "").provider("alpha", &provider, "").model(
        "chat",
        &["zeta/m", "alpha/m"],
        "strategy = \"cheapest\"",
    );
    let gateway = Gateway::start(setup).await;
    assert_eq!(asked(&gateway, &ask("chat")).await, "zeta");
    assert_eq!(asked(&gateway, &ask("m")).await, "alpha");
}

#[tokio::test]
async fn ordered_means_as_listed_whatever_the_price() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::new()
        .provider("cheap", &provider, &priced("0.1", "0.1"))
        .provider("dear", &provider, &priced("9.0", "9.0"))
        .ordered("chat", &["dear/m", "cheap/m"]);
    let gateway = Gateway::start(setup).await;
    assert_eq!(asked(&gateway, &ask("chat")).await, "dear");
}

#[tokio::test]
async fn a_configured_name_hides_a_bare_one_and_a_bare_one_a_split_one() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::new()
        .provider("a", &provider, "models = [{ name = \"m\", input = 1, output = 1 }]")
        .provider(
            "b",
            &provider,
            "models = [{ name = \"a/m\", input = 1, output = 1 }, { name = \"m2\", input = 1, output = 1 }]",
        )
        .ordered("m", &["b/m2"]);
    let gateway = Gateway::start(setup).await;
    assert_eq!(asked(&gateway, &ask("m")).await, "b");
    assert_eq!(provider.last().json()["model"], "m2");
    assert_eq!(asked(&gateway, &ask("a/m")).await, "b");
    assert_eq!(provider.last().json()["model"], "a/m");
}

#[tokio::test]
async fn a_model_that_a_provider_does_not_list_passes_without_a_price() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    assert_eq!(asked(&gateway, &ask("only/vendor/new-model")).await, "only");
    assert_eq!(provider.last().json()["model"], "vendor/new-model");
    let record = gateway.record(1).await;
    assert_eq!((cost(&record), &record["model.asked"]), (None, &json!("other")));
}

#[tokio::test]
async fn providers_that_cannot_see_or_use_tools_are_left_out() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::new()
        .provider(
            "plain",
            &provider,
            "models = [{ name = \"m\", input = 0, output = 0, vision = false, tools = false }]",
        )
        .provider("able", &provider, &priced("5", "5"));
    let gateway = Gateway::start(setup).await;
    assert_eq!(asked(&gateway, &ask("m")).await, "plain");
    let image = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]});
    assert_eq!(asked(&gateway, &with(ask("m"), image.clone())).await, "able");
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]});
    assert_eq!(asked(&gateway, &with(ask("m"), tools)).await, "able");
    let nobody = gateway.chat(&with(ask("plain/m"), image)).await;
    assert_eq!(nobody.status, 400, "{}", nobody.text());
}

#[tokio::test]
async fn a_context_that_is_too_small_is_left_out() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::new()
        .provider("small", &provider, "models = [{ name = \"m\", input = 0, output = 0, context = 100 }]")
        .provider("large", &provider, &priced("5", "5"));
    let gateway = Gateway::start(setup).await;
    assert_eq!(asked(&gateway, &ask("m")).await, "small");
    let long = json!({"messages": [{"role": "user", "content": "word ".repeat(200)}]});
    assert_eq!(asked(&gateway, &with(ask("m"), long)).await, "large");
}

#[tokio::test]
async fn a_full_provider_is_passed_over() {
    let (opened, wait) = gate();
    let first = Scripted::always(good().first(Step::Wait(wait))).await;
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider("first", &first, "limits = { concurrency = 1 }")
        .provider("second", &second, "limits = { requests = \"1/h\" }")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    let request = ask("chat");
    let held = gateway.chat(&request);
    let meanwhile = async {
        first.until("the first call", |counts| counts.in_flight == 1).await;
        let passed = gateway.chat(&request).await;
        assert_eq!((passed.provider(), passed.attempts()), ("second", 1));
        let full = gateway.chat(&request).await;
        full.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
        assert!(full.header("retry-after").is_some());
        opened.open();
    };
    assert_eq!(tokio::join!(held, meanwhile).0.provider(), "first");
    assert_eq!(gateway.chat(&request).await.provider(), "first", "the place was given back");
    assert_eq!((first.calls(), second.calls()), (2, 1));
}
