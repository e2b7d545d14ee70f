//! A 200 that lies (FAULTS F25-F34, F51).

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::*;

fn json_reply(body: &str) -> Reply {
    Reply::new(200, "application/json", body)
}

fn gzip(data: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn gzipped(data: impl AsRef<[u8]>) -> Reply {
    Reply::new(200, "application/json", gzip(data)).header("content-encoding", "gzip")
}

#[tokio::test]
async fn what_is_no_answer_falls_back() {
    let whole = completion(TEXT);
    Faulty::whole([
        Fault::new("empty", json_reply(""), "malformed"),
        Fault::new("blank", json_reply(" \r\n "), "malformed"),
        Fault::new("a login page", Reply::new(200, "text/html", "<html>Log in</html>"), "malformed"),
        Fault::new("a page labelled JSON", json_reply("<html>Log in</html>"), "malformed"),
        Fault::new("an empty object", json_reply("{}"), "malformed"),
        Fault::new("no choices", json_reply(r#"{"choices":[]}"#), "malformed"),
        Fault::new("null choices", json_reply(r#"{"choices":null}"#), "malformed"),
        Fault::new("an array", json_reply(&format!("[{whole}]")), "malformed"),
        Fault::new("half an answer", json_reply(&whole[..whole.len() / 2]), "malformed"),
        Fault::new("two answers", json_reply(&format!("{whole}{whole}")), "malformed"),
        Fault::new("a stream", good_stream(), "malformed"),
        Fault::new(
            "bytes that are no text",
            Reply::new(200, "application/json", b"{\"a\":\"\xff\"}".to_vec()),
            "malformed",
        ),
    ])
    .await
    .assert_each_falls_back()
    .await;
}

#[tokio::test]
async fn an_error_inside_a_200_counts_as_what_its_code_says() {
    let error = |code: Value| json_reply(&json!({"error": {"message": "no", "code": code}}).to_string());
    Faulty::whole([
        Fault::new("500", error(json!(500)), "server_error"),
        Fault::new("a string of digits", error(json!("502")), "server_error"),
        Fault::new("429", error(json!(429)), "rate_limited").alone(Alone::LIMITED),
        Fault::new("401", error(json!(401)), "unauthorized"),
        Fault::new("402", error(json!(402)), "billing"),
        Fault::new("only words", json_reply(r#"{"error":"model exploded"}"#), "server_error"),
        Fault::new("beside choices", json_reply(r#"{"error":{"code":503},"choices":[{"index":0}]}"#), "server_error"),
    ])
    .await
    .assert_each_falls_back()
    .await;
}

#[tokio::test]
async fn bodies_of_another_length_than_announced_fall_back() {
    let whole = completion(TEXT).len();
    Faulty::whole([
        Fault::new("too short, closed", good().cut(whole / 2, Step::Fin), "truncated"),
        Fault::new("announced too long", good().length(whole + 10).then(Step::Fin), "truncated"),
        Fault::new("announced too short", good().length(whole - 10).then(Step::Fin), "malformed"),
        Fault::new("chunks without an end", Reply::stream([completion(TEXT)]).then(Step::Fin), "truncated"),
        Fault::new("half until close", json_reply(&completion(TEXT)[..40]).until_close(), "malformed"),
    ])
    .await
    .assert_each_falls_back()
    .await;
}

#[tokio::test]
async fn codings_that_lie_fall_back() {
    let half = gzip(completion(TEXT));
    Faulty::whole([
        Fault::new("gzip that is none", good().header("content-encoding", "gzip"), "malformed"),
        Fault::new("brotli", good().header("content-encoding", "br"), "malformed"),
        Fault::new("zstd", good().header("content-encoding", "zstd"), "malformed"),
        Fault::new("gzip twice", good().header("content-encoding", "gzip, gzip"), "malformed"),
        Fault::new(
            "half of gzip",
            json_reply("").header("content-encoding", "gzip").then(Step::Write(half[..half.len() / 2].to_vec())),
            "malformed",
        ),
        Fault::new("gzip without its label", Reply::new(200, "application/json", half), "malformed"),
    ])
    .await
    .assert_each_falls_back()
    .await;
}

#[tokio::test]
async fn gzip_that_nobody_asked_for_is_decoded() {
    let provider = Scripted::start(|seen| {
        if seen.streamed() {
            Reply::stream([gzip(event_bytes())]).header("content-encoding", "gzip").split(7).script()
        } else {
            gzipped(completion(TEXT)).script()
        }
    })
    .await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let whole = gateway.chat(&ask("m")).await;
    assert_eq!((whole.status, whole.text()), (200, completion(TEXT)));
    let stream = gateway.chat(&ask_stream("m")).await;
    assert_eq!((stream.status, stream.body.clone()), (200, event_bytes()));
    for response in [whole, stream] {
        assert_eq!(response.header("content-encoding"), None);
    }
    assert_eq!(provider.last().header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn answers_are_never_compressed_on_their_way_out() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for request in [ask("m"), ask_stream("m")] {
        let response = gateway.chat_with(&request, &["accept-encoding: gzip, br, zstd"]).await;
        assert_eq!((response.status, response.header("content-encoding")), (200, None));
        assert!(response.text().contains(TEXT));
    }
}

#[tokio::test]
async fn a_gzip_bomb_costs_no_memory() {
    // 256 MiB in about 256 KiB; one begins like an answer and one does not.
    let mut answer = br#"{"choices":[{"x":""#.to_vec();
    answer.resize(256 << 20, b'x');
    let bombs = [gzipped(vec![0_u8; 256 << 20]), gzipped(answer)];
    let provider = Scripted::in_turn(bombs).await;
    let setup = Setup::one(&provider).server("response_limit = \"1MiB\"");
    let gateway = Gateway::start(setup).await;
    let before = gateway.peak_memory();
    gateway.chat(&ask("m")).await.assert_error(502, "api_error", Some("all_providers_failed"));
    let mut connection = gateway.begin(&ask("m")).await;
    let mut response = connection.head().await.unwrap();
    while connection.piece(&mut response).await.is_some() {}
    let grown = gateway.peak_memory() - before;
    assert!(grown < 40 << 20, "the gateway grew by {grown} bytes");
}

#[tokio::test]
async fn absurd_usage_is_no_usage_and_the_answer_passes() {
    for usage in [
        "null",
        r#"{"prompt_tokens":-5,"completion_tokens":1}"#,
        r#"{"prompt_tokens":"5","completion_tokens":1}"#,
        r#"{"prompt_tokens":9223372036854775808,"completion_tokens":1}"#,
    ] {
        let body = format!(
            r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":"hello"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
        );
        let provider = Scripted::always(json_reply(&body)).await;
        let gateway = Gateway::start(Setup::one(&provider)).await;
        assert_eq!(gateway.chat(&ask("m")).await.text(), body);
        let record = gateway.record(1).await;
        assert!(record.get("tokens.input").is_none(), "{record}");
        assert_eq!(record["cost.estimated"], true, "{record}");
        assert!(cost(&record) > Some(0.0), "{record}");
    }
}

#[tokio::test]
async fn odd_finish_reasons_and_arguments_pass() {
    for choice in [
        r#"{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":null}"#,
        r#"{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":""}"#,
        r#"{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"endTurn"}"#,
        r#"{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{not json"}}]},"finish_reason":"tool_calls"}"#,
    ] {
        let body = format!(r#"{{"choices":[{choice}]}}"#);
        let provider = Scripted::always(json_reply(&body)).await;
        let gateway = Gateway::start(Setup::one(&provider)).await;
        let response = gateway.chat(&ask("m")).await;
        assert_eq!((response.status, response.text()), (200, body));
    }
}
