//! Clients that go away, at every point of a call (FAULTS K1, K2; abuse case 31; PITFALLS 15, 23).

use serde_json::json;

use crate::harness::*;

async fn assert_gone(gateway: &Gateway, provider: &Scripted, count: usize) -> serde_json::Value {
    provider.until("the gateway giving the provider up", |counts| counts.gone == count).await;
    let record = gateway.record(count).await;
    assert_eq!(record["call.outcome"], "client_gone", "{record}");
    record
}

#[tokio::test]
async fn before_the_answer_begins() {
    let provider = Scripted::always(Script(vec![Step::Stall])).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for (count, request) in [(1, ask("m")), (2, ask_stream("m"))] {
        let connection = gateway.begin(&request).await;
        provider.until("the call", |counts| counts.calls == count).await;
        drop(connection);
        let record = assert_gone(&gateway, &provider, count).await;
        // It was sent, so it may be billed: at an estimate.
        assert_eq!(record["cost.estimated"], true, "{record}");
        assert!(cost(&record) > Some(0.0), "{record}");
    }
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_calls_total", &[("outcome", "client_gone")]), 2.0, "{}", metrics.0);
    assert_eq!(metrics.sum("tollgate_attempts_total", &[("provider", "only"), ("class", "abandoned")]), 2.0);
}

#[tokio::test]
async fn while_a_whole_answer_comes() {
    let half = completion(TEXT).len() / 2;
    let provider = Scripted::always(good().cut(half, Step::Stall)).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let connection = gateway.begin(&ask("m")).await;
    provider.until("the call", |counts| counts.calls == 1).await;
    drop(connection);
    assert_gone(&gateway, &provider, 1).await;
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    let provider = Scripted::always(Reply::stream([role(), text("Hello")]).then(Step::Stall)).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, "Hello").await;
    drop(connection);
    let record = assert_gone(&gateway, &provider, 1).await;
    assert_eq!(record["cost.estimated"], true, "{record}");
    assert!(cost(&record) > Some(0.0), "{record}");
    assert_eq!(record["provider.name"], "only");
}

#[tokio::test]
async fn after_the_last_words_and_before_their_end() {
    let provider = Scripted::always(Reply::stream([role(), text("Hello"), finish()]).then(Step::Stall)).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, "\"finish_reason\":\"stop\"").await;
    drop(connection);
    assert_gone(&gateway, &provider, 1).await;
}

#[tokio::test]
async fn while_a_second_provider_is_asked() {
    let first = Scripted::always(refusal(500)).await;
    let second = Scripted::always(Script(vec![Step::Stall])).await;
    let third = Scripted::saying("third").await;
    let setup = Setup::pair(&first, &second)
        .provider("third", &third, "")
        .ordered("three", &["first/m", "second/m", "third/m"]);
    let gateway = Gateway::start(setup).await;
    let connection = gateway.begin(&ask("three")).await;
    second.until("the second attempt", |counts| counts.calls == 1).await;
    drop(connection);
    let record = assert_gone(&gateway, &second, 1).await;
    assert_eq!(record["call.attempts"], 2);
    assert_eq!(third.calls(), 0, "nobody waits for an answer any more");
}

#[tokio::test]
async fn while_a_repeat_is_waited_for() {
    let provider = Scripted::always(refusal(429).header("retry-after", 4)).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "retries = 1")).await;
    let connection = gateway.begin(&ask("m")).await;
    provider.until("the first attempt", |counts| counts.calls == 1 && counts.in_flight == 0).await;
    drop(connection);
    assert_eq!(gateway.record(1).await["call.outcome"], "client_gone");
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn a_half_close_counts_as_gone() {
    let provider = Scripted::always(Script(vec![Step::Stall])).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut connection = gateway.begin(&ask("m")).await;
    provider.until("the call", |counts| counts.calls == 1).await;
    connection.finish_sending().await;
    assert_gone(&gateway, &provider, 1).await;
    assert_eq!(connection.until_closed().await, b"");

    let provider = Scripted::always(Reply::stream([role(), text("Hello")]).then(Step::Stall)).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, "Hello").await;
    connection.finish_sending().await;
    assert_gone(&gateway, &provider, 1).await;
}

#[tokio::test]
async fn one_stream_of_an_http_2_connection() {
    let provider = Scripted::start(|seen| {
        if seen.streamed() { Reply::stream([role(), text("Hello")]).then(Step::Stall) } else { good() }.script()
    })
    .await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    gateway.expect_calls(2);
    let client = Http2::open(gateway.door).await;
    let stream = client.begin(&ask_stream("m")).await;
    assert_eq!(stream.status(), 200);
    drop(stream);
    assert_gone(&gateway, &provider, 1).await;
    // The connection lives on.
    assert_eq!(client.chat(&ask("m")).await.0, 200);
}

#[tokio::test]
async fn in_the_middle_of_the_request() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    gateway.expect_calls(1);
    let mut connection = Connection::open(gateway.door).await;
    let request = raw_chat(&with(ask("m"), json!({"x": "x".repeat(10_000)})));
    connection.send(&request[..5_000]).await;
    drop(connection);
    gateway.event("an end of the half request", |event| event["message"] == "request refused").await;
    assert_eq!(provider.calls(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_is_not_told_to_the_breaker_and_its_retry_never_comes() {
    let provider = Scripted::always(Script(vec![Step::Stall])).await;
    let lines = "retries = 3\nbreaker = { failures = 1, open = \"60s\" }";
    let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
    for count in 1..=3 {
        let connection = gateway.begin(&ask("m")).await;
        provider.until("the call", |counts| counts.calls == count).await;
        drop(connection);
        assert_gone(&gateway, &provider, count).await;
    }
    assert_eq!(provider.calls(), 3);
}
