//! What real exchanges say, read once more by hand and compared.

use serde_json::{Value, json};

use super::{read_answer, read_embeddings, read_events, write_request};
use crate::api::chat::{ChatAnswer, ChatRequest, Content, Delta, Field, Finish, Format, Message, Part, Role, Tool};
use crate::api::chat::{ToolCall, ToolKind, ToolResult};
use crate::dialects::recorded::{events, recordings, spoiled};
use crate::dialects::{Event, ReadEvents, Target};

/// What both readings must agree on.
#[derive(Debug, PartialEq, Default)]
struct Said {
    text: String,
    thoughts: String,
    /// Id, name, arguments.
    calls: Vec<(String, String, String)>,
    citations: usize,
    finish: Option<String>,
    /// Input, output.
    usage: Option<(u64, u64)>,
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn usage_by_hand(usage: &Value) -> Option<(u64, u64)> {
    let billed = &usage["billed_units"];
    Some((billed["input_tokens"].as_u64()?, billed["output_tokens"].as_u64()?))
}

fn sources(citation: &Value) -> usize {
    citation["sources"].as_array().map_or(1, Vec::len)
}

fn answer_by_hand(body: &Value) -> Said {
    let message = &body["message"];
    let mut said = Said { finish: body["finish_reason"].as_str().map(str::to_owned), ..Said::default() };
    for item in message["content"].as_array().into_iter().flatten() {
        said.text += &words(&item["text"]);
        said.thoughts += &words(&item["thinking"]);
    }
    said.text += &words(&message["tool_plan"]);
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        said.calls.push((words(&call["id"]), words(&function["name"]), words(&function["arguments"])));
    }
    said.citations = message["citations"].as_array().into_iter().flatten().map(sources).sum();
    said.usage = usage_by_hand(&body["usage"]);
    said
}

fn stream_by_hand(events: &[String]) -> Said {
    let mut said = Said::default();
    for data in events.iter().filter(|data| *data != "[DONE]") {
        let event: Value = serde_json::from_str(data).unwrap();
        let message = &event["delta"]["message"];
        match event["type"].as_str().unwrap() {
            "content-start" | "content-delta" => {
                said.text += &words(&message["content"]["text"]);
                said.thoughts += &words(&message["content"]["thinking"]);
            }
            "tool-plan-delta" => said.text += &words(&message["tool_plan"]),
            "tool-call-start" => {
                let call = &message["tool_calls"];
                let function = &call["function"];
                said.calls.push((words(&call["id"]), words(&function["name"]), words(&function["arguments"])));
            }
            "tool-call-delta" => {
                let index = usize::try_from(event["index"].as_u64().unwrap()).unwrap();
                said.calls[index].2 += &words(&message["tool_calls"]["function"]["arguments"]);
            }
            "citation-start" => said.citations += sources(&message["citations"]),
            "message-end" => {
                said.finish = event["delta"]["finish_reason"].as_str().map(str::to_owned);
                said.usage = usage_by_hand(&event["delta"]["usage"]);
            }
            _ => {}
        }
    }
    said
}

/// Told by deltas, so that whole answers and streams are compared the same way.
fn told(deltas: Vec<Delta>) -> Said {
    let mut said = Said::default();
    for delta in deltas {
        match delta {
            Delta::Text { text, .. } => said.text += &text,
            Delta::Reasoning { text, .. } => said.thoughts += &text,
            Delta::ToolCall { id, name, call, .. } => {
                assert_eq!(call as usize, said.calls.len());
                said.calls.push((id, name, String::new()));
            }
            Delta::Arguments { call, text, .. } => said.calls[call as usize].2 += &text,
            Delta::Annotation { .. } => said.citations += 1,
            Delta::Finish { finish, .. } => {
                let word = match finish {
                    Finish::Stop => "COMPLETE",
                    Finish::StopSequence(None) => "STOP_SEQUENCE",
                    Finish::Length => "MAX_TOKENS",
                    Finish::ToolCalls => "TOOL_CALL",
                    other => panic!("{other:?}"),
                };
                said.finish = Some(word.to_owned());
            }
            Delta::Usage(usage) => said.usage = Some((usage.input, usage.output)),
            _ => {}
        }
    }
    said
}

/// Characters of the answer's text that each citation stands for.
fn cited(answer: &ChatAnswer) -> Vec<String> {
    let mut text = String::new();
    let mut spans = Vec::new();
    for part in &answer.choices[0].parts {
        if let Content::Text { text: more, annotations } = &part.content {
            text += more;
            spans.extend(annotations.iter().filter_map(|annotation| annotation.span));
        }
    }
    let cut = |(from, to): (u32, u32)| text.chars().skip(from as usize).take((to - from) as usize).collect();
    spans.into_iter().map(cut).collect()
}

#[test]
fn recorded_answers_and_streams_are_read() {
    let (mut answers, mut streams, mut faults) = (0, 0, 0);
    for (name, recording) in recordings("cohere-v2-chat") {
        let response = &recording["response"];
        if response["status"] != 200 {
            continue;
        }
        if response["sse_text"].is_null() {
            let answer = read_answer(response["body"].to_string().as_bytes(), "id").unwrap();
            for (citation, text) in
                response["body"]["message"]["citations"].as_array().into_iter().flatten().zip(cited(&answer))
            {
                assert_eq!(citation["text"], text, "{name}");
            }
            assert_eq!(told(answer.into_deltas()), answer_by_hand(&response["body"]), "{name}");
            answers += 1;
            continue;
        }
        let events = events(&recording);
        let mut reader = read_events("id");
        let mut deltas = Vec::new();
        let read =
            events.iter().try_for_each(|data| reader.read(Event { name: None, data: data.as_bytes() }, &mut deltas));
        let by_hand = stream_by_hand(&events);
        if by_hand.finish.as_deref() == Some("ERROR") {
            assert!(read.is_err() && !reader.is_whole(), "{name}");
            faults += 1;
            continue;
        }
        assert_eq!(read, Ok(()), "{name}");
        assert!(reader.is_whole(), "{name}");
        assert_eq!(told(deltas), by_hand, "{name}");
        streams += 1;
    }
    assert!(
        answers + streams + faults == 0 || (answers >= 18 && streams >= 5 && faults >= 2),
        "{answers} {streams} {faults}"
    );
}

#[test]
fn recorded_embeddings_are_read() {
    for (name, recording) in recordings("cohere-v2-embed") {
        let body = &recording["response"]["body"];
        let read = read_embeddings(body.to_string().as_bytes());
        if recording["response"]["status"] != 200 {
            assert!(read.is_err(), "{name}");
            continue;
        }
        let (vectors, tokens) = read.unwrap();
        let again: Value = serde_json::from_str(&serde_json::to_string(&vectors).unwrap()).unwrap();
        assert!(again == body["embeddings"]["float"], "{name}: the floats are not those that were sent");
        assert_eq!(tokens, body["meta"]["billed_units"]["input_tokens"].as_u64(), "{name}");
    }
}

/// A recorded request, read by a reader that knows no more than the recordings need.
fn common_form(body: &Value) -> ChatRequest {
    let mut request = ChatRequest::new(Format::OpenAiChat);
    for message in body["messages"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().map(Part::text);
        let role = match message["role"].as_str().unwrap() {
            "system" => Role::System,
            "assistant" => Role::Assistant,
            _ => Role::User,
        };
        let mut parts: Vec<Part> = text(&message["content"]).into_iter().collect();
        for item in message["content"].as_array().into_iter().flatten() {
            parts.extend(text(&item["text"]));
            parts.extend(text(&item["document"]["data"]["text"]));
            if let Some(thought) = item["thinking"].as_str() {
                parts.push(Content::Reasoning { text: thought.into(), signature: None }.into());
            }
            if let Some(url) = item["image_url"]["url"].as_str() {
                let source = crate::api::chat::Source::from_url(url);
                parts.push(Content::Image { source, detail: None }.into());
            }
        }
        parts.extend(text(&message["tool_plan"]));
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            let (id, name, arguments) = (words(&call["id"]), words(&function["name"]), words(&function["arguments"]));
            parts.push(Content::ToolCall(ToolCall { id, name, arguments, custom: false, signature: None }).into());
        }
        if let Some(call) = message["tool_call_id"].as_str() {
            parts = vec![Content::ToolResult(ToolResult { call: call.into(), parts, is_error: false }).into()];
        }
        request.messages.push(Message::new(role, parts));
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        let kind = ToolKind::Function {
            name: words(&function["name"]),
            description: function["description"].as_str().map(str::to_owned),
            parameters: Some(function["parameters"].clone()),
            strict: None,
        };
        request.tools.push(Tool { kind, cache: None, extra: serde_json::Map::new() });
    }
    request.stop = serde_json::from_value(body["stop_sequences"].clone()).unwrap_or_default();
    request.stream = body["stream"] == true;
    request
}

/// All that a message says, in whatever shape.
fn said_in(message: &Value) -> Value {
    let content = &message["content"];
    let items = || content.as_array().into_iter().flatten();
    let each = |name: &str| items().map(|item| words(&item[name])).collect::<String>();
    let mut text = words(content) + &each("text");
    text += &items().map(|item| words(&item["document"]["data"]["text"])).collect::<String>();
    text += &words(&message["tool_plan"]);
    let images: Vec<_> = items().map(|item| item["image_url"]["url"].clone()).filter(|url| !url.is_null()).collect();
    json!([message["role"], text, each("thinking"), images, message["tool_calls"], message["tool_call_id"]])
}

#[test]
fn recorded_requests_keep_their_meaning() {
    for (name, recording) in recordings("cohere-v2-chat") {
        let body = &recording["request"]["body"];
        let target = Target { model: &words(&body["model"]), max_output: None, ask_usage: false };
        let written = write_request(&common_form(body), &target).unwrap();
        let sent: Value = serde_json::from_slice(&written.body).unwrap();
        for member in ["model", "stream", "tools", "stop_sequences"] {
            assert_eq!(sent[member], body[member], "{name}: {member}");
        }
        let all = |body: &Value| -> Vec<Value> { body["messages"].as_array().unwrap().iter().map(said_in).collect() };
        assert_eq!(all(&sent), all(body), "{name}");
        let only_documents = |lost: &Field| *lost == Field::Document;
        assert!(written.losses.iter().all(|loss| only_documents(&loss.field)), "{name}: {:?}", written.losses);
    }
}

#[test]
fn nothing_that_a_provider_says_makes_a_reader_panic() {
    let citation = json!({"start": 0, "end": 1, "type": "PLAN", "content_index": 0,
        "sources": [{"id": "a", "document": {"text": "b", "url": "c"}}]});
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let usage = json!({"tokens": {"input_tokens": 1, "output_tokens": 2}, "billed_units": {"input_tokens": 1}, "cached_tokens": 4});
    let answer = json!({"id": "a", "finish_reason": "COMPLETE", "usage": usage, "logprobs": [{"text": "a", "logprobs": [0.5]}],
        "message": {"content": [{"type": "text", "text": "a"}, {"thinking": "b"}], "tool_plan": "c", "tool_calls": [call],
            "citations": [citation]}});
    for spoiled in spoiled(&answer) {
        drop(read_answer(spoiled.to_string().as_bytes(), "id"));
    }
    let delta = |kind: &str, message: Value| json!({"type": kind, "index": 0, "delta": {"message": message}});
    for event in [
        json!({"type": "message-start", "id": "a", "delta": {"message": {"content": []}}}),
        delta("content-start", json!({"content": {"type": "text", "text": ""}})),
        delta("content-delta", json!({"content": {"text": "a", "thinking": "b"}})),
        delta("tool-plan-delta", json!({"tool_plan": "a"})),
        delta("tool-call-start", json!({"tool_calls": call})),
        delta("tool-call-delta", json!({"tool_calls": {"function": {"arguments": "{"}}})),
        delta("citation-start", json!({"citations": citation})),
        json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}),
    ] {
        for spoiled in spoiled(&event) {
            let data = spoiled.to_string();
            drop(read_events("id").read(Event { name: Some("x"), data: data.as_bytes() }, &mut Vec::new()));
        }
    }
}
