//! How connections to providers are used, and used again (FAULTS F56, F60). Those that fail are in the table of faults.

use crate::harness::*;

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
