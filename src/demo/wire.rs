//! Answers and errors in OpenAI's JSON, whole or as the events of a stream.
//!
//! The shapes are those of <https://platform.openai.com/docs/api-reference/chat> and its streaming page.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::ErrorText;
use super::answer::{Answer, Choice, Content};

/// What all chunks of one answer share.
#[derive(Debug)]
pub(super) struct Stamp<'a> {
    id: String,
    created: u64,
    model: &'a str,
}

impl<'a> Stamp<'a> {
    pub(super) fn now(model: &'a str) -> Self {
        Self { id: format!("chatcmpl-{}", uuid::Uuid::now_v7().simple()), created: unix_now(), model }
    }
}

/// The body of an answer that is not streamed.
pub(super) fn completion(answer: &Answer, stamp: &Stamp) -> Bytes {
    let choices: Vec<_> = (answer.choices.iter().enumerate())
        .map(|(index, choice)| {
            json!({
                "index": index,
                "message": message(choice, stamp, index),
                "logprobs": null,
                "finish_reason": choice.finish_reason,
            })
        })
        .collect();
    bytes(&json!({
        "id": stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": stamp.model,
        "choices": choices,
        "usage": usage(answer),
        "system_fingerprint": "fp_simulated",
    }))
}

/// The events of a streamed answer, `[DONE]` last. The first carries the role and no text.
pub(super) fn events(answer: &Answer, stamp: &Stamp, include_usage: bool) -> Vec<Bytes> {
    let deltas: Vec<_> =
        (answer.choices.iter().enumerate()).map(|(index, choice)| deltas(choice, stamp, index)).collect();
    let longest = deltas.iter().map(Vec::len).max().unwrap_or(0);
    let mut chunks = Vec::new();
    for place in 0..longest {
        for (index, deltas) in deltas.iter().enumerate() {
            let Some(delta) = deltas.get(place) else { continue };
            let last = place + 1 == deltas.len();
            let finish_reason = last.then_some(answer.choices[index].finish_reason);
            let choice = json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
            chunks.push(chunk(stamp, &json!([choice]), include_usage.then_some(Value::Null)));
        }
    }
    if include_usage {
        chunks.push(chunk(stamp, &json!([]), Some(usage(answer))));
    }
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    chunks.iter().map(event).chain([done]).collect()
}

/// One event of a stream that carries an error.
pub(super) fn error_event(text: &ErrorText) -> Bytes {
    event(&error_value(StatusCode::INTERNAL_SERVER_ERROR, text, None))
}

/// The body of an error. What the script left out is what OpenAI says with this status.
pub(super) fn error(status: StatusCode, text: &ErrorText, param: Option<&str>) -> Bytes {
    bytes(&error_value(status, text, param))
}

/// The body of `GET /v1/models`.
pub(super) fn models(models: &[String], owner: &str) -> Bytes {
    let rows: Vec<_> = (models.iter())
        .map(|id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": owner}))
        .collect();
    bytes(&json!({"object": "list", "data": rows}))
}

fn message(choice: &Choice, stamp: &Stamp, index: usize) -> Value {
    match &choice.content {
        Content::Text(words) => json!({"role": "assistant", "content": words.concat(), "refusal": null}),
        Content::Tool { name, arguments } => json!({
            "role": "assistant",
            "content": null,
            "refusal": null,
            "tool_calls": [{
                "id": call_id(stamp, index),
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }],
        }),
    }
}

fn deltas(choice: &Choice, stamp: &Stamp, index: usize) -> Vec<Value> {
    let mut deltas = Vec::new();
    match &choice.content {
        Content::Text(words) => {
            deltas.push(json!({"role": "assistant", "content": "", "refusal": null}));
            deltas.extend(words.iter().map(|word| json!({"content": word})));
        }
        Content::Tool { name, arguments } => {
            let function = json!({"name": name, "arguments": ""});
            let call = json!({"index": 0, "id": call_id(stamp, index), "type": "function", "function": function});
            deltas.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
            let pieces = arguments.split_inclusive([',', ':']);
            deltas.extend(pieces.map(|piece| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})));
        }
    }
    deltas.push(json!({}));
    deltas
}

/// Equal in all chunks of a call, different between calls and choices.
fn call_id(stamp: &Stamp, index: usize) -> String {
    let unique = stamp.id.trim_start_matches("chatcmpl-");
    format!("call_{unique}{index}")
}

fn chunk(stamp: &Stamp, choices: &Value, usage: Option<Value>) -> Value {
    let mut chunk = json!({
        "id": stamp.id,
        "object": "chat.completion.chunk",
        "created": stamp.created,
        "model": stamp.model,
        "system_fingerprint": "fp_simulated",
        "choices": choices,
    });
    if let Some(usage) = usage {
        chunk["usage"] = usage;
    }
    chunk
}

fn usage(answer: &Answer) -> Value {
    json!({
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens.saturating_add(answer.completion_tokens),
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}

fn error_value(status: StatusCode, text: &ErrorText, param: Option<&str>) -> Value {
    let (kind, code) = match status.as_u16() {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("rate_limit_error", Some("rate_limit_exceeded")),
        400..500 => ("invalid_request_error", None),
        _ => ("server_error", None),
    };
    let failure = || format!("Simulated failure: {status}");
    json!({"error": {
        "message": text.message.clone().unwrap_or_else(failure),
        "type": text.kind.as_deref().unwrap_or(kind),
        "param": param,
        "code": text.code.as_deref().or(code),
    }})
}

fn event(value: &Value) -> Bytes {
    format!("data: {value}\n\n").into()
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
