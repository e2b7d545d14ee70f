//! An answer in OpenAI's chat form: what the door gives for providers of other formats.

use serde::Serialize;
use serde_json::{Value, json};

use super::reasoning::{detail, extra_content, redacted};
use crate::api::Usage;
use crate::api::chat::{Annotation, ChatAnswer, ChatRequest, Choice, Content, Finish, Source, ToolCall};
use crate::dialects::Heading;

/// Writes the whole answer.
pub fn write_answer(answer: ChatAnswer, heading: &Heading, _: &ChatRequest) -> Vec<u8> {
    let completion = Completion {
        id: format!("chatcmpl-{}", heading.id),
        object: "chat.completion",
        created: answer.created.unwrap_or(heading.created),
        model: answer.model.as_deref().unwrap_or(&heading.model),
        choices: answer.choices.into_iter().map(Written::from).collect(),
        usage: answer.usage.map(WrittenUsage::from),
        service_tier: answer.service_tier.as_deref(),
    };
    serde_json::to_vec(&completion).expect("strings and numbers always serialise")
}

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Written>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WrittenUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

#[derive(Serialize)]
struct Written {
    index: u32,
    message: Message,
    logprobs: Option<Value>,
    finish_reason: &'static str,
}

#[derive(Serialize, Default)]
struct Message {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Value>,
}

impl From<Choice> for Written {
    fn from(choice: Choice) -> Self {
        let mut message = Message { role: "assistant", ..Message::default() };
        for part in choice.parts {
            message.add(part.content);
        }
        if message.tool_calls.is_empty() && message.refusal.is_none() {
            message.content.get_or_insert_default();
        }
        Self { index: choice.index, message, logprobs: choice.logprobs, finish_reason: finish_word(&choice.finish) }
    }
}

impl Message {
    fn add(&mut self, content: Content) {
        match content {
            Content::Text { text, annotations } => {
                let characters = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                // Where nothing is said of the place, it is the part.
                let from = if annotations.is_empty() { 0 } else { characters(self.content.as_deref().unwrap_or("")) };
                let part = || (from, from.saturating_add(characters(&text)));
                let place = |annotation: &Annotation| {
                    url_citation(&Annotation { span: annotation.span.or_else(|| Some(part())), ..annotation.clone() })
                };
                self.annotations.extend(annotations.iter().filter_map(place));
                match &mut self.content {
                    Some(content) => content.push_str(&text),
                    None => self.content = Some(text),
                }
            }
            Content::Reasoning { text, signature } => {
                let index = self.reasoning_details.len();
                self.reasoning_details.push(detail(index, &text, signature.as_ref()));
                self.reasoning_content.push_str(&text);
            }
            Content::Redacted(data) => {
                let index = self.reasoning_details.len();
                self.reasoning_details.push(redacted(index, &data));
            }
            Content::Refusal(text) => self.refusal.get_or_insert_default().push_str(&text),
            Content::ToolCall(call) => self.tool_calls.push(tool_call(&call)),
            Content::Image { source, .. } => self.images.extend(image(&source)),
            Content::Foreign { .. } | Content::Audio { .. } | Content::Document { .. } | Content::ToolResult(_) => {}
        }
    }
}

/// A picture that a chat model has drawn, in OpenRouter's and Google's member for them.
pub(super) fn image(source: &Source) -> Option<Value> {
    let url = source.to_url()?;
    Some(json!({"type": "image_url", "image_url": {"url": url}}))
}

/// A tool call as it stands in a message.
pub(super) fn tool_call(call: &ToolCall) -> Value {
    if call.custom {
        return json!({"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}});
    }
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    let mut written =
        json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}});
    if let (Some(extra), Some(members)) = (extra_content(call.signature.as_ref()), written.as_object_mut()) {
        members.insert("extra_content".into(), extra);
    }
    written
}

/// Citations of pages; OpenAI's chat form knows no others.
pub(super) fn url_citation(annotation: &Annotation) -> Option<Value> {
    let url = annotation.url.as_deref()?;
    let (start, end) = annotation.span.unwrap_or_default();
    let title = annotation.title.as_deref().unwrap_or_default();
    Some(json!({
        "type": "url_citation",
        "url_citation": {"url": url, "title": title, "start_index": start, "end_index": end},
    }))
}

/// OpenAI has four words. One that nobody knows is `stop`, since the answer did end.
pub(in crate::dialects) fn finish_word(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Pause | Finish::Other(_) => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
    }
}

/// OpenAI's usage object.
#[derive(Debug, Serialize)]
pub(in crate::dialects) struct WrittenUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    /// OpenRouter's name for it.
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
    audio_tokens: u64,
    /// xAI's name for it, and OpenRouter's.
    #[serde(skip_serializing_if = "is_zero")]
    image_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    image_tokens: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<Usage> for WrittenUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input + usage.output,
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cached,
                cache_write_tokens: usage.cache_write,
                audio_tokens: usage.audio_input,
                image_tokens: usage.image_input,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.audio_output,
                image_tokens: usage.image_output,
            },
        }
    }
}
