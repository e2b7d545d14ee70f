//! How the words for an answer's end are read and written: whole answers of each provider, at each door.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::call::{Caller, Door};
use crate::config::preset;
use crate::dialects::testing::call_at;
use crate::dialects::{Bridge, Target};

/// A provider's words. Those of `mistral` are read as those of OpenAI's format are.
struct Words {
    kind: &'static str,
    model: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    answer: fn(&str) -> Value,
}

const PROVIDERS: [Words; 4] = [
    Words {
        kind: "deepseek",
        model: "deepseek-chat",
        title: "OpenAI's format",
        words: &[
            "stop",
            "eos",
            "length",
            "max_tokens",
            "model_length",
            "tool_calls",
            "function_call",
            "content_filter",
            "safety",
            "refusal",
            "any other",
        ],
        answer: openai,
    },
    Words {
        kind: "anthropic",
        model: "claude-sonnet-4-5",
        title: "Anthropic",
        words: &[
            "end_turn",
            "stop_sequence",
            "max_tokens",
            "model_context_window_exceeded",
            "tool_use",
            "pause_turn",
            "refusal",
            "any other",
        ],
        answer: anthropic,
    },
    Words {
        kind: "gemini",
        model: "gemini-2.5-flash",
        title: "Gemini",
        words: &[
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "RECITATION",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "MALFORMED_FUNCTION_CALL",
            "any other",
        ],
        answer: gemini,
    },
    Words {
        kind: "cohere",
        model: "command-a-03-2025",
        title: "Cohere",
        words: &[
            "COMPLETE",
            "STOP_SEQUENCE",
            "MAX_TOKENS",
            "ERROR_LIMIT",
            "TOOL_CALL",
            "ERROR_TOXIC",
            "ERROR",
            "TIMEOUT",
            "any other",
        ],
        answer: cohere,
    },
];

/// Words that end an answer with a call in it.
fn calls(word: &str) -> bool {
    matches!(word, "tool_calls" | "function_call" | "tool_use" | "TOOL_CALL")
}

fn openai(word: &str) -> Value {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let message = match calls(word) {
        true => json!({"role": "assistant", "content": null, "tool_calls": [call]}),
        false => json!({"role": "assistant", "content": "ok"}),
    };
    json!({"choices": [{"index": 0, "message": message, "finish_reason": word}]})
}

fn anthropic(word: &str) -> Value {
    let content = match calls(word) {
        true => json!([{"type": "tool_use", "id": "c", "name": "f", "input": {}}]),
        false => json!([{"type": "text", "text": "ok"}]),
    };
    let sequence = (word == "stop_sequence").then_some("END");
    json!({"type": "message", "role": "assistant", "content": content, "stop_reason": word, "stop_sequence": sequence,
        "usage": {"input_tokens": 1, "output_tokens": 1}})
}

fn gemini(word: &str) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": word, "index": 0}]})
}

fn cohere(word: &str) -> Value {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let message = match calls(word) {
        true => json!({"role": "assistant", "tool_calls": [call]}),
        false => json!({"role": "assistant", "content": [{"type": "text", "text": "ok"}]}),
    };
    json!({"id": "a", "message": message, "finish_reason": word})
}

pub(super) fn render() -> String {
    let mut out = String::from(
        "| provider | its word | chat | completions | messages | responses |\n|---|---|---|---|---|---|\n",
    );
    for provider in &PROVIDERS {
        for word in provider.words {
            let ends: Vec<String> = [Door::ChatCompletions, Door::Completions, Door::Messages, Door::Responses]
                .map(|door| end(provider, word, door))
                .into();
            writeln!(out, "| {} | `{word}` | {} |", provider.title, ends.join(" | ")).unwrap();
        }
    }
    out
}

/// What a client of this door is told. `=`: the answer passes as it is.
fn end(provider: &Words, word: &str, door: Door) -> String {
    let request = match door {
        Door::Completions => json!({"model": provider.model, "prompt": "hi"}),
        Door::Responses => json!({"model": provider.model, "input": "hi"}),
        _ => json!({"model": provider.model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    };
    let caller = Caller { key: "k".into(), user: "u".into(), team: None, models: Vec::new() };
    let call = call_at(door, &request.to_string(), Arc::new(caller)).unwrap();
    let preset = preset(provider.kind).expect("a kind of the table of presets");
    let target = Target { model: provider.model, max_output: None, ask_usage: false };
    let bridge = Bridge::new(&call, preset, target);
    if bridge.is_verbatim() {
        return "=".to_owned();
    }
    let answer = (provider.answer)(word).to_string();
    let whole = match bridge.read_whole(Bytes::from(answer), 0) {
        Ok(whole) => whole,
        Err(fault) => return format!("an error: {}", fault.class.as_str()),
    };
    let answer: Value = serde_json::from_slice(&whole.bytes).unwrap();
    told(&answer, door)
}

fn told(answer: &Value, door: Door) -> String {
    let word = |value: &Value| value.as_str().map_or("null".to_owned(), |word| format!("`{word}`"));
    match door {
        Door::Messages => word(&answer["stop_reason"]),
        Door::Responses => match answer["incomplete_details"]["reason"].as_str() {
            Some(reason) => format!("{}, `{reason}`", word(&answer["status"])),
            None => word(&answer["status"]),
        },
        _ => word(&answer["choices"][0]["finish_reason"]),
    }
}
