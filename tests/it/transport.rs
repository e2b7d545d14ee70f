//! Providers that cannot be reached, or break the connection (FAULTS F30, F52-F56, F60; PITFALLS 18).

use std::time::Duration;

use crate::harness::*;

const SHORT: &str = "timeouts = { first_byte = \"300ms\", response = \"300ms\", idle = \"300ms\" }";

fn faults() -> Vec<Fault> {
    let drip = good().script();
    let Some(Step::Write(head)) = drip.0.first().cloned() else {
        panic!("an answer begins with its head");
    };
    let slow_head = head.into_iter().flat_map(|byte| [Step::Write(vec![byte]), Step::Pause(Duration::from_millis(50))]);
    vec![
        Fault::new("closed without an answer", Script(vec![Step::Fin]), "reset"),
        Fault::new("reset without an answer", Script(vec![Step::Reset]), "reset"),
        Fault::new("closed in the head", Script::raw("HTTP/1.1 200 OK\r\ncontent-ty").then(Step::Fin), "reset"),
        Fault::new("no HTTP", Script::raw("SSH-2.0-OpenSSH_9.6\r\n").then(Step::Fin), "malformed"),
        Fault::new("a status of words", Script::raw("HTTP/1.1 OK fine\r\n\r\n").then(Step::Fin), "malformed"),
        Fault::new("silence", Script(vec![Step::Stall]), "timeout").with(SHORT),
        Fault::new("a head byte by byte", Script(slow_head.collect()), "timeout").with(SHORT),
    ]
}

#[tokio::test]
async fn broken_connections_fall_back() {
    Faulty::whole(faults()).await.assert_each_falls_back().await;
    Faulty::streamed(faults()).await.assert_each_falls_back().await;
}

#[tokio::test]
async fn a_body_that_stalls_or_resets_falls_back() {
    let half = completion(TEXT).len() / 2;
    Faulty::whole([
        Fault::new("a stall in the body", good().cut(half, Step::Stall), "timeout").with(SHORT),
        Fault::new("a head and silence", good().cut(0, Step::Stall), "timeout").with(SHORT),
    ])
    .await
    .assert_each_falls_back()
    .await;
    let provider = Scripted::always(good().cut(half, Step::Reset)).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(Setup::pair(&provider, &second)).await;
    assert_eq!(gateway.chat(&ask("chat")).await.provider(), "second");
}

#[tokio::test]
async fn an_address_that_refuses_falls_back() {
    let dead = Refusing::new();
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider_at("first", &dead.base_url(), "")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    for request in [ask("chat"), ask_stream("chat")] {
        let response = gateway.chat(&request).await;
        assert_eq!((response.provider(), response.attempts()), ("second", 2));
    }
    let alone = gateway.chat(&ask("first/m")).await;
    alone.assert_error(502, "api_error", Some("all_providers_failed"));
    assert!(alone.text().contains("first (connect)"), "{}", alone.text());
}

#[tokio::test]
async fn an_address_that_swallows_connections_falls_back_after_the_connect_time() {
    let deaf = Deaf::new().await;
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider_at("first", &deaf.base_url(), "timeouts = { connect = \"200ms\" }")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("second", 2));
    let labels = [("provider", "first"), ("class", "connect")];
    assert_eq!(gateway.metrics().await.sum("tollgate_attempts_total", &labels), 1.0);
}

#[tokio::test]
async fn a_name_that_does_not_exist_falls_back() {
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider_at("first", "http://no-such-host.invalid/v1", "")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("second", 2));
    let metrics = gateway.metrics().await;
    let failed = |class| metrics.sum("tollgate_attempts_total", &[("provider", "first"), ("class", class)]);
    assert_eq!(failed("dns") + failed("connect"), 1.0, "{}", metrics.0);
}

#[tokio::test]
async fn calls_in_turn_share_one_connection() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for call in 0..3 {
        let request = if call == 1 { ask_stream("m") } else { ask("m") };
        assert_eq!(gateway.chat(&request).await.status, 200);
    }
    assert_eq!((provider.calls(), provider.counts().connections), (3, 1));
}

#[tokio::test]
async fn a_kept_connection_that_closes_at_the_moment_of_reuse_costs_nobody_a_call() {
    // The second request on the first connection is read and then dropped without a byte.
    let provider = Scripted::start(|seen| match (seen.connection, seen.call) {
        (0, 1) => Script(vec![Step::Fin]),
        _ => good().script(),
    })
    .await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    let response = gateway.chat(&ask("m")).await;
    assert_eq!((response.status, response.attempts()), (200, 1));
    assert_eq!((provider.calls(), provider.counts().connections), (3, 2));
}

#[tokio::test]
async fn an_answer_before_the_request_is_sent_counts() {
    let refused = Scripted::early(refusal(413)).await;
    let gateway = Gateway::start(Setup::one(&refused)).await;
    let long = "long ".repeat(2 << 20);
    let request = with(ask("m"), serde_json::json!({"metadata": {"x": long}}));
    let response = gateway.chat(&request).await;
    response.assert_error(413, "invalid_request_error", Some("request_too_large"));
    assert_eq!(refused.calls(), 1);
}

#[tokio::test]
async fn a_connection_with_bytes_left_over_is_not_used_again() {
    // In one piece: what came later would be taken for the next answer, by anybody.
    let body = completion(TEXT);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let left_over = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let answer = move || Script(vec![Step::Write(format!("{head}{body}{left_over}").into_bytes())]);
    let provider = Scripted::start(move |_| answer()).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for _ in 0..2 {
        let response = gateway.chat(&ask("m")).await;
        assert_eq!((response.status, response.text()), (200, completion(TEXT)));
    }
}
