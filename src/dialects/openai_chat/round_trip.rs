//! What comes in OpenAI's format and goes out in it is the same, and so is what goes through a stream.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read_answer, read_events, read_request, write_answer, write_events, write_request};
use crate::api::Usage;
use crate::api::chat::{
    ChatAnswer, ChatRequest, Choice, Content, Delta, Finish, Format, Part, Signature, Source, ToolCall,
};
use crate::config::preset;
use crate::dialects::recorded::recordings;
use crate::dialects::{Event, Heading, ReadEvents, Target, WriteEvents};

/// As a vendor gets it that has a place for everything.
fn written(request: &ChatRequest) -> Value {
    let quirks = &preset("openrouter").unwrap().quirks;
    let target = Target { model: "m", max_output: None, ask_usage: false };
    let written = write_request(request, &target, quirks).unwrap();
    assert!(written.losses.is_empty(), "{:?}", written.losses);
    serde_json::from_slice(&written.body).unwrap()
}

fn assert_kept(name: &str, body: &Value) {
    let request = read_request(body.to_string().as_bytes()).unwrap_or_else(|invalid| panic!("{name}: {invalid}"));
    let again = read_request(written(&request).to_string().as_bytes()).unwrap();
    assert_eq!(again, request, "{name}");
}

#[test]
fn a_request_loses_nothing() {
    let conversation = json!([
        {"role": "system", "content": "s"}, {"role": "user", "name": "bob", "content": [
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
            {"type": "video_url", "video_url": {"url": "https://a.example/c.mp4"}},
        ]},
        {"role": "assistant", "content": "c", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"},
                "extra_content": {"google": {"thought_signature": "sig"}}},
            {"id": "2", "type": "custom", "custom": {"name": "c", "input": "free"}},
        ], "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": "x", "format": "anthropic-claude-v1", "index": 1},
        ]},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "two"}]},
        {"role": "assistant", "refusal": "no"},
    ]);
    assert_kept(
        "everything",
        &json!({
            "model": "m", "stream": true, "stream_options": {"include_usage": true}, "n": 2, "max_tokens": 9,
            "temperature": 0.5, "top_p": 1, "top_k": 5, "seed": -3, "presence_penalty": -1, "frequency_penalty": 0.25,
            "logit_bias": {"5": -100}, "logprobs": true, "top_logprobs": 2, "stop": ["a", "b"], "user": "u",
            "service_tier": "flex", "prompt_cache_key": "k", "reasoning_effort": "high", "verbosity": "low",
            "parallel_tool_calls": false, "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}},
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}},
                {"type": "custom", "custom": {"name": "c"}},
            ],
            "messages": conversation,
        }),
    );
}

#[test]
fn recorded_requests_lose_nothing() {
    // OpenAI's word for what others call `developer`, and results with pictures, which move, are another thing.
    let moves = |body: &Value| {
        let messages = body["messages"].as_array().into_iter().flatten();
        messages.into_iter().any(|message| {
            message["role"] == "developer"
                || message["role"] == "function"
                || message["role"] == "tool" && message["content"].to_string().contains("image_url")
        })
    };
    let mut count = 0;
    for (name, recording) in recordings("openai-chat-completions-") {
        let body = &recording["request"]["body"];
        if body["messages"].as_array().is_none_or(Vec::is_empty) || moves(body) || body.get("metadata").is_some() {
            continue;
        }
        count += 1;
        assert_kept(&name, body);
    }
    assert!(count == 0 || count > 40, "only {count} recordings were compared");
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{1,12}", Just("\u{1F600} \"\\\n\u{2028}".to_owned())]
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let reasoning = texts().prop_map(|text| {
        let signature = Some(Signature { format: Format::Anthropic, value: "c2ln".into() });
        Content::Reasoning { text, signature }
    });
    let call = (0..1000_u32, texts()).prop_map(|(id, text)| {
        let arguments = json!({ "a": text }).to_string();
        ToolCall { id: format!("call_{id}"), name: "f".into(), arguments, custom: false, signature: None }
    });
    let calls = prop::collection::vec(call, 0..4).prop_map(|mut calls| {
        calls.sort_by(|one, other| one.id.cmp(&other.id));
        calls.dedup_by(|one, other| one.id == other.id);
        calls
    });
    (prop::option::of(reasoning), prop::option::of(texts()), calls).prop_map(|(reasoning, text, calls)| {
        let text = text.map(|text| Content::Text { text, annotations: Vec::new() });
        let calls = calls.into_iter().map(Content::ToolCall);
        reasoning.into_iter().chain(text).chain(calls).map(Part::from).collect()
    })
}

fn answers() -> impl Strategy<Value = ChatAnswer> {
    let usage = (1..1000_u64, 0..500_u64, 1..1000_u64).prop_map(|(input, cached, output)| {
        let cached = cached.min(input);
        Usage { input, cached, output, ..Usage::default() }
    });
    (prop::collection::vec(parts(), 1..3), usage).prop_map(|(choices, usage)| {
        let choice = |(index, parts): (usize, Vec<Part>)| {
            let called = parts.iter().any(|part| matches!(part.content, Content::ToolCall(_)));
            let finish = if called { Finish::ToolCalls } else { Finish::Length };
            Choice { index: index as u32, parts, finish, logprobs: None }
        };
        ChatAnswer {
            id: Some("chatcmpl-0a".into()),
            model: Some("m".into()),
            created: Some(7),
            choices: choices.into_iter().enumerate().map(choice).collect(),
            usage: Some(usage),
            service_tier: None,
        }
    })
}

fn heading() -> Heading {
    Heading { id: "0a".into(), created: 7, model: "m".into(), include_usage: true }
}

/// What a stream says of one choice, piece on piece.
#[derive(Debug, Default, PartialEq)]
struct Gathered {
    text: String,
    reasoning: String,
    /// Ids and arguments.
    calls: Vec<(String, String)>,
    finish: Option<Finish>,
}

fn gathered(deltas: &[Delta]) -> Vec<Gathered> {
    let mut choices: Vec<Gathered> = Vec::new();
    for delta in deltas {
        let mut at = |index: u32| {
            choices.resize_with(choices.len().max(index as usize + 1), Gathered::default);
            index as usize
        };
        match delta {
            Delta::Text { choice, text } => {
                let place = at(*choice);
                choices[place].text.push_str(text);
            }
            Delta::Reasoning { choice, text } => {
                let place = at(*choice);
                choices[place].reasoning.push_str(text);
            }
            Delta::ToolCall { choice, call, id, .. } => {
                let place = at(*choice);
                assert_eq!(choices[place].calls.len(), *call as usize);
                choices[place].calls.push((id.clone(), String::new()));
            }
            Delta::Arguments { choice, call, text } => {
                let place = at(*choice);
                choices[place].calls[*call as usize].1.push_str(text);
            }
            Delta::Finish { choice, finish } => {
                let place = at(*choice);
                assert_eq!(choices[place].finish.replace(finish.clone()), None);
            }
            _ => {}
        }
    }
    choices
}

proptest! {
    #[test]
    fn an_answer_is_read_as_it_was_written(answer in answers()) {
        let written = write_answer(answer.clone(), &heading(), &ChatRequest::new(Format::Anthropic));
        prop_assert_eq!(read_answer(&written, "0a").unwrap(), answer);
    }

    #[test]
    fn a_stream_is_read_as_it_was_written(answer in answers()) {
        let n = answer.choices.len() as u32;
        let usage = answer.usage;
        let deltas = answer.into_deltas();
        let mut writer = write_events(heading(), &ChatRequest::new(Format::Anthropic));
        let mut out = Vec::new();
        deltas.iter().for_each(|delta| writer.write(delta.clone(), &mut out));
        writer.end(&mut out);
        let mut reader = read_events("0a", n);
        let mut read = Vec::new();
        for lines in String::from_utf8(out).unwrap().split_inclusive("\n\n") {
            let mut joined = Vec::new();
            if let Some(event) = Event::parse(lines.as_bytes(), &mut joined) {
                reader.read(event, &mut read).unwrap();
            }
        }
        prop_assert!(reader.is_whole());
        prop_assert_eq!(gathered(&read), gathered(&deltas));
        let told = read.iter().rev().find_map(|delta| if let Delta::Usage(usage) = delta { Some(*usage) } else { None });
        prop_assert_eq!(told, usage);
    }
}

#[test]
fn a_picture_that_is_drawn_arrives() {
    let mut writer = write_events(heading(), &ChatRequest::new(Format::OpenAiChat));
    let mut out = Vec::new();
    writer.write(Delta::Image { choice: 0, source: Source::Url("https://a.example/b.png".into()) }, &mut out);
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains(r#""images":[{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]"#), "{out}");
}
