//! What the gateway says about a call in its headers and in its record (DESIGN 4.4).

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_answer_says_who_gave_it_and_what_it_cost() {
    let provider = Scripted::always(good()).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let response = gateway.chat(&ask("m")).await;
    for (name, value) in [
        ("x-tollgate-provider", "only"),
        ("x-tollgate-model", "m"),
        ("x-tollgate-attempts", "1"),
        ("x-tollgate-cache", "OFF"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name}: {:?}", response.head);
    }
    // 12 tokens at 1 USD per million.
    let cost: f64 = response.header("x-tollgate-cost-usd").unwrap().parse().unwrap();
    assert_eq!(cost, 12e-6);
    let overhead: u64 = response.header("x-tollgate-overhead-us").unwrap().parse().unwrap();
    assert!(overhead < 10_000_000);
    for absent in ["retry-after", "x-should-retry", "x-tollgate-cache-age", "x-ratelimit-limit-requests"] {
        assert_eq!(response.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn the_request_id_is_always_ours_and_leads_to_the_record() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mine = "x-request-id: chosen-by-the-client";
    let ids: Vec<_> = [
        gateway.chat_with(&ask("m"), &[mine]).await,
        gateway.chat_with(&ask_stream("m"), &[mine]).await,
        gateway.chat_with(&ask("no-such-model"), &[mine]).await,
    ]
    .iter()
    .map(|response| response.header("x-request-id").unwrap().to_owned())
    .collect();
    assert!(ids.iter().all(|id| id != "chosen-by-the-client"), "{ids:?}");
    for id in &ids {
        gateway.event("an end with this id", |event| event["call.id"] == id.as_str()).await;
    }
    // What the client calls it stands in the record, as long as it is short.
    let theirs = |event: &serde_json::Value| event["client.request_id"] == "chosen-by-the-client";
    assert_eq!(gateway.records(2).await.iter().filter(|record| theirs(record)).count(), 2);
    let long = format!("x-request-id: {}", "\u{80}".repeat(9_000));
    gateway.chat_with(&ask("m"), &[&long]).await;
    let record = gateway
        .event("the third record", |event| event["client.request_id"].as_str().is_some_and(|id| id.len() > 50))
        .await;
    assert!(record["client.request_id"].as_str().unwrap().len() < 1_000, "{record}");
    assert!(gateway.get("/v1/models", &[]).await.header("x-request-id").is_some());
}

#[tokio::test]
async fn a_record_tells_the_whole_call() {
    let provider = Scripted::always(good()).await;
    let setup = Setup::one(&provider).key("alice-1", "sk-alice-secret", "user = \"alice\"\nteam = \"docs\"");
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat_with(&ask("m"), &["authorization: Bearer sk-alice-secret"]).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let record = gateway.record(1).await;
    for (name, value) in [
        ("call.outcome", json!("ok")),
        ("call.id", json!(response.header("x-request-id"))),
        ("call.attempts", json!(1)),
        ("key.id", json!("alice-1")),
        ("user.id", json!("alice")),
        ("team.id", json!("docs")),
        ("model.asked", json!("m")),
        ("provider.name", json!("only")),
        ("tokens.input", json!(9)),
        ("tokens.output", json!(3)),
        ("cost.estimated", json!(false)),
        ("target", json!("tollgate::call")),
        ("level", json!("INFO")),
    ] {
        assert_eq!(record[name], value, "{name} of {record}");
    }
    assert_eq!(cost(&record), Some(12e-6), "{record}");
}

#[tokio::test]
async fn the_metrics_tell_it_too() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    gateway.chat(&ask("m")).await;
    gateway.chat(&ask_stream("m")).await;
    gateway.chat(&ask("a name of the client's\"}")).await;
    gateway.records(2).await;
    let metrics = gateway.metrics().await;
    let ok = [("model", "m"), ("provider", "only"), ("outcome", "ok")];
    assert_eq!(metrics.sum("tollgate_calls_total", &ok), 2.0, "{}", metrics.0);
    assert_eq!(metrics.sum("tollgate_tokens_total", &[("provider", "only"), ("kind", "input")]), 9.0);
    assert_eq!(metrics.sum("tollgate_tokens_total", &[("kind", "output")]), 3.0);
    assert!(metrics.sum("tollgate_cost_usd_total", &[("provider", "only"), ("model", "m")]) >= 12e-6);
    assert_eq!(metrics.sum("tollgate_attempts_total", &[("provider", "only"), ("class", "ok")]), 2.0);
    assert_eq!(metrics.sum("tollgate_cache_total", &[("result", "OFF")]), 2.0);
    assert_eq!(metrics.sum("tollgate_call_duration_seconds_count", &[]), 2.0);
    assert_eq!(metrics.sum("tollgate_time_to_first_token_seconds_count", &[]), 1.0);
    assert!(metrics.sum("tollgate_overhead_seconds_count", &[]) >= 2.0);
    assert!(!metrics.0.contains("of the client"), "a label from a client's text: {}", metrics.0);
    for name in ["tollgate_inflight", "tollgate_breaker_state"] {
        assert!(metrics.has(name), "{name} in {}", metrics.0);
    }
}

#[tokio::test]
async fn errors_say_whether_to_come_again() {
    let provider = Scripted::always(refusal(500)).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let failed = gateway.chat(&ask("m")).await;
    failed.assert_error(502, "api_error", Some("all_providers_failed"));
    let seconds: u64 = failed.header("retry-after").unwrap().parse().unwrap();
    let millis: u64 = failed.header("retry-after-ms").unwrap().parse().unwrap();
    assert!(seconds >= 1 && millis >= 1 && seconds == millis.div_ceil(1000), "{seconds} s, {millis} ms");
    assert_ne!(failed.header("x-should-retry"), Some("false"));
    let mistaken = gateway.chat(&json!({"model": "m"})).await;
    mistaken.assert_caller_error(400);
    assert_eq!(mistaken.header("retry-after"), None);
}
