//! Each recording as its own dialect: the client gets the provider's bytes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{KINDS, gateway, kind_of};
use crate::harness::*;

/// The recorded request, asking the replaying provider for its recorded answer.
fn asking(recording: &Recording, door: Door) -> Value {
    let tag = recording.tag("");
    let stream = recording.is_stream() || recording.request["stream"] == true;
    let kind = kind_of(recording);
    let request = match door {
        Door::Chat => with(recording.request.clone(), json!({"messages": [{"role": "user", "content": tag}]})),
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
    recording.status() != 200 || recording.breaks() || recording.stream().starts_with("event: error")
}

async fn assert_verbatim(door: Door, endpoint: &str, least: usize) {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay, &KINDS).await;
    let mut faults = Vec::new();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for recording in Recording::all(&shared, &[endpoint]).iter().filter(|recording| !fails(recording)) {
        let request = asking(recording, door);
        let expected = replay.direct(door.path(), door.headers(), &request).await;
        let response = gateway.call(door, &request).await;
        let same = response.status == 200 && response.body == expected.body && response.end == End::Whole;
        let recorded = !recording.is_stream() || response.text() == recording.stream();
        let typed = response.header("content-type") == expected.header("content-type");
        if !(same && recorded && typed) {
            faults.push(format!(
                "{}: {} {:?}\n{:.1500}\nis not\n{:.1500}",
                recording.id,
                response.status,
                response.header("content-type"),
                response.text(),
                expected.text()
            ));
        }
        let count = counts.entry(recording.provider.clone()).or_default();
        count.0 += usize::from(same && recorded && typed);
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
        let path = "/v1/messages/count_tokens";
        let expected = replay.direct(path, Door::Messages.headers(), &request).await;
        let response = gateway.exchange(gateway.door, post(path, Door::Messages.headers(), request.to_string())).await;
        assert_eq!((response.status, response.text()), (200, expected.text()), "{}", recording.id);
        passed += 1;
    }
    assert_eq!(passed, 3);
}
