//! A whole answer, read.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::block::RAW;
use super::usage::Report;
use super::{citation, fault, finish, signature};
use crate::api::chat::{ChatAnswer, Choice, Content, Finish, Format, Part, ToolCall};
use crate::dialects::codec::Fault;
use crate::dialects::codec::made_id;
use crate::dialects::lenient;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    model: Option<Cow<'a, str>>,
    content: Option<Value>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    stop_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    stop_sequence: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::object")]
    usage: Option<Report<'a>>,
}

/// Reads what Anthropic answers. `call_id` names calls of tools that come without an id.
pub fn read_answer(body: &[u8], call_id: &str) -> Result<ChatAnswer, Fault> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| Fault::malformed())?;
    if answer.error.is_some() || answer.kind.as_deref() == Some("error") {
        return Err(fault::read_error(body).unwrap_or_else(Fault::malformed));
    }
    let Some(Value::Array(blocks)) = answer.content else {
        return Err(Fault::malformed());
    };
    let mut parts = Vec::with_capacity(blocks.len());
    let mut calls = 0;
    let mut after_text = false;
    for block in blocks {
        let is_text = block_kind(&block) == Kind::Text;
        if is_text && after_text && block.get("text").is_some_and(Value::is_string) {
            parts.push(Content::Foreign { format: Format::Anthropic, value: citation::border() }.into());
        }
        let before = parts.len();
        read_block(block, call_id, &mut calls, &mut parts);
        after_text = is_text && parts.len() > before;
    }
    let finish = match answer.stop_reason {
        Some(reason) => finish::read(&reason, answer.stop_sequence.map(Cow::into_owned)),
        None if calls > 0 => Finish::ToolCalls,
        None => Finish::Stop,
    };
    let usage = answer.usage.unwrap_or_default();
    Ok(ChatAnswer {
        id: answer.id.map(Cow::into_owned),
        model: answer.model.map(Cow::into_owned),
        created: None,
        choices: vec![Choice { index: 0, parts, finish, logprobs: None }],
        usage: usage.counts().usage(),
        service_tier: usage.tier(),
    })
}

fn read_block(mut block: Value, call_id: &str, calls: &mut u32, parts: &mut Vec<Part>) {
    let content = match block_kind(&block) {
        Kind::Text => return read_text(block, parts),
        Kind::Thinking => Content::Reasoning {
            text: take_text(&mut block, "thinking"),
            signature: signature::read(take_text(&mut block, "signature")),
        },
        Kind::Redacted => match signature::read(take_text(&mut block, "data")) {
            Some(data) => Content::Redacted(data),
            None => return,
        },
        Kind::Call => {
            let (id, name) = (take_text(&mut block, "id"), take_text(&mut block, "name"));
            let id = if id.is_empty() { made_id(call_id, *calls) } else { id };
            *calls += 1;
            let arguments = arguments(block.get("input"));
            Content::ToolCall(ToolCall { id, name, arguments, custom: false, signature: None })
        }
        Kind::Other => Content::Foreign { format: Format::Anthropic, value: block },
        Kind::Nothing => return,
    };
    parts.push(content.into());
}

/// Takes a text out of a block; empty where there is none.
pub(super) fn take_text(block: &mut Value, name: &str) -> String {
    match block.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
    Redacted,
    Call,
    /// A block that only this format has.
    Other,
    /// No block.
    Nothing,
}

pub(super) fn block_kind(block: &Value) -> Kind {
    match block.get("type").and_then(Value::as_str) {
        Some("text") => Kind::Text,
        Some("thinking") => Kind::Thinking,
        Some("redacted_thinking") => Kind::Redacted,
        Some("tool_use") => Kind::Call,
        Some(_) => Kind::Other,
        None => Kind::Nothing,
    }
}

fn read_text(mut block: Value, parts: &mut Vec<Part>) {
    let Some(Value::String(text)) = block.get_mut("text").map(Value::take) else { return };
    let citations = match block.get_mut("citations").map(Value::take) {
        Some(Value::Array(citations)) => citations,
        _ => Vec::new(),
    };
    let annotations = citations.iter().map(citation::read).collect();
    parts.push(Content::Text { text, annotations }.into());
    let keep = |citation| Content::Foreign { format: Format::Anthropic, value: citation::keep(citation) }.into();
    parts.extend(citations.into_iter().map(keep));
}

/// A call's arguments as text. See [`super::block::Input`] for what stands under `_raw`.
pub(super) fn arguments(input: Option<&Value>) -> String {
    match input {
        None | Some(Value::Null) => "{}".into(),
        Some(Value::Object(members)) if members.len() == 1 => match members.get(RAW) {
            Some(Value::String(raw)) => raw.clone(),
            _ => input.unwrap_or(&Value::Null).to_string(),
        },
        Some(input) => input.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Usage;
    use crate::api::chat::Signature;
    use crate::error::FailureClass;

    fn read(body: &Value) -> Result<ChatAnswer, Fault> {
        read_answer(body.to_string().as_bytes(), "c1")
    }

    #[test]
    fn text_thinking_and_calls_in_their_order() {
        let answer = read(&json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "dark"},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": [2.50]}},
                {"type": "tool_use", "name": "g", "input": {}},
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 5, "output_tokens": 6, "service_tier": "standard"},
        }))
        .unwrap();
        let own = |value: &str| Signature { format: Format::Anthropic, value: value.into() };
        let call = |id: &str, name: &str, arguments: &str| {
            Content::ToolCall(ToolCall {
                id: id.into(),
                name: name.into(),
                arguments: arguments.into(),
                custom: false,
                signature: None,
            })
        };
        let parts: Vec<_> = answer.choices[0].parts.iter().map(|part| part.content.clone()).collect();
        assert_eq!(
            parts,
            [
                Content::Reasoning { text: "hm".into(), signature: Some(own("sig")) },
                Content::Redacted(own("dark")),
                Content::Text { text: "Let me see.".into(), annotations: vec![] },
                call("toolu_1", "f", r#"{"b":1,"a":[2.5]}"#),
                call("call_c1_1", "g", "{}"),
            ]
        );
        assert_eq!(answer.choices[0].finish, Finish::ToolCalls);
        assert_eq!(answer.usage, Some(Usage { input: 5, output: 6, ..Usage::default() }));
        assert_eq!(answer.service_tier.as_deref(), Some("default"));
        assert_eq!(answer.model.as_deref(), Some("claude-x"));
    }

    #[test]
    fn citations_and_server_tools_are_kept() {
        let search = json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}});
        let cited = json!({"type": "web_search_result_location", "url": "https://a.b/", "title": "A",
            "cited_text": "c", "encrypted_index": "x"});
        let answer = read(&json!({"content": [search, {"type": "text", "text": "t", "citations": [cited]}],
            "stop_reason": "pause_turn"}))
        .unwrap();
        let [first, second, third] = answer.choices[0].parts.as_slice() else { panic!() };
        assert_eq!(first.content, Content::Foreign { format: Format::Anthropic, value: search });
        let Content::Text { annotations, .. } = &second.content else { panic!() };
        assert_eq!(annotations[0].url.as_deref(), Some("https://a.b/"));
        let Content::Foreign { value, .. } = &third.content else { panic!() };
        assert_eq!(citation::kept(value), Some(&cited));
        assert_eq!(answer.choices[0].finish, Finish::Pause);
        assert_eq!(answer.usage, None);
    }

    #[test]
    fn absurd_members_are_tolerated() {
        let answer =
            read(&json!({"id": 7, "content": [3, {}, {"type": 1}, {"type": "text"}, {"type": "text", "text": "a",
            "citations": null}, {"type": "tool_use", "input": "x"}], "stop_reason": 9, "usage": []}))
            .unwrap();
        assert_eq!(answer.choices[0].parts.len(), 2);
        assert_eq!(answer.choices[0].finish, Finish::ToolCalls);
    }

    #[test]
    fn errors_inside_a_200_are_faults() {
        let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        assert_eq!(read(&overloaded).unwrap_err().class, FailureClass::ServerError);
        for body in [&b"<html>"[..], b"{}", b"[]", br#"{"content": "text"}"#, b"{\"content\":[", b""] {
            assert_eq!(read_answer(body, "c").unwrap_err().class, FailureClass::Malformed);
        }
    }
}
