//! Limits of callers: all or nothing, told in headers, given back (DESIGN 4.2 Buckets; PITFALLS 6, 10, 13; K5).

use crate::harness::*;

const ALICE: &str = "authorization: Bearer sk-alice-secret";
const ALICE_TWO: &str = "authorization: Bearer sk-alice-second";
const BOB: &str = "authorization: Bearer sk-bob-secret";

/// Two keys of alice, of which the first has these limits, and one of bob.
fn callers(provider: &Scripted, alice: &str) -> Setup {
    Setup::one(provider)
        .key("alice-1", "sk-alice-secret", &format!("user = \"alice\"\nlimits = {{ {alice} }}"))
        .key("alice-2", "sk-alice-second", "user = \"alice\"")
        .key("bob", "sk-bob-secret", "")
}

async fn call(gateway: &Gateway, key: &str) -> Response {
    gateway.chat_with(&ask("m"), &[key]).await
}

fn number(response: &Response, name: &str) -> f64 {
    let text = response.header(name).unwrap_or_else(|| panic!("no {name} in {:?}", response.head));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().unwrap_or_else(|_| panic!("{name}: {text}"))
}

#[tokio::test]
async fn a_keys_limit_is_its_own_and_is_told() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(callers(&provider, "requests = \"3/h\"")).await;
    for left in [2.0, 1.0, 0.0] {
        let response = call(&gateway, ALICE).await;
        assert_eq!(response.status, 200);
        assert_eq!(number(&response, "x-ratelimit-limit-requests"), 3.0);
        assert_eq!(number(&response, "x-ratelimit-remaining-requests"), left);
        assert!(response.header("x-ratelimit-reset-requests").is_some());
    }
    let refused = call(&gateway, ALICE).await;
    refused.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
    let wait = number(&refused, "retry-after");
    assert!((1_100.0..=1_200.0).contains(&wait), "a third of an hour, not {wait} s");
    assert_eq!(number(&refused, "x-ratelimit-remaining-requests"), 0.0);
    // Ours, and says which: not to be taken for the provider's.
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("gateway") && message.contains("key"), "{message}");
    assert_eq!(refused.header("x-tollgate-provider"), None);
    for other in [ALICE_TWO, BOB] {
        assert_eq!(call(&gateway, other).await.status, 200);
    }
    assert_eq!(provider.calls(), 5);
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_refusals_total", &[]), 1.0, "{}", metrics.0);
    assert_eq!(metrics.sum("tollgate_calls_total", &[("outcome", "rate_limited")]), 1.0);
}

#[tokio::test]
async fn a_burst_may_be_smaller_than_the_period() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(callers(&provider, "requests = \"60/h\", burst = 2")).await;
    let statuses = [call(&gateway, ALICE).await, call(&gateway, ALICE).await, call(&gateway, ALICE).await];
    assert_eq!(statuses.map(|response| response.status), [200, 200, 429]);
}

#[tokio::test]
async fn a_users_limit_is_the_sum_over_its_keys() {
    let provider = Scripted::saying(TEXT).await;
    let setup = callers(&provider, "requests = \"100/h\"").table("[limits]\nper_user = { requests = \"2/h\" }");
    let gateway = Gateway::start(setup).await;
    assert_eq!(call(&gateway, ALICE).await.status, 200);
    assert_eq!(call(&gateway, ALICE_TWO).await.status, 200);
    let refused = call(&gateway, ALICE_TWO).await;
    refused.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
    assert!(refused.text().contains("user"), "{}", refused.text());
    assert_eq!(call(&gateway, BOB).await.status, 200);
}

#[tokio::test]
async fn a_users_limit_holds_for_callers_without_a_key() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).table("[limits]\nper_user = { requests = \"1/h\" }")).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    gateway.chat(&ask("m")).await.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
}

#[tokio::test]
async fn the_global_limit_is_everybodys() {
    let provider = Scripted::saying(TEXT).await;
    let setup = callers(&provider, "requests = \"100/h\"").table("[limits]\nglobal = { requests = \"2/h\" }");
    let gateway = Gateway::start(setup).await;
    assert_eq!(call(&gateway, ALICE).await.status, 200);
    let second = call(&gateway, BOB).await;
    assert_eq!(second.status, 200);
    let refused = call(&gateway, ALICE).await;
    refused.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
    // The rule with the least share left speaks.
    assert_eq!(number(&refused, "x-ratelimit-limit-requests"), 2.0);
}

#[tokio::test]
async fn a_refusal_takes_nothing_from_any_bucket() {
    let provider = Scripted::saying(TEXT).await;
    let setup = callers(&provider, "requests = \"1/h\"").table("[limits]\nper_user = { requests = \"3/h\" }");
    let gateway = Gateway::start(setup).await;
    assert_eq!(call(&gateway, ALICE).await.status, 200);
    for _ in 0..5 {
        assert_eq!(call(&gateway, ALICE).await.status, 429);
    }
    // Five refusals by the key's bucket have left the user's two.
    let others = [call(&gateway, ALICE_TWO).await, call(&gateway, ALICE_TWO).await, call(&gateway, ALICE_TWO).await];
    assert_eq!(others.map(|response| response.status), [200, 200, 429]);
}

#[tokio::test]
async fn a_call_without_a_place_uses_up_no_request() {
    let (opened, wait) = gate();
    let provider = Scripted::in_turn([good().first(Step::Wait(wait)), good()]).await;
    let gateway = Gateway::start(callers(&provider, "requests = \"3/h\", concurrency = 1")).await;
    let meanwhile = async {
        provider.until("the first call", |counts| counts.in_flight == 1).await;
        for _ in 0..5 {
            let refused = call(&gateway, ALICE).await;
            refused.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
            assert!(refused.header("retry-after").is_some());
            assert!(refused.text().contains("concurrency"), "{}", refused.text());
        }
        assert_eq!(call(&gateway, ALICE_TWO).await.status, 200, "another key has its own places");
        opened.open();
    };
    let (first, ()) = tokio::join!(call(&gateway, ALICE), meanwhile);
    assert_eq!(first.status, 200);
    assert_eq!([call(&gateway, ALICE).await.status, call(&gateway, ALICE).await.status], [200, 200]);
    assert_eq!(call(&gateway, ALICE).await.status, 429);
}

#[tokio::test]
async fn every_way_out_gives_the_place_back() {
    let half = completion(TEXT).len() / 2;
    let provider = Scripted::start(move |seen| match seen.call {
        0 => refusal(500).script(),
        1 => Reply::stream([role(), text("Hello")]).then(Step::Fin).script(),
        2 => Script(vec![Step::Stall]),
        3 => Reply::stream([role(), text("Hello")]).then(Step::Stall).script(),
        4 => good().cut(half, Step::Stall).script(),
        5 => refusal(400).script(),
        6 => good_stream().script(),
        _ => good().script(),
    })
    .await;
    let setup = Setup::new()
        .provider(
            "only",
            &provider,
            "breaker = { failures = 100, open = \"60s\" }\ntimeouts = { response = \"5s\", idle = \"300ms\" }",
        )
        .key("alice", "sk-alice-secret", "limits = { concurrency = 1 }");
    let gateway = Gateway::start(setup).await;
    let stream = ask_stream("m");
    call(&gateway, ALICE).await.assert_error(502, "api_error", Some("all_providers_failed"));
    gateway.chat_with(&stream, &[ALICE]).await.assert_stream_error();
    for gone in 1..=2 {
        // Before the first byte, and after content.
        let mut connection = gateway.begin_with(&stream, &[ALICE]).await;
        provider.until("the call", |counts| counts.calls == 2 + gone).await;
        if gone == 2 {
            let mut response = connection.head().await.unwrap();
            connection.until(&mut response, "Hello").await;
        }
        drop(connection);
        provider.until("the call given up", |counts| counts.gone == gone).await;
        gateway.records(2 + gone).await;
    }
    assert_eq!(call(&gateway, ALICE).await.status, 502, "a stall in the body");
    assert_eq!(call(&gateway, ALICE).await.status, 400);
    assert_eq!(gateway.chat_with(&stream, &[ALICE]).await.status, 200);
    assert_eq!(call(&gateway, ALICE).await.status, 200);
    assert_eq!(provider.calls(), 8);
}

#[tokio::test]
async fn an_address_has_its_ceiling_before_the_caller_is_known() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::one(&provider).key("alice", "sk-alice-secret", "").server("per_ip = \"2/h\"");
    let gateway = Gateway::start(setup).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 401);
    assert_eq!(call(&gateway, ALICE).await.status, 200);
    let refused = gateway.chat_with(&ask("m"), &[ALICE, "x-forwarded-for: 10.9.8.7"]).await;
    refused.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn an_address_that_is_refused_elsewhere_has_made_no_call() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).server("per_ip = \"1/h\"")).await;
    assert_eq!(gateway.get("/v1/models", &[]).await.status, 200);
    let refused = gateway.get("/v1/models", &[]).await;
    refused.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_calls_total", &[]), 0.0, "{}", metrics.0);
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_address_counts() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::one(&provider).server("per_ip = \"1/h\"\ntrusted_proxies = [\"127.0.0.1\"]");
    let gateway = Gateway::start(setup).await;
    for (address, status) in [("10.0.0.1", 200), ("10.0.0.2", 200), ("10.0.0.1", 429), ("1.2.3.4, 10.0.0.2", 429)] {
        let header = format!("x-forwarded-for: {address}");
        assert_eq!(gateway.chat_with(&ask("m"), &[&header]).await.status, status, "{address}");
    }
}
