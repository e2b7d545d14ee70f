//! An answer of a provider of OpenAI's format in the common form, for the other doors.

use std::borrow::Cow;

use serde_json::Value;

use super::answer::judge_whole;
use super::reasoning::{details_parts, signature_of_call};
use super::wire::{Document, DocumentChoice, Message};
use crate::api::chat::{Annotation, ChatAnswer, Choice, Content, Finish, Format, Part, ToolCall};
use crate::dialects::Fault;
use crate::dialects::codec::made_id;

/// Reads a whole answer. `call_id` is for tool calls that come without an id.
pub fn read_answer(body: &[u8], call_id: &str) -> Result<ChatAnswer, Fault> {
    let usage = judge_whole(body)?.usage;
    let answer: Document<'_> = serde_json::from_slice(body).map_err(|_| Fault::malformed())?;
    let mut ids = Ids::new(call_id);
    Ok(ChatAnswer {
        id: answer.id.map(Cow::into_owned),
        model: answer.model.map(Cow::into_owned),
        created: answer.created,
        choices: answer.choices.into_iter().map(|choice| read_choice(choice, &mut ids)).collect(),
        usage,
        service_tier: answer.service_tier.map(Cow::into_owned),
    })
}

/// Makes ids for tool calls that have none.
#[derive(Debug)]
pub(super) struct Ids {
    call_id: String,
    made: usize,
}

impl Ids {
    pub(super) fn new(call_id: &str) -> Self {
        Self { call_id: call_id.to_owned(), made: 0 }
    }

    pub(super) fn or_made(&mut self, id: &str) -> String {
        if !id.is_empty() {
            return id.to_owned();
        }
        self.made += 1;
        made_id(&self.call_id, self.made - 1)
    }
}

fn read_choice(choice: DocumentChoice<'_>, ids: &mut Ids) -> Choice {
    let message = choice.message.or(choice.delta);
    // Together repeats the content in the legacy member.
    let legacy = choice.text.filter(|_| message.is_none());
    let mut message = message.unwrap_or_default();
    let mut parts = read_reasoning(&mut message);
    parts.extend(read_text(&message));
    parts.extend(legacy.map(Part::text));
    if let Some(refusal) = message.refusal.filter(|text| !text.is_empty()) {
        parts.push(Content::Refusal(refusal.into_owned()).into());
    }
    for call in message.tool_calls.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        parts.extend(read_call(call, ids).map(|call| Part::from(Content::ToolCall(call))));
    }
    if let Some(call) = message.function_call.as_ref().filter(|call| call.is_object()) {
        parts.extend(read_function(call, "", ids).map(|call| Part::from(Content::ToolCall(call))));
    }
    if let Some(audio) = message.audio {
        parts.push(Content::Foreign { format: Format::OpenAiChat, value: audio }.into());
    }
    let called = parts.iter().any(|part| matches!(part.content, Content::ToolCall(_)));
    Choice {
        index: choice.index.and_then(|index| u32::try_from(index).ok()).unwrap_or(0),
        finish: read_finish(choice.finish_reason.as_deref(), called),
        parts,
        logprobs: choice.logprobs,
    }
}

/// `called`: some vendors end with `stop` where they mean `tool_calls`.
pub(super) fn read_finish(word: Option<&str>, called: bool) -> Finish {
    match word {
        Some("stop" | "eos" | "end_turn" | "stop_sequence") if called => Finish::ToolCalls,
        Some("stop" | "eos" | "end_turn") => Finish::Stop,
        Some("stop_sequence") => Finish::StopSequence(None),
        Some("length" | "max_tokens" | "model_length") => Finish::Length,
        Some("tool_calls" | "function_call" | "tool_use") => Finish::ToolCalls,
        Some("content_filter" | "safety") => Finish::ContentFilter,
        Some("refusal") => Finish::Refusal,
        other => Finish::Other(other.unwrap_or_default().to_owned()),
    }
}

fn read_reasoning(message: &mut Message<'_>) -> Vec<Part> {
    let signed = message.reasoning_details.as_ref().map(details_parts).unwrap_or_default();
    if !signed.is_empty() {
        return signed;
    }
    let text = message.reasoning_content.take().filter(|text| !text.is_empty()).or_else(|| message.reasoning.take());
    match text {
        Some(text) if !text.is_empty() => {
            vec![Content::Reasoning { text: text.into_owned(), signature: None }.into()]
        }
        _ => Vec::new(),
    }
}

fn read_text(message: &Message<'_>) -> Vec<Part> {
    let annotations = message.annotations.as_ref().map(read_annotations).unwrap_or_default();
    match message.content.and_then(|content| serde_json::from_str(content.get()).ok()) {
        Some(Value::String(text)) if !text.is_empty() => vec![Content::Text { text, annotations }.into()],
        Some(parts @ Value::Array(_)) => content_parts(&parts),
        _ => Vec::new(),
    }
}

/// Content that comes in parts, as Mistral sends it.
pub(super) fn content_parts(parts: &Value) -> Vec<Part> {
    let texts = parts.as_array().into_iter().flatten().filter_map(|part| part.get("text").and_then(Value::as_str));
    let mut read = details_parts(parts);
    read.extend(texts.map(Part::text));
    read
}

/// Citations of pages.
pub(super) fn read_annotations(annotations: &Value) -> Vec<Annotation> {
    let read = |annotation: &Value| {
        let citation = annotation.get("url_citation")?;
        let words = |name: &str| citation.get(name).and_then(Value::as_str).map(str::to_owned);
        let place = |name: &str| citation.get(name).and_then(Value::as_u64).and_then(|at| u32::try_from(at).ok());
        let span = place("start_index").zip(place("end_index"));
        Some(Annotation { url: Some(words("url")?), title: words("title"), cited: words("content"), span })
    };
    annotations.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(read).collect()
}

fn read_call(call: &Value, ids: &mut Ids) -> Option<ToolCall> {
    let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
    let signature = signature_of_call(call.get("extra_content"));
    if let Some(custom) = call.get("custom") {
        let words = |name: &str| custom.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, arguments) = (words("name"), words("input"));
        return Some(ToolCall { id: ids.or_made(id), name, arguments, custom: true, signature });
    }
    Some(ToolCall { signature, ..read_function(call.get("function")?, id, ids)? })
}

fn read_function(function: &Value, id: &str, ids: &mut Ids) -> Option<ToolCall> {
    // Go's servers send empty calls where there are none.
    let name = function.get("name")?.as_str().filter(|name| !name.is_empty())?.to_owned();
    let arguments = match function.get("arguments") {
        Some(Value::String(arguments)) => arguments.clone(),
        // Some servers send the object itself.
        Some(object @ Value::Object(_)) => object.to_string(),
        _ => String::new(),
    };
    Some(ToolCall { id: ids.or_made(id), name, arguments, custom: false, signature: None })
}
