//! Each recording as its own dialect: the client gets the provider's bytes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{KINDS, gateway, kind_of};
use crate::harness::*;

/// The recorded request, asking the replaying provider for its recorded answer.
fn asking(recording: &Recording, door: Door, way: &str) -> Value {
    let tag = recording.tag(way);
    let stream = recording.is_stream() || recording.request["stream"] == true;
    let kind = kind_of(recording);
    let request = match door {
        Door::Chat => with(recording.request.clone(), json!({"messages": [{"role": "user", "content": tag}]})),
        Door::CountTokens => recording.request.clone(),
        Door::Messages => {
            let limit = recording.request["max_tokens"].as_u64().unwrap_or(100);
            let messages = json!([{"role": "user", "content": tag}]);
            with(recording.request.clone(), json!({"messages": messages, "max_tokens": limit}))
        }
        Door::Completions => with(recording.request.clone(), json!({"prompt": tag})),
        Door::Responses | Door::Embeddings => with(recording.request.clone(), json!({"input": tag})),
    };
    let model = match door {
        // Only models of the legacy door have it.
        Door::Completions => format!("{kind}/{}", recording.request["model"].as_str().unwrap_or("davinci-002")),
        _ => format!("{kind}-replayed"),
    };
    let request = with(request, json!({"model": model}));
    if door == Door::Embeddings { request } else { with(request, json!({"stream": stream})) }
}

/// An error inside a stream, or instead of it.
fn fails(recording: &Recording) -> bool {
    // Ollama's own embeddings are no OpenAI format.
    recording.id == "ollama-embeddings-001"
        || recording.status() != 200
        || recording.breaks()
        || recording.stream().starts_with("event: error")
}

/// Mistral's thoughts and its calls without an index have no place in OpenAI's format, whose clients would stumble.
fn is_mended(recording: &Recording) -> bool {
    let text = recording.response.to_string().replace(['\\', ' '], "");
    let unnumbered = recording.is_stream()
        && text.contains("\"tool_calls\":[{")
        && !text.contains("}\",\"index\":")
        && !text.contains("},\"index\":0}]");
    recording.provider == "mistral" && (text.contains("\"type\":\"thinking\"") || unnumbered)
}

/// All text of an answer or a stream, its thoughts, and the names and arguments of its calls, wherever they stand.
fn heard(text: &str) -> [String; 3] {
    let documents: Vec<Value> = match serde_json::from_str(text) {
        Ok(answer) => vec![answer],
        Err(_) => data(text.as_bytes()),
    };
    let mut heard = [String::new(), String::new(), String::new()];
    for choice in documents.iter().map(|document| &document["choices"][0]) {
        let message = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        let [text, thoughts, calls] = &mut heard;
        *text += message["content"].as_str().unwrap_or_default();
        *thoughts += message["reasoning_content"].as_str().unwrap_or_default();
        for part in message["content"].as_array().into_iter().flatten() {
            *text += part["text"].as_str().unwrap_or_default();
            let inner = part["thinking"].as_array().into_iter().flatten();
            inner.for_each(|thought| *thoughts += thought["text"].as_str().unwrap_or_default());
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            *calls += &call["function"].to_string();
        }
    }
    heard
}

/// How the client's answer differs from the provider's.
async fn try_one(replay: &Replay, gateway: &Gateway, recording: &Recording, door: Door, way: &str) -> Option<String> {
    let request = asking(recording, door, way);
    let expected = replay.direct(door.path(), door.headers(), &request).await;
    let response = gateway.call(door, &request).await;
    let (found, sent) = (response.text(), expected.text());
    let same = if is_mended(recording) {
        heard(&found) == heard(&sent)
    } else {
        response.body == expected.body && (!recording.is_stream() || found == recording.stream())
    };
    let typed = response.header("content-type") == expected.header("content-type");
    let whole = response.status == 200 && response.end == End::Whole;
    let kind = response.header("content-type");
    (!same || !typed || !whole).then(|| format!("{} {kind:?}\n{found:.1500}\nis not\n{sent:.1500}", response.status))
}

async fn assert_verbatim(door: Door, endpoint: &str, least: usize) {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay, &KINDS).await;
    let mut faults = Vec::new();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for recording in Recording::all(&shared, &[endpoint]).iter().filter(|recording| !fails(recording)) {
        let mended = is_mended(recording);
        let ways: &[&str] = if recording.is_stream() { &["", " split=1", " split=random:9"] } else { &[""] };
        let mut good = true;
        for way in ways {
            let fault = try_one(&replay, &gateway, recording, door, way).await;
            good &= fault.is_none();
            faults.extend(fault.map(|fault| format!("{}{way}: {fault}", recording.id)));
        }
        let name = if mended { "mistral, mended" } else { &recording.provider };
        let count = counts.entry(name.to_owned()).or_default();
        count.0 += usize::from(good);
        count.1 += 1;
    }
    let all: usize = counts.values().map(|(_, all)| all).sum();
    eprintln!("{endpoint} byte for byte: {counts:?}");
    assert!(faults.is_empty(), "{} of {all}:\n{}", faults.len(), faults.join("\n"));
    assert!(all >= least, "{all} recordings");
}

#[tokio::test]
async fn anthropic_messages_pass_byte_for_byte() {
    assert_verbatim(Door::Messages, "messages", 50).await;
}

#[tokio::test]
async fn openai_responses_pass_byte_for_byte() {
    assert_verbatim(Door::Responses, "responses", 8).await;
}

#[tokio::test]
async fn legacy_completions_pass_byte_for_byte() {
    assert_verbatim(Door::Completions, "completions", 5).await;
}

#[tokio::test]
async fn embeddings_pass_byte_for_byte() {
    assert_verbatim(Door::Embeddings, "embeddings", 10).await;
}

#[tokio::test]
async fn chats_of_every_vendor_pass_byte_for_byte() {
    assert_verbatim(Door::Chat, "chat.completions", 120).await;
}

#[tokio::test]
async fn counts_of_tokens_pass_byte_for_byte() {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay, &["anthropic"]).await;
    let mut passed = 0;
    for recording in Recording::all(&shared, &["messages.count_tokens"]).iter().filter(|one| one.status() == 200) {
        let messages = json!([{"role": "user", "content": recording.tag("")}]);
        let request = with(recording.request.clone(), json!({"model": "anthropic-replayed", "messages": messages}));
        let door = Door::CountTokens;
        let expected = replay.direct(door.path(), door.headers(), &request).await;
        let response = gateway.call(door, &request).await;
        assert_eq!((response.status, response.text()), (200, expected.text()), "{}", recording.id);
        passed += 1;
    }
    assert_eq!(passed, 3);
}
