//! Recorded traffic of real providers, replayed: verbatim answers come back byte for byte, and errors as DESIGN 4.5 says.

use std::path::Path;

use serde_json::{Value, json};

use crate::grammar::{check_chat, check_completions, check_messages, check_responses};
use crate::harness::*;

/// Those of chat endpoints.
fn chats(shared: &Path) -> Vec<Recording> {
    Recording::all(shared, &["chat.completions"])
}

/// The recorded request, asking the replaying provider for its recorded answer.
fn asking(recording: &Recording) -> Value {
    let stream = recording.is_stream() || recording.request["stream"] == true;
    let messages = json!([{"role": "user", "content": recording.tag("")}]);
    with(recording.request.clone(), json!({"model": "replayed", "stream": stream, "messages": messages}))
}

/// The bytes to compare with.
async fn direct(replay: &Replay, request: &Value) -> Response {
    replay.direct("/v1/chat/completions", &[], request).await
}

async fn gateway(replay: &Replay) -> Gateway {
    let lines = "inject_usage = false\nbreaker = { failures = 1000000, open = \"1s\" }\n\
                 models = [{ name = \"replayed\", input = 1, output = 1 }]";
    Gateway::start(Setup::new().provider_at("replay", &replay.base_url("openai"), lines)).await
}

#[tokio::test]
async fn good_answers_come_back_byte_for_byte() {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay).await;
    let (mut whole, mut streamed) = (0, 0);
    for recording in chats(&shared) {
        if recording.status() != 200 || recording.breaks() {
            continue;
        }
        let request = asking(&recording);
        let expected = direct(&replay, &request).await;
        let response = gateway.chat(&request).await;
        let id = &recording.id;
        assert_eq!((response.status, response.end), (200, End::Whole), "{id}: {}", response.text());
        assert!(
            response.body == expected.body,
            "{id} (n = {}):\n{}\nis not\n{}",
            recording.request["n"],
            response.text(),
            expected.text()
        );
        match recording.response["sse_text"].as_str() {
            Some(text) => {
                assert!(response.text() == text, "{id} is not what was recorded");
                streamed += 1;
            }
            None => whole += 1,
        }
        assert_eq!(response.header("content-type"), expected.header("content-type"), "{id}");
    }
    assert!(whole >= 50 && streamed >= 30, "{whole} whole and {streamed} streamed recordings");
    for record in gateway.records(whole + streamed).await {
        assert_eq!(record["call.outcome"], "ok", "{record}");
    }
    eprintln!("{whole} whole and {streamed} streamed recordings came back byte for byte");
}

#[tokio::test]
async fn recorded_requests_reach_the_provider_byte_for_byte() {
    let Some(shared) = shared() else { return };
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "inject_usage = false")).await;
    let mut count = 0;
    for recording in chats(&shared) {
        let Some(model) = recording.request["model"].as_str().filter(|_| recording.status() == 200) else {
            continue;
        };
        let text = recording.request.to_string();
        let asked = text.replace(&format!(r#""model":"{model}""#), &format!(r#""model":"only/{model}""#));
        let response = gateway.chat_bytes(&asked, &[JSON]).await;
        assert_eq!(response.status, 200, "{}: {}", recording.id, response.text());
        assert!(provider.last().text() == text, "{}: the request was changed", recording.id);
        count += 1;
    }
    assert!(count >= 100, "{count} recorded requests");
}

#[tokio::test]
async fn recorded_errors_arrive_as_the_contract_says() {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay).await;
    let mut count = 0;
    for recording in chats(&shared) {
        let response = match (recording.status(), recording.breaks()) {
            (200, false) => continue,
            _ => gateway.chat(&asking(&recording)).await,
        };
        count += 1;
        let (id, text) = (&recording.id, response.text());
        eprintln!("{id}: {} -> {} {text:.200}", recording.status(), response.status);
        match recording.status() {
            200 => {
                let recorded = recording.response["sse_text"].as_str().expect("only streams break");
                let kept = recorded.split("event: error").next().expect("there is a beginning");
                response.assert_stream_error();
                assert!(text.starts_with(kept), "{id}: {text}");
            }
            status @ (400 | 413 | 422) => {
                assert_eq!(u64::from(response.status), status, "{id}: {text}");
                assert_eq!(response.json()["error"]["type"], "invalid_request_error", "{id}: {text}");
                assert_eq!(response.header("x-should-retry"), Some("false"), "{id}");
            }
            429 => {
                response.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
                assert!(response.header("retry-after").is_some(), "{id}");
            }
            _ => {
                response.assert_error(502, "api_error", Some("all_providers_failed"));
            }
        }
    }
    assert!(count >= 10, "{count} recorded errors");
}

#[test]
fn the_checkers_take_what_vendors_really_send() {
    let Some(shared) = shared() else { return };
    let (mut count, mut faults) = (0, Vec::new());
    for recording in Recording::all(&shared, &["chat.completions", "messages", "responses", "completions"]) {
        let (vendor, stream) = (&*recording.provider, recording.stream());
        let usage = stream.replace(' ', "").contains("\"usage\":{");
        let checked = match (vendor, &*recording.endpoint) {
            _ if stream.is_empty() || recording.status() != 200 => continue,
            // Not OpenAI's own: a role in every chunk.
            _ if stream.contains("native_finish_reason") => continue,
            // Older than sequence numbers.
            (_, "responses") if !stream.contains("sequence_number") => continue,
            ("openai", "chat.completions") => check_chat(stream, usage),
            ("openai", "completions") => check_completions(stream, usage),
            (_, "messages") => check_messages(stream),
            (_, "responses") => check_responses(stream),
            _ => continue,
        };
        faults.extend(checked.err().map(|rule| format!("{}: {rule}", recording.id)));
        count += 1;
    }
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
    assert!(count >= 40, "{count} recorded streams");
}
