//! The invariants of DESIGN 3, under a crowd. Each one's own cases stand in the file of its behaviour: 1 `client_gone`
//! and `money`, 2 `stream_failures`, 3 and 4 `passthrough` and `recordings`, 5 `money`, 6 `secrets`, 8 `limits`; and
//! after every test the harness looks for calls without an end and for anything that was not given back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::*;

const CALLS: usize = 80;

/// What the provider does with a call is in the call.
fn behaviour(seen: &Seen) -> Script {
    let streamed = seen.streamed();
    match seen.json()["seed"].as_u64().unwrap_or_default() % 10 {
        0 => refusal(500).script(),
        1 => Script(vec![Step::Reset]),
        2 => Script(vec![Step::Stall]),
        3 if streamed => Reply::stream([role(), text("Hello")]).then(Step::Fin).script(),
        4 if streamed => Reply::stream([role(), text("Hello")]).then(Step::Stall).script(),
        5 => refusal(429).script(),
        6 => refusal(400).script(),
        _ if streamed => good_stream().paced(Duration::from_millis(5)).script(),
        _ => good().script(),
    }
}

/// One call of the crowd; every fourth client leaves early, at one point or another.
async fn one(gateway: &Gateway, first: &Scripted, number: usize) {
    let request: Value = with(ask("chat"), json!({"seed": number, "stream": number.is_multiple_of(2)}));
    let mut connection = gateway.begin(&request).await;
    match number % 12 {
        0 | 4 => first.until_seen("the call", |seen| seen.json()["seed"] == number).await,
        8 => drop(connection.head().await),
        _ => {
            let response = connection.response().await;
            let text = response.text();
            assert!(response.status >= 200 && response.end == End::Whole, "{number}: {text}");
            if response.status == 200 && number.is_multiple_of(2) {
                // A stream says that it is whole or that it is not, and never both.
                assert!(text.contains("[DONE]") != text.contains("\"error\""), "{number}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_crowd_of_good_bad_and_abandoned_calls_leaves_nothing_behind() {
    let first = Scripted::start(behaviour).await;
    let second = Scripted::start(behaviour).await;
    let lines = "retries = 1\ntimeouts = { first_byte = \"200ms\", response = \"200ms\", idle = \"200ms\" }\n\
                 limits = { concurrency = 100 }\nbreaker = { failures = 1000000, open = \"1s\" }";
    let setup = Setup::new()
        .provider("first", &first, lines)
        .provider("second", &second, lines)
        .ordered("chat", &["first/m", "second/m"])
        .table("[limits]\nglobal = { concurrency = 100 }");
    let gateway = Gateway::start(setup).await;
    futures_util::future::join_all((0..CALLS).map(|number| one(&gateway, &first, number))).await;
    let records = gateway.records(CALLS).await;
    assert_eq!(records.len(), CALLS);
    for provider in [&first, &second] {
        provider.until("the end of all attempts", |counts| counts.in_flight == 0).await;
    }
    let metrics = gateway.metrics().await;
    let attempts: usize = records.iter().map(|record| record["call.attempts"].as_u64().unwrap() as usize).sum();
    assert_eq!(metrics.sum("tollgate_attempts_total", &[]), attempts as f64, "every attempt is counted once");
    assert_eq!(metrics.sum("tollgate_inflight", &[]), 0.0);
}

#[tokio::test]
async fn every_place_of_a_provider_is_given_back() {
    // One place, and calls that end in every way: were it lost once, the next call would find the provider full.
    let provider = Scripted::start(behaviour).await;
    let lines = "timeouts = { first_byte = \"200ms\", response = \"200ms\", idle = \"200ms\" }\n\
                 limits = { concurrency = 1 }\nbreaker = { failures = 1000000, open = \"1s\" }";
    let gateway = Gateway::start(Setup::new().provider("only", &provider, lines).ordered("chat", &["only/m"])).await;
    for number in 0..10 {
        for stream in [false, true] {
            let request = with(ask("chat"), json!({"seed": number, "stream": stream}));
            let response = gateway.chat(&request).await;
            let full = response.status == 429 && response.attempts() == 0;
            assert!(!full, "after call {number}: {}", response.text());
        }
    }
    // One more where a kept connection was reset at the moment of reuse.
    assert!((20..=21).contains(&provider.calls()), "{}", provider.calls());
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_provider_back() {
    const EVENTS: usize = 1500;
    let event = text(&"x".repeat(64 << 10));
    let mut steps = vec![role()];
    steps.extend(vec![event.clone(); EVENTS]);
    steps.extend([finish(), DONE.to_owned()]);
    let length: usize = steps.iter().map(String::len).sum();
    let provider = Scripted::always(Reply::stream(steps)).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "inject_usage = false")).await;
    let before = gateway.peak_memory();
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    // A gateway that would take in the 98 MB has done so by the time that it has answered these.
    for _ in 0..200 {
        assert_eq!(gateway.get("/v1/models", &[]).await.status, 200);
    }
    assert_eq!(provider.counts().in_flight, 1, "the provider is not rid of its answer");
    let mut read = 0;
    while let Some(piece) = connection.piece(&mut response).await {
        read += piece.len();
    }
    assert_eq!((read, response.end), (length, End::Whole));
    let grown = gateway.peak_memory() - before;
    assert!(grown < 32 << 20, "the gateway grew by {grown} bytes");
}
