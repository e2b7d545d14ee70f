//! What a call cost, whatever became of its attempts (invariant 1; PITFALLS 1, 2, 15; abuse cases 30, 33).

use serde_json::{Value, json};

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

/// Anthropic's answer to `input` fresh tokens, 40,000 read from the cache, 10,001 written to it, 4,001 of them for an hour.
fn anthropic_answer(input: u64, stream: bool) -> Reply {
    let written = json!({"ephemeral_5m_input_tokens": 6000, "ephemeral_1h_input_tokens": 4001});
    let usage = json!({"input_tokens": input, "cache_read_input_tokens": 40000, "cache_creation_input_tokens": 10001,
        "cache_creation": written, "output_tokens": 100});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": null,
        "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn", "usage": usage});
    if !stream {
        return Reply::new(200, "application/json", message.to_string());
    }
    let begun = with(message, json!({"content": [], "stop_reason": null}));
    let events = [
        json!({"type": "message_start", "message": begun}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 100}}),
        json!({"type": "message_stop"}),
    ];
    let framed = |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    Reply::stream(events.map(framed))
}

#[tokio::test]
async fn long_prompts_and_what_is_cached_for_an_hour_have_their_prices_at_every_door() {
    let folder = tempfile::tempdir().unwrap();
    let prices = folder.path().join("prices.toml");
    let row = "{ name = \"m\", aliases = [\"m-1\"], input = 0.1, output = 0.5, cache_read = 0.01, cache_write = 0.125, \
               cache_write_1h = 0.2, tiers = [{ above = 100000, input = 0.5, output = 2.5, cache_read = 0.05, \
               cache_write = 0.625, cache_write_1h = 1 }] }";
    std::fs::write(&prices, format!("[anthropic]\nmodels = [{row}]")).unwrap();
    // 100,000 tokens of input, and one more.
    for (fresh, usd) in [(49_999, "0.007000100"), (50_000, "0.035001000")] {
        for (door, stream) in [(Door::Messages, false), (Door::Messages, true), (Door::Chat, false), (Door::Chat, true)]
        {
            let provider = Scripted::always(anthropic_answer(fresh, stream)).await;
            let setup = Setup::new()
                .provider("only", &provider, "kind = \"anthropic\"\nmodels = [{ name = \"m-1\" }]")
                .table(&format!("[prices]\nfile = {prices:?}"));
            let gateway = Gateway::start(setup).await;
            let request = say(door, "m-1", "Say hello");
            let request = if stream { streamed(door, request) } else { request };
            let response = gateway.call(door, &request).await;
            assert_eq!(response.status, 200, "{}", response.text());
            let record = gateway.record(1).await;
            assert_eq!(record["cost.usd"], usd, "{door:?} {stream} {record}");
            assert_eq!(record["cost.estimated"], false, "{record}");
            assert_eq!(record["price.version"].as_str().map(str::len), Some(12), "{record}");
        }
    }
}

#[tokio::test]
async fn an_unknown_price_is_counted_and_never_zero() {
    let provider = Scripted::always(good()).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "models = [{ name = \"m\" }]")).await;
    for count in 1..=2 {
        let response = gateway.chat(&ask("m")).await;
        assert_eq!(response.header("x-tollgate-cost-usd"), None);
        let record = gateway.record(count).await;
        assert_eq!((cost(&record), &record["tokens.input"]), (None, &json!(9)));
        assert_eq!(record.get("price.version"), None, "{record}");
    }
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_unpriced_total", &[]), 2.0);
    let warnings = gateway.log_text().matches("no price is known for this model").count();
    assert_eq!(warnings, 1, "once for the model: {}", gateway.log_text());
}
