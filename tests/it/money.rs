//! What a call cost, whatever became of its attempts (invariant 1; PITFALLS 1, 2, 15; abuse cases 30, 33).

use serde_json::json;

use crate::harness::*;

/// "Say hello" is 9 bytes: 3 tokens by estimate, 3e-6 USD at 1 USD per million.
const PROMPT: f64 = 3e-6;
/// 9 tokens in and 3 out, as the good answers report.
const ANSWER: f64 = 12e-6;

async fn assert_cost(setup: Setup, request: serde_json::Value, expected: f64, estimated: bool) {
    let gateway = Gateway::start(setup).await;
    assert_eq!(gateway.chat(&request).await.status, 200);
    let record = gateway.record(1).await;
    let found = cost(&record).unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}: {record}");
    assert_eq!(record["cost.estimated"], estimated, "{record}");
}

#[tokio::test]
async fn an_attempt_that_may_be_billed_is_part_of_the_cost() {
    let half = completion(TEXT).len() / 2;
    for script in [
        Script(vec![Step::Stall]),
        Script(vec![Step::Fin]),
        good().cut(half, Step::Fin).script(),
        Reply::new(200, "application/json", "{}").script(),
    ] {
        let first = Scripted::always(script).await;
        let second = Scripted::saying(TEXT).await;
        let setup = Setup::new()
            .provider("first", &first, "timeouts = { response = \"200ms\" }")
            .provider("second", &second, "")
            .ordered("chat", &["first/m", "second/m"]);
        assert_cost(setup, ask("chat"), PROMPT + ANSWER, true).await;
    }
}

#[tokio::test]
async fn an_attempt_that_never_ran_costs_nothing() {
    for status in [429, 500, 503, 401] {
        let first = Scripted::always(refusal(status)).await;
        let second = Scripted::saying(TEXT).await;
        assert_cost(Setup::pair(&first, &second), ask("chat"), ANSWER, false).await;
    }
    let (dead, second) = (Refusing::new(), Scripted::saying(TEXT).await);
    let setup = Setup::new()
        .provider_at("first", &dead.base_url(), "")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    assert_cost(setup, ask("chat"), ANSWER, false).await;
}

#[tokio::test]
async fn a_stream_without_usage_is_billed_by_its_length() {
    let words = "x".repeat(400);
    let provider = Scripted::always(Reply::stream([role(), text(&words), finish(), DONE.to_owned()])).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    gateway.chat(&ask_stream("m")).await;
    let record = gateway.record(1).await;
    assert_eq!(record["cost.estimated"], true, "{record}");
    let found = cost(&record).unwrap();
    // A hundred tokens, in however few events they came; their wrapping may count for some.
    assert!((100e-6..500e-6).contains(&found), "{found}");
}

#[tokio::test]
async fn cached_input_has_its_own_price() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":400}}}"#;
    let provider = Scripted::always(Reply::new(200, "application/json", body)).await;
    let lines = "models = [{ name = \"m\", input = 2.0, output = 8.0, cache_read = 0.5 }]";
    let setup = Setup::new().provider("only", &provider, lines);
    assert_cost(setup, ask("m"), 600.0 * 2e-6 + 400.0 * 0.5e-6 + 10.0 * 8e-6, false).await;
}

#[tokio::test]
async fn what_a_provider_writes_to_its_cache_has_its_own_price() {
    const REPORT: &str = r#""usage":{"prompt_tokens":1003,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":400,"cache_write_tokens":500}}"#;
    let whole = format!(
        r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":"x"}},"finish_reason":"stop"}}],{REPORT}}}"#
    );
    let last = format!("data: {{\"choices\":[],{REPORT}}}\n\n");
    let streamed = Reply::stream([role(), text("x"), finish(), last, DONE.to_owned()]);
    for (reply, request) in [(Reply::new(200, "application/json", whole), ask("m")), (streamed, ask_stream("m"))] {
        let provider = Scripted::always(reply).await;
        let lines = "models = [{ name = \"m\", input = 1, output = 5, cache_read = 0.1, cache_write = 1.25 }]";
        let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
        gateway.chat(&request).await;
        let record = gateway.record(1).await;
        // 103 fresh, 400 read, 500 written, 7 out.
        assert_eq!(record["cost.usd"], "0.000803000", "{record}");
        assert_eq!((&record["tokens.cached"], &record["tokens.cache_write"]), (&json!(400), &json!(500)), "{record}");
        let written = gateway.metrics().await.sum("tollgate_tokens_total", &[("kind", "cache_write")]);
        assert_eq!(written, 500.0);
    }
}

#[tokio::test]
async fn a_stream_costs_what_the_same_answer_costs_whole() {
    let streamed = Reply::stream([role(), text(TEXT), finish(), usage(9, 3), DONE.to_owned()]);
    let provider = Scripted::always(streamed).await;
    assert_cost(Setup::one(&provider), ask_stream("m"), ANSWER, false).await;
    let provider = Scripted::always(good()).await;
    assert_cost(Setup::one(&provider), ask("m"), ANSWER, false).await;
}

#[tokio::test]
async fn an_unknown_price_is_counted_and_never_zero() {
    let provider = Scripted::always(good()).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "models = [{ name = \"m\" }]")).await;
    let response = gateway.chat(&ask("m")).await;
    assert_eq!(response.header("x-tollgate-cost-usd"), None);
    let record = gateway.record(1).await;
    assert_eq!((cost(&record), &record["tokens.input"]), (None, &json!(9)));
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_unpriced_total", &[]), 1.0);
}
