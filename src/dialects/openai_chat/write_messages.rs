//! Messages in OpenAI's chat form.

use serde_json::{Map, Value, json};
use smallvec::SmallVec;

use super::reasoning::{detail, redacted};
use super::write_answer::tool_call;
use crate::api::chat::{
    CacheHint, ChatRequest, Content, Field, Format, Losses, Message, Part, Role, Source, ToolResult,
};
use crate::config::{Quirks, ReasoningMember};
use crate::dialects::extra;

/// One message of the common form may become several: each tool's result is one of its own here.
pub(super) fn write_messages(request: &ChatRequest, quirks: &Quirks, losses: &mut Losses) -> Vec<Value> {
    let mut writer = Writer { own: request.format == Format::OpenAiChat, quirks, losses, written: Vec::new() };
    for message in &request.messages {
        writer.message(message);
    }
    if writer.written.is_empty() {
        // An empty prompt is one, and no messages are a fault.
        writer.written.push(json!({"role": "user", "content": ""}));
    }
    writer.written
}

struct Writer<'a> {
    /// The request came in this format.
    own: bool,
    quirks: &'a Quirks,
    losses: &'a mut Losses,
    written: Vec<Value>,
}

impl Writer<'_> {
    fn message(&mut self, message: &Message) {
        let mut members = match message.role {
            Role::System => self.plain("system", &message.parts),
            Role::Developer if self.quirks.openai_models => self.plain("developer", &message.parts),
            Role::Developer => self.plain("system", &message.parts),
            Role::User => self.user(&message.parts),
            Role::Assistant => Some(self.assistant(&message.parts)),
        };
        for (name, value) in &message.extra {
            match &mut members {
                Some(members) if self.own => drop(members.insert(name.clone(), value.clone())),
                _ => self.losses.dropped(Field::Extra(name.clone())),
            }
        }
        if let Some(mut members) = members {
            members.extend(message.name.as_ref().map(|name| ("name".into(), name.as_str().into())));
            self.written.push(Value::Object(members));
        }
    }

    fn plain(&mut self, role: &str, parts: &[Part]) -> Option<Map<String, Value>> {
        let content = self.content(parts.iter());
        (!is_empty(&content)).then(|| said(role, content))
    }

    /// Results first, as they answer the message before; what a tool's message cannot hold (a picture) follows as the
    /// user's.
    fn user(&mut self, parts: &[Part]) -> Option<Map<String, Value>> {
        let mut shown: Vec<&Part> = Vec::new();
        for part in parts {
            if let Content::ToolResult(result) = &part.content {
                self.hint(part.cache.as_ref());
                self.result(result);
                shown.extend(result.parts.iter().filter(|part| !matches!(part.content, Content::Text { .. })));
            }
        }
        let rest = parts.iter().filter(|part| !matches!(part.content, Content::ToolResult(_)));
        let content = self.content(shown.into_iter().chain(rest));
        (!is_empty(&content)).then(|| said("user", content))
    }

    fn result(&mut self, result: &ToolResult) {
        if result.is_error {
            // There is no member for it; the words stay.
            self.losses.approximated(Field::Extra("messages.content.tool_result.is_error".into()));
        }
        let mut texts = Vec::new();
        for part in &result.parts {
            if let Content::Text { text, .. } = &part.content {
                texts.push(text.as_str());
                self.hint(part.cache.as_ref());
                extra::drop_but_echoes(&part.extra, self.losses);
            }
        }
        let text = texts.join("\n");
        self.written.push(json!({"role": "tool", "tool_call_id": result.call, "content": text}));
    }

    fn assistant(&mut self, parts: &[Part]) -> Map<String, Value> {
        let mut text = None::<String>;
        let mut refusal = None::<String>;
        let mut calls = Vec::new();
        let mut reasoning = Vec::new();
        let mut thought = String::new();
        let mut sealed = false;
        for part in parts {
            self.hint(part.cache.as_ref());
            match &part.content {
                Content::Text { text: more, .. } => text.get_or_insert_default().push_str(more),
                Content::Refusal(more) => refusal.get_or_insert_default().push_str(more),
                Content::ToolCall(call) => {
                    let foreign = call.signature.is_some() && self.quirks.reasoning != ReasoningMember::Details;
                    self.losses.dropped_if(foreign, Field::Reasoning);
                    let mut call = call.clone();
                    call.signature = call.signature.filter(|_| !foreign);
                    calls.push(tool_call(&call));
                }
                Content::Reasoning { text, signature } => {
                    reasoning.push(detail(reasoning.len(), text, signature.as_ref()));
                    thought.push_str(text);
                    sealed |= signature.is_some();
                }
                Content::Redacted(data) => {
                    reasoning.push(redacted(reasoning.len(), data));
                    sealed = true;
                }
                _ => self.losses.dropped(Field::Part),
            }
        }
        let mut members = said("assistant", text.map_or(Value::Null, Value::from));
        members.extend(refusal.map(|refusal| ("refusal".into(), refusal.into())));
        match self.quirks.reasoning {
            ReasoningMember::Content if !thought.is_empty() => {
                if sealed {
                    // The text goes without what proves it.
                    self.losses.approximated(Field::Reasoning);
                }
                members.insert("reasoning_content".into(), thought.into());
            }
            ReasoningMember::Details if !reasoning.is_empty() => {
                members.insert("reasoning_details".into(), reasoning.into());
            }
            _ => self.losses.dropped_if(!reasoning.is_empty(), Field::Reasoning),
        }
        if !calls.is_empty() {
            members.insert("tool_calls".into(), calls.into());
        } else if members["content"].is_null() && !members.contains_key("refusal") {
            members["content"] = "".into();
        }
        members
    }

    /// A string where there is but one plain text: several servers know nothing else.
    fn content<'p>(&mut self, parts: impl Iterator<Item = &'p Part>) -> Value {
        let parts: SmallVec<[&Part; 4]> = parts.collect();
        if let [Part { content: Content::Text { text, .. }, cache: None, extra }] = *parts
            && extra.is_empty()
            && !text.is_empty()
        {
            return text.as_str().into();
        }
        let mut written: Vec<Value> = parts.into_iter().filter_map(|part| self.part(part)).collect();
        match written.as_mut_slice() {
            [] => Value::Null,
            [Value::Object(only)] if only.len() == 2 && only.contains_key("text") => only["text"].take(),
            _ => Value::Array(written),
        }
    }

    fn part(&mut self, part: &Part) -> Option<Value> {
        let mut written = match &part.content {
            Content::Text { text, .. } if text.is_empty() => return None,
            Content::Text { text, .. } => json!({"type": "text", "text": text}),
            Content::Image { source, detail } => {
                let Some(url) = source.to_url() else { return self.lose(Field::Image) };
                let mut image = json!({"url": url});
                if let (Some(detail), Some(image)) = (detail, image.as_object_mut()) {
                    image.insert("detail".into(), detail.as_str().into());
                }
                json!({"type": "image_url", "image_url": image})
            }
            Content::Audio { source: Source::Data { media_type, data } } => {
                let format = match media_type.trim_start_matches("audio/") {
                    "mpeg" => "mp3",
                    "x-wav" | "wave" => "wav",
                    format => format,
                };
                json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
            }
            Content::Audio { .. } => return self.lose(Field::Audio),
            Content::Document { source, name } => self.document(source, name.as_deref())?,
            Content::Foreign { format: Format::OpenAiChat, value } => value.clone(),
            _ => return self.lose(Field::Part),
        };
        if let Some(members) = written.as_object_mut() {
            if let Some(hint) = part.cache.as_ref().filter(|_| self.quirks.cache_control) {
                members.insert("cache_control".into(), cache_control(hint));
            } else {
                self.hint(part.cache.as_ref());
            }
            for (name, value) in &part.extra {
                match self.own {
                    true => drop(members.insert(name.clone(), value.clone())),
                    false => self.losses.dropped(Field::Extra(name.clone())),
                }
            }
        }
        Some(written)
    }

    fn document(&mut self, source: &Source, name: Option<&str>) -> Option<Value> {
        let file = match source {
            // Plain text needs no file, and so has no name.
            Source::Text(text) => {
                if name.is_some() {
                    self.losses.approximated(Field::DocumentName);
                }
                return Some(json!({"type": "text", "text": text}));
            }
            Source::File { format: Format::OpenAiChat | Format::OpenAiResponses, id } if self.quirks.openai_models => {
                json!({"file_id": id})
            }
            Source::Data { .. } => {
                json!({"filename": name.unwrap_or("document.pdf"), "file_data": source.to_url()})
            }
            Source::Url(_) | Source::File { .. } => return self.lose(Field::Document),
        };
        Some(json!({"type": "file", "file": file}))
    }

    fn hint(&mut self, hint: Option<&CacheHint>) {
        // OpenAI caches prompts by itself; the wish has no member there.
        self.losses.dropped_if(hint.is_some(), Field::CacheHint);
    }

    fn lose(&mut self, field: Field) -> Option<Value> {
        self.losses.dropped(field);
        None
    }
}

fn said(role: &str, content: Value) -> Map<String, Value> {
    Map::from_iter([("role".to_owned(), role.into()), ("content".to_owned(), content)])
}

fn is_empty(content: &Value) -> bool {
    content.is_null()
}

/// Anthropic's form.
fn cache_control(hint: &CacheHint) -> Value {
    match &hint.ttl {
        Some(ttl) => json!({"type": "ephemeral", "ttl": ttl}),
        None => json!({"type": "ephemeral"}),
    }
}
