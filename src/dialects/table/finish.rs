//! How the words for an answer's end are read and written: whole answers of each provider, at each door.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::api::chat::Finish;
use crate::call::{Caller, Door};
use crate::config::preset;
use crate::dialects::testing::call_at;
use crate::dialects::{Bridge, Target, anthropic, cohere, gemini, openai_chat};

/// Stands for every word that nobody knows.
const OTHER: &str = "any other";

/// A provider's words. Mistral's are read as those of OpenAI's format are.
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
            OTHER,
        ],
        answer: of_openai,
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
            OTHER,
        ],
        answer: of_anthropic,
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
            OTHER,
        ],
        answer: of_gemini,
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
            OTHER,
        ],
        answer: of_cohere,
    },
];

/// Words that end an answer with a call in it.
fn calls(word: &str) -> bool {
    matches!(word, "tool_calls" | "function_call" | "tool_use" | "TOOL_CALL")
}

fn of_openai(word: &str) -> Value {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let message = match calls(word) {
        true => json!({"role": "assistant", "content": null, "tool_calls": [call]}),
        false => json!({"role": "assistant", "content": "ok"}),
    };
    json!({"choices": [{"index": 0, "message": message, "finish_reason": word}]})
}

fn of_anthropic(word: &str) -> Value {
    let content = match calls(word) {
        true => json!([{"type": "tool_use", "id": "c", "name": "f", "input": {}}]),
        false => json!([{"type": "text", "text": "ok"}]),
    };
    let sequence = (word == "stop_sequence").then_some("END");
    json!({"type": "message", "role": "assistant", "content": content, "stop_reason": word, "stop_sequence": sequence,
        "usage": {"input_tokens": 1, "output_tokens": 1}})
}

fn of_gemini(word: &str) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": word, "index": 0}]})
}

fn of_cohere(word: &str) -> Value {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let message = match calls(word) {
        true => json!({"role": "assistant", "tool_calls": [call]}),
        false => json!({"role": "assistant", "content": [{"type": "text", "text": "ok"}]}),
    };
    json!({"id": "a", "message": message, "finish_reason": word})
}

/// Words of one provider that come to the same share a line.
pub(super) fn render() -> String {
    const DOORS: [Door; 4] = [Door::ChatCompletions, Door::Completions, Door::Messages, Door::Responses];
    let mut out = String::from("| provider | its words | read as | chat | completions | messages | responses |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for provider in &PROVIDERS {
        let mut lines: Vec<(String, Vec<String>)> = Vec::new();
        for word in provider.words {
            let ends = DOORS.map(|door| end(provider, word, door)).join(" | ");
            let comes_to = format!("{} | {ends}", common(provider, word));
            let shown = if *word == OTHER { OTHER.to_owned() } else { format!("`{word}`") };
            match lines.iter_mut().find(|(same, _)| *same == comes_to) {
                Some((_, words)) => words.push(shown),
                None => lines.push((comes_to, vec![shown])),
            }
        }
        for (comes_to, words) in lines {
            writeln!(out, "| {} | {} | {comes_to} |", provider.title, words.join(", ")).unwrap();
        }
    }
    out
}

/// In the words of the common form.
fn common(provider: &Words, word: &str) -> &'static str {
    let answer = (provider.answer)(word).to_string();
    let read = match provider.kind {
        "anthropic" => anthropic::read_answer(answer.as_bytes(), "c"),
        "gemini" => gemini::read_answer(answer.as_bytes(), "c"),
        "cohere" => cohere::read_answer(answer.as_bytes(), "c"),
        _ => openai_chat::read_answer(answer.as_bytes(), "c"),
    };
    match read.map(|answer| answer.choices[0].finish.clone()) {
        Ok(Finish::Stop) => "stop",
        Ok(Finish::StopSequence(_)) => "stop sequence",
        Ok(Finish::Length) => "length",
        Ok(Finish::ToolCalls) => "tool calls",
        Ok(Finish::ContentFilter) => "content filter",
        Ok(Finish::Refusal) => "refusal",
        Ok(Finish::Pause) => "pause",
        Ok(Finish::Other(_)) => "other",
        Err(_) => "an error",
    }
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
        Err(fault) => return format!("error `{}`", fault.class.as_str()),
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
