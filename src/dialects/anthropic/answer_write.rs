//! A whole answer, written.

use std::borrow::Cow;

use serde::Serialize;

use super::block::{Block, Entry, Input};
use super::finish::{self, Answered};
use super::usage::{UsageBody, write_tier};
use super::{citation, signature};
use crate::api::chat::{ChatAnswer, ChatRequest, Content, Finish, Format, Part};
use crate::dialects::codec::Heading;

#[derive(Debug, Serialize)]
struct Message<'a> {
    id: String,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Entry<'a>>,
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
    usage: UsageBody<'a>,
}

/// Writes an answer for a client of the Messages API, which knows one choice only.
#[expect(clippy::needless_pass_by_value, reason = "every door takes the answer")]
pub fn write_answer(answer: ChatAnswer, heading: &Heading, _request: &ChatRequest) -> Vec<u8> {
    let choice = answer.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.parts);
    let mut answered = Answered::default();
    let mut content = Vec::with_capacity(parts.len());
    for part in parts {
        write_part(part, &mut answered, &mut content);
    }
    let (stop_reason, stop_sequence) = finish::write(choice.map_or(&Finish::Stop, |choice| &choice.finish), answered);
    let message = Message {
        id: format!("msg_{}", heading.id),
        r#type: "message",
        role: "assistant",
        model: answer.model.as_deref().unwrap_or(&heading.model),
        content,
        stop_reason,
        stop_sequence,
        usage: UsageBody::new(answer.usage, answer.service_tier.as_deref().map(write_tier)),
    };
    serde_json::to_vec(&message).expect("structs with text keys always serialise")
}

fn write_part<'a>(part: &'a Part, answered: &mut Answered, content: &mut Vec<Entry<'a>>) {
    let block = match &part.content {
        // Anthropic refuses empty texts when the client sends them back.
        Content::Text { text, .. } | Content::Refusal(text) if text.is_empty() => return,
        Content::Text { text, .. } => Block::Text { text, citations: Vec::new() },
        Content::Refusal(text) => {
            answered.refused = true;
            Block::Text { text, citations: Vec::new() }
        }
        Content::Reasoning { text, signature } => {
            let signature = signature.as_ref().map(signature::write).unwrap_or_default();
            Block::Thinking { thinking: text, signature }
        }
        Content::Redacted(data) => Block::RedactedThinking { data: signature::write(data) },
        Content::ToolCall(call) => {
            answered.calls = true;
            if let Some(signature) = &call.signature {
                content.push(Block::Thinking { thinking: "", signature: signature::write(signature) }.into());
            }
            let input = Input::new(&call.arguments, call.custom);
            Block::ToolUse { id: Cow::Borrowed(&call.id), name: &call.name, input }
        }
        Content::Foreign { format: Format::Anthropic, value } if citation::is_border(value) => return,
        Content::Foreign { format: Format::Anthropic, value } => match citation::kept(value) {
            Some(citation) => {
                if let Some(Entry { block: Block::Text { citations, .. }, .. }) = content.last_mut() {
                    citations.push(citation);
                }
                return;
            }
            None => Block::Foreign(value),
        },
        // An answer holds none of these in a form that this format has.
        Content::Foreign { .. }
        | Content::Image { .. }
        | Content::Audio { .. }
        | Content::Document { .. }
        | Content::ToolResult(_) => return,
    };
    content.push(block.into());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::Usage;
    use crate::api::chat::{Choice, Signature, ToolCall};
    use crate::dialects::anthropic::read_answer;

    fn heading() -> Heading {
        Heading { id: "abc".into(), created: 0, model: "m".into(), include_usage: true }
    }

    fn write(answer: ChatAnswer) -> Value {
        let request = ChatRequest::new(Format::Anthropic);
        serde_json::from_slice(&write_answer(answer, &heading(), &request)).unwrap()
    }

    fn answer(contents: Vec<Content>, finish: Finish) -> ChatAnswer {
        let parts = contents.into_iter().map(Part::from).collect();
        ChatAnswer {
            id: None,
            model: None,
            created: None,
            choices: vec![Choice { index: 0, parts, finish, logprobs: None }],
            usage: Some(Usage { input: 30, cached: 10, cache_write: 5, output: 2, ..Usage::default() }),
            service_tier: None,
        }
    }

    #[test]
    fn a_message_has_all_its_members() {
        let text = Content::Text { text: "hi".into(), annotations: vec![] };
        assert_eq!(
            write(answer(vec![text], Finish::Length)),
            json!({
                "id": "msg_abc", "type": "message", "role": "assistant", "model": "m",
                "content": [{"type": "text", "text": "hi"}],
                "stop_reason": "max_tokens", "stop_sequence": null,
                "usage": {"input_tokens": 15, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 10,
                    "output_tokens": 2},
            })
        );
    }

    #[test]
    fn a_signed_call_follows_an_empty_thought() {
        let signature = Some(Signature { format: Format::Gemini, value: "g".into() });
        let call =
            ToolCall { id: "c".into(), name: "f".into(), arguments: "nonsense".into(), custom: false, signature };
        let body = write(answer(vec![Content::ToolCall(call)], Finish::Stop));
        let expected = json!([
            {"type": "thinking", "thinking": "", "signature": "tollgate.gemini.g"},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"_raw": "nonsense"}},
        ]);
        assert_eq!(body["content"], expected);
        assert_eq!(body["stop_reason"], "tool_use");
    }

    #[test]
    fn a_refusal_is_text_with_its_reason() {
        let body = write(answer(vec![Content::Refusal("No.".into())], Finish::Stop));
        assert_eq!(body["content"], json!([{"type": "text", "text": "No."}]));
        assert_eq!(body["stop_reason"], "refusal");
    }

    #[test]
    fn anthropics_own_answer_comes_out_as_it_went_in() {
        let body = json!({
            "id": "msg_abc", "type": "message", "role": "assistant", "model": "claude-x",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "dark"},
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "text", "text": "t", "citations": [{"type": "web_search_result_location", "url": "https://a/"}]},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, {}]}},
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 7,
                "output_tokens": 6, "service_tier": "standard"},
        });
        assert_eq!(write(read_answer(body.to_string().as_bytes(), "c").unwrap()), body);
    }
}
