//! Each fault that a script can order, as a caller sees it.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::client::{End, chat, provider, question, with_rule};
use crate::demo::Running;

#[tokio::test]
async fn a_status_comes_with_its_retry_after_headers_and_texts() {
    let rule = "status = 429\nretry_after = '7'\nheaders = { x-ratelimit-reset-requests = '1m30s' }\n\
                message = 'slow down'\ncode = 'insufficient_quota'";
    let seen = with_rule(rule, true).await;
    assert_eq!((seen.status, seen.header("retry-after")), (429, "7"));
    assert_eq!(seen.header("x-ratelimit-reset-requests"), "1m30s");
    let error =
        json!({"message": "slow down", "type": "rate_limit_error", "param": null, "code": "insufficient_quota"});
    assert_eq!(seen.json()["error"], error);
}

#[tokio::test]
async fn rules_follow_each_other_and_then_it_answers() {
    let rules = "[[provider]]\nname = 'p'\n[[provider.rule]]\ntimes = 2\nstatus = 500\n\
                 [[provider.rule]]\ntimes = 1\nstatus = 503";
    let running = provider(rules).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(chat(&running, &question(false)).await.unwrap().status);
    }
    assert_eq!(seen, [500, 500, 503, 200]);
}

#[tokio::test]
async fn a_rule_leaves_calls_alone_that_it_is_not_about() {
    let rule = "when = { model = 'gpt-*' }\nstatus = 500";
    assert_eq!(with_rule(rule, false).await.status, 200);
    let rule = "when = { model = 'demo-*', stream = false, contains = 'SKY' }\nstatus = 500";
    assert_eq!(with_rule(rule, true).await.status, 200);
    assert_eq!(with_rule(rule, false).await.status, 500);
}

#[tokio::test]
async fn a_cut_stream_has_so_many_events_and_ends_as_the_script_says() {
    let reset = with_rule("cut_after = 3", true).await;
    assert_eq!((reset.status, reset.events().len(), reset.end), (200, 3, End::Reset));
    let closed = with_rule("cut_after = 3\ncut = 'close'", true).await;
    assert_eq!((closed.events().len(), closed.end), (3, End::Closed));
    let at_once = with_rule("cut_after = 0", true).await;
    assert_eq!((at_once.status, at_once.body.len(), at_once.end), (200, 0, End::Reset));
}

#[tokio::test]
async fn a_cut_answer_is_shorter_than_it_says() {
    let seen = with_rule("cut_after = 10\ncut = 'close'", false).await;
    assert_eq!((seen.body.len(), seen.end), (10, End::Closed));
    assert!(seen.header("content-length").parse::<usize>().unwrap() > 10);
}

#[tokio::test]
async fn an_answer_that_is_shorter_than_the_cut_is_whole() {
    let seen = with_rule("cut_after = 100000", true).await;
    assert_eq!((seen.events().last().unwrap().as_str(), seen.end), ("[DONE]", End::Whole));
}

#[tokio::test]
async fn a_hang_up_ends_the_connection_without_a_head() {
    let script = "[[provider]]\nname = 'p'\n[[provider.rule]]\nwhen = { stream = true }\nhang_up = true\n\
                  [[provider.rule]]\nhang_up = true\ncut = 'close'";
    let running = provider(script).await;
    assert_eq!(chat(&running, &question(true)).await.unwrap_err(), End::Reset);
    assert_eq!(chat(&running, &question(false)).await.unwrap_err(), End::Closed);
}

#[tokio::test]
async fn an_error_event_ends_a_stream_and_replaces_a_whole_answer() {
    let rule = "error_event_after = 2\nmessage = 'overloaded'";
    let stream = with_rule(rule, true).await;
    let chunks = stream.chunks();
    assert_eq!((chunks.len(), stream.events().len(), stream.end), (3, 3, End::Whole));
    assert_eq!(chunks[2]["error"]["message"], "overloaded");

    let whole = with_rule(rule, false).await;
    assert_eq!((whole.status, &whole.json()["error"]["message"]), (200, &json!("overloaded")));
}

#[tokio::test]
async fn a_stream_may_end_without_done() {
    let seen = with_rule("no_done = true", true).await;
    assert_eq!(seen.end, End::Whole);
    assert_eq!(seen.events().len(), seen.chunks().len());
    assert_eq!(seen.chunks().last().unwrap()["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn garbage_is_no_answer_of_openais() {
    let html = with_rule("garbage = 'html'\nstatus = 502", false).await;
    assert_eq!((html.status, html.header("content-type")), (502, "text/html"));
    assert_eq!(with_rule("garbage = 'empty'", true).await.body, b"");
    assert_eq!(with_rule("garbage = 'json'", true).await.json()["choices"], "none");
    let binary = with_rule("garbage = 'binary'", false).await;
    assert!(String::from_utf8(binary.body).is_err());
}

#[tokio::test]
async fn latency_and_delay_come_before_the_head_and_pace_between_events() {
    let script = "[[provider]]\nname = 'p'\nwords = 4\nlatency = '20ms'\npace = '1m'\n\
                  [[provider.rule]]\ndelay = '20ms'\npace = '10ms'";
    let running = provider(script).await;
    let begun = Instant::now();
    let seen = chat(&running, &question(true)).await.unwrap();
    assert_eq!(seen.events().len(), 7);
    assert!(begun.elapsed() >= Duration::from_millis(20 + 20 + 6 * 10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stall_lasts_until_the_caller_leaves() {
    let stalled = provider("[[provider]]\nname = 'p'\n[[provider.rule]]\nstall = true").await;
    let mut socket = ask_raw(&stalled, true).await;
    let silence = timeout(Duration::from_millis(50), socket.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!((stalled.calls(), stalled.connections()), (1, 1));
    drop(socket);
    let left = async {
        while stalled.connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), left).await.unwrap();
}

#[tokio::test]
async fn a_stall_in_mid_answer_follows_what_was_sent() {
    for (stream, needle) in [(true, "\"delta\":{\"role\""), (false, "{\"id\"")] {
        let running = provider("[[provider]]\nname = 'p'\n[[provider.rule]]\nstall_after = 5").await;
        let mut socket = ask_raw(&running, stream).await;
        let mut text = Vec::new();
        let so_far = async {
            while !String::from_utf8_lossy(&text).contains(needle) {
                assert_ne!(socket.read_buf(&mut text).await.unwrap(), 0);
            }
        };
        timeout(Duration::from_secs(5), so_far).await.unwrap();
        let rest = timeout(Duration::from_millis(50), socket.read_to_end(&mut text)).await;
        assert!(rest.is_err() && !String::from_utf8_lossy(&text).contains("[DONE]"));
    }
}

#[tokio::test]
async fn shutdown_cuts_what_is_open() {
    let running = provider("[[provider]]\nname = 'p'\n[[provider.rule]]\nstall = true").await;
    let mut socket = ask_raw(&running, false).await;
    while running.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let addr = running.addr();
    running.shutdown().await;
    assert_eq!(socket.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(addr).await.is_err());
}

async fn ask_raw(running: &Running, stream: bool) -> TcpStream {
    let body = question(stream).to_string();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut socket = TcpStream::connect(running.addr()).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    socket
}
