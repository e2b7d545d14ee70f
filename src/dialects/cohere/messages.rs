//! Writing the messages of a chat request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::api::chat::{Content, Field, Losses, Message, Part, Role, Source, ToolCall, ToolResult};
use crate::dialects::extra;

pub(super) fn write_messages(messages: &[Message], losses: &mut Losses) -> Vec<Value> {
    let mut written = Vec::with_capacity(messages.len());
    for message in messages {
        losses.dropped_if(message.name.is_some(), Field::Name);
        extra::drop_but_echoes(&message.extra, losses);
        for part in &message.parts {
            note_members(part, losses);
        }
        match message.role {
            Role::System | Role::Developer => {
                let content = only_text(&message.parts).unwrap_or_else(|| {
                    shortest(message.parts.iter().filter_map(|part| write_text(part, losses)).collect())
                });
                written.push(said("system", content));
            }
            Role::User => write_user(&message.parts, &mut written, losses),
            Role::Assistant => written.extend(write_assistant(&message.parts, losses)),
        }
    }
    written
}

fn said(role: &str, content: Value) -> Value {
    Value::Object(Map::from_iter([("role".to_owned(), role.into()), ("content".to_owned(), content)]))
}

/// What most messages are.
fn only_text(parts: &[Part]) -> Option<Value> {
    match parts {
        [Part { content: Content::Text { text, .. }, .. }] => Some(text.as_str().into()),
        _ => None,
    }
}

fn note_members(part: &Part, losses: &mut Losses) {
    losses.dropped_if(part.cache.is_some(), Field::CacheHint);
    extra::drop_but_echoes(&part.extra, losses);
}

/// One text is written as a string, as Cohere's own clients do.
fn shortest(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [] => Value::String(String::new()),
        [only] if only["type"] == "text" => only["text"].take(),
        _ => Value::Array(parts),
    }
}

/// Results stand first: they must follow the calls that they belong to.
fn write_user(parts: &[Part], written: &mut Vec<Value>, losses: &mut Losses) {
    if let Some(text) = only_text(parts) {
        return written.push(said("user", text));
    }
    let mut rest = Vec::new();
    let mut has_results = false;
    for part in parts {
        match &part.content {
            Content::ToolResult(result) => {
                has_results = true;
                written.push(write_result(result, losses));
            }
            _ => rest.extend(write_medium(part, losses)),
        }
    }
    if !rest.is_empty() || !has_results {
        written.push(said("user", shortest(rest)));
    }
}

fn write_medium(part: &Part, losses: &mut Losses) -> Option<Value> {
    match &part.content {
        Content::Image { source, detail } => {
            let Some(url) = source.to_url() else {
                losses.dropped(Field::Image);
                return None;
            };
            let mut image = Map::from_iter([("url".to_owned(), Value::String(url))]);
            if let Some(detail) = detail {
                image.insert("detail".into(), detail.as_str().into());
            }
            Some(json!({"type": "image_url", "image_url": image}))
        }
        Content::Document { source, name } => {
            let Some(text) = plain_text(source) else {
                losses.dropped(Field::Document);
                return None;
            };
            // Cohere's `documents` belong to no message and exclude `response_format`, so the text stands in its place.
            losses.approximated(Field::Document);
            let text = name.as_ref().map_or_else(|| text.clone(), |name| format!("{name}\n\n{text}"));
            Some(json!({"type": "text", "text": text}))
        }
        _ => write_text(part, losses),
    }
}

fn write_text(part: &Part, losses: &mut Losses) -> Option<Value> {
    let lost = match &part.content {
        Content::Text { text, .. } | Content::Refusal(text) => return Some(json!({"type": "text", "text": text})),
        Content::Image { .. } => Field::Image,
        Content::Audio { .. } => Field::Audio,
        Content::Document { .. } => Field::Document,
        Content::Reasoning { .. } | Content::Redacted(_) => Field::Reasoning,
        Content::ToolCall(_) | Content::ToolResult(_) | Content::Foreign { .. } => Field::Part,
    };
    losses.dropped(lost);
    None
}

fn plain_text(source: &Source) -> Option<String> {
    match source {
        Source::Text(text) => Some(text.clone()),
        Source::Data { media_type, data } if media_type.starts_with("text/") => {
            STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        }
        _ => None,
    }
}

fn write_result(result: &ToolResult, losses: &mut Losses) -> Value {
    if result.is_error {
        // There is no member for it; the words stay.
        losses.approximated(Field::Extra("messages.content.tool_result.is_error".into()));
    }
    let mut parts = Vec::new();
    for part in &result.parts {
        note_members(part, losses);
        parts.extend(write_result_part(part, losses));
    }
    json!({"role": "tool", "tool_call_id": result.call, "content": shortest(parts)})
}

fn write_result_part(part: &Part, losses: &mut Losses) -> Option<Value> {
    let Content::Document { source, name } = &part.content else {
        return write_text(part, losses);
    };
    let Some(text) = plain_text(source) else {
        losses.dropped(Field::Document);
        return None;
    };
    let mut data = Map::new();
    if let Some(name) = name {
        data.insert("title".into(), name.as_str().into());
    }
    data.insert("text".into(), text.into());
    Some(json!({"type": "document", "document": {"data": data}}))
}

/// What an assistant says before it calls is its plan. One that neither says nor calls anything is left out.
fn write_assistant(parts: &[Part], losses: &mut Losses) -> Option<Value> {
    let mut content = Vec::new();
    let mut calls = Vec::new();
    for part in parts {
        match &part.content {
            Content::ToolCall(call) => calls.push(write_call(call, losses)),
            Content::Reasoning { text, signature } => {
                // Nothing in Cohere's format is signed; the text itself is read by any of its models that think.
                match (text.is_empty(), signature) {
                    (true, _) => losses.dropped(Field::Reasoning),
                    (false, Some(_)) => losses.approximated(Field::Reasoning),
                    (false, None) => {}
                }
                if !text.is_empty() {
                    content.push(json!({"type": "thinking", "thinking": text}));
                }
            }
            _ => content.extend(write_text(part, losses)),
        }
    }
    let mut message = Map::from_iter([("role".to_owned(), Value::from("assistant"))]);
    if calls.is_empty() {
        let content = shortest(content);
        let says = content != "";
        message.insert("content".into(), content);
        return says.then_some(Value::Object(message));
    }
    let (thoughts, texts): (Vec<_>, Vec<_>) = content.into_iter().partition(|part| part["type"] == "thinking");
    let plan: String = texts.iter().filter_map(|part| part["text"].as_str()).collect();
    if !thoughts.is_empty() {
        message.insert("content".into(), Value::Array(thoughts));
    }
    if !plan.is_empty() {
        message.insert("tool_plan".into(), plan.into());
    }
    message.insert("tool_calls".into(), Value::Array(calls));
    Some(Value::Object(message))
}

fn write_call(call: &ToolCall, losses: &mut Losses) -> Value {
    losses.dropped_if(call.signature.is_some(), Field::Reasoning);
    let arguments = match (call.custom, call.arguments.as_str()) {
        (true, input) => {
            losses.approximated(Field::Tools);
            json!({"input": input}).to_string()
        }
        (false, "") => "{}".to_owned(),
        (false, arguments) => arguments.to_owned(),
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chat::{Format, Signature};

    fn write(role: Role, parts: Vec<Part>) -> (Vec<Value>, Vec<Field>) {
        let mut losses = Losses::default();
        let written = write_messages(&[Message::new(role, parts)], &mut losses);
        (written, losses.iter().map(|loss| loss.field.clone()).collect())
    }

    fn document(source: Source) -> Part {
        Content::Document { source, name: Some("a.txt".into()) }.into()
    }

    #[test]
    fn results_stand_before_what_the_user_adds() {
        let result = |call: &str, parts| Content::ToolResult(ToolResult { call: call.into(), parts, is_error: false });
        let image = Content::Image { source: Source::Url("https://a.b/c".into()), detail: None };
        let (written, lost) = write(
            Role::User,
            vec![
                Part::text("and?"),
                result("1", vec![Part::text("one")]).into(),
                result("2", vec![document(Source::Text("two".into())), image.into()]).into(),
            ],
        );
        let data = json!({"title": "a.txt", "text": "two"});
        let wanted = [
            json!({"role": "tool", "tool_call_id": "1", "content": "one"}),
            json!({"role": "tool", "tool_call_id": "2", "content": [{"type": "document", "document": {"data": data}}]}),
            json!({"role": "user", "content": "and?"}),
        ];
        assert_eq!((written.as_slice(), lost), (&wanted[..], vec![Field::Image]));
    }

    #[test]
    fn media_are_kept_where_cohere_has_them() {
        let image =
            Content::Image { source: Source::from_url("data:image/png;base64,AA=="), detail: Some("low".into()) };
        let pdf = Source::Data { media_type: "application/pdf".into(), data: "AA==".into() };
        let text = Source::Data { media_type: "text/plain".into(), data: "aGk=".into() };
        let audio = Content::Audio { source: Source::Url("https://a.b/c".into()) };
        let (written, lost) = write(Role::User, vec![image.into(), document(pdf), document(text), audio.into()]);
        let wanted = json!({"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "text", "text": "a.txt\n\nhi"},
        ]});
        assert_eq!((written, lost), (vec![wanted], vec![Field::Document, Field::Audio]));
    }

    #[test]
    fn what_an_assistant_says_before_it_calls_is_its_plan() {
        let signature = Some(Signature { format: Format::Anthropic, value: "s".into() });
        let call = |custom, arguments: &str| {
            let (id, name) = ("1".into(), "f".into());
            Part::from(Content::ToolCall(ToolCall { id, name, arguments: arguments.into(), custom, signature: None }))
        };
        let thought = Content::Reasoning { text: "hm".into(), signature };
        let (written, lost) =
            write(Role::Assistant, vec![thought.into(), Part::text("Look."), call(false, ""), call(true, "x")]);
        let function =
            |arguments: &str| json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let wanted = json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}], "tool_plan": "Look.",
            "tool_calls": [function("{}"), function("{\"input\":\"x\"}")]});
        assert_eq!((written, lost), (vec![wanted], vec![Field::Reasoning, Field::Tools]));
    }

    #[test]
    fn an_assistant_that_says_nothing_is_left_out() {
        assert_eq!(write(Role::Assistant, vec![Part::text("")]), (vec![], vec![]));
        assert_eq!(write(Role::Assistant, vec![]).0, Vec::<Value>::new());
    }

    #[test]
    fn members_without_a_place_are_told_but_not_echoes() {
        let mut message = Message::new(Role::Assistant, vec![Part::text("x")]);
        message.name = Some("bob".into());
        message.extra.insert("annotations".into(), json!([]));
        message.extra.insert("weight".into(), 1.into());
        message.parts[0].cache = Some(crate::api::chat::CacheHint::default());
        let mut losses = Losses::default();
        let written = write_messages(&[message], &mut losses);
        assert_eq!(written, [json!({"role": "assistant", "content": "x"})]);
        let lost: Vec<_> = losses.iter().map(|loss| loss.field.clone()).collect();
        assert_eq!(lost, [Field::Name, Field::Extra("weight".into()), Field::CacheHint]);
    }
}
