//! What is odd about an answer and passes all the same (FAULTS F31-F34). What is none is in the table of faults.

use std::io::Write;

use crate::harness::*;
use flate2::Compression;
use flate2::write::GzEncoder;

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
