//! The conversation: `contents` in two alternating roles, and `systemInstruction` before them.

use std::collections::HashMap;

use serde::Serialize;

use super::media::Medium;
use super::model::Model;
use super::part::{FunctionCall, FunctionResponse, Kind, Object, WirePart};
use crate::api::chat::{
    ChatRequest, Content, Field, Format, Losses, Message, Part, Role, Signature, Source, ToolCall, ToolResult,
};
use crate::dialects::extra::is_echo;

/// Stands in the place of a signature that there is none of, because another vendor's model made the call. Base64 of
/// `skip_thought_signature_validator`. <https://ai.google.dev/gemini-api/docs/thought-signatures>
const NO_SIGNATURE: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    parts: Vec<WirePart<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct System<'a> {
    parts: Vec<WirePart<'a>>,
}

#[derive(Debug)]
pub(super) struct Contents<'a> {
    pub system: Option<System<'a>>,
    /// Never empty.
    pub turns: Vec<Turn<'a>>,
}

pub(super) fn write_contents<'a>(request: &'a ChatRequest, model: Model<'_>, losses: &mut Losses) -> Contents<'a> {
    let mut writer = Writer { model, system: Vec::new(), turns: Vec::new(), calls: HashMap::new(), losses };
    for message in &request.messages {
        writer.message(message);
    }
    let Writer { system, mut turns, .. } = writer;
    if turns.is_empty() {
        // Gemini wants something to answer, and an empty text is nothing.
        turns.push(Turn { role: "user", parts: vec![WirePart::text(" ")] });
    }
    if model.wants_signatures() {
        turns.iter_mut().for_each(sign);
    }
    Contents { system: Some(System { parts: system }).filter(|system| !system.parts.is_empty()), turns }
}

/// Of calls made together Gemini signs the first one, and misses the signature of that one only.
fn sign(turn: &mut Turn<'_>) {
    let first = turn.parts.iter_mut().find(|part| matches!(part.kind, Kind::Call(_)));
    if let Some(part) = first
        && part.signature.is_none()
    {
        part.signature = Some(NO_SIGNATURE);
    }
}

struct Writer<'a, 'b> {
    model: Model<'b>,
    system: Vec<WirePart<'a>>,
    turns: Vec<Turn<'a>>,
    /// Names of the tools called so far, by the ids of the calls.
    calls: HashMap<&'a str, &'a str>,
    losses: &'b mut Losses,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, message: &'a Message) {
        self.losses.dropped_if(message.name.is_some(), Field::Name);
        self.extra(message.extra.keys());
        match message.role {
            Role::System | Role::Developer => self.instruct(message),
            Role::User => self.speak("user", &message.parts),
            Role::Assistant => self.speak("model", &message.parts),
        }
    }

    fn extra(&mut self, names: impl Iterator<Item = &'a String>) {
        for name in names.filter(|name| !is_echo(name)) {
            self.losses.dropped(Field::Extra(name.clone()));
        }
    }

    /// There is one place for instructions, wherever in the conversation they stood.
    fn instruct(&mut self, message: &'a Message) {
        if !self.turns.is_empty() {
            self.losses.approximated(Field::Extra("messages.role".into()));
        }
        for part in &message.parts {
            self.mind(part);
            match &part.content {
                Content::Text { text, .. } if text.is_empty() => {}
                Content::Text { text, .. } => self.system.push(WirePart::text(text)),
                other => self.losses.dropped(field(other)),
            }
        }
    }

    fn speak(&mut self, role: &'static str, parts: &'a [Part]) {
        let mut handed_on = None;
        for (index, part) in parts.iter().enumerate() {
            self.mind(part);
            let signature = handed_on.take();
            match &part.content {
                Content::Text { text, .. } | Content::Refusal(text) => {
                    if !text.is_empty() || signature.is_some() {
                        self.push(role, WirePart { signature, ..WirePart::text(text) });
                    }
                }
                Content::Image { source, detail } => {
                    self.losses.dropped_if(detail.as_ref().is_some_and(|detail| detail != "auto"), Field::ImageDetail);
                    self.medium(role, source, Field::Image);
                }
                Content::Audio { source } => self.medium(role, source, Field::Audio),
                Content::Document { source, name } => self.document(role, source, name.is_some()),
                Content::ToolCall(call) => self.call(call, signature),
                Content::ToolResult(result) => self.result(result),
                Content::Reasoning { text, signature: Some(Signature { format: Format::Gemini, value }) } => {
                    // Gemini signs what follows the thoughts, and wants the signature back there.
                    let follows = parts.get(index + 1).is_some_and(|next| takes_signature(&next.content));
                    handed_on = follows.then_some(value.as_str());
                    let own = Some(value.as_str()).filter(|_| !follows);
                    if own.is_some() || !text.is_empty() {
                        self.push(role, WirePart { thought: !text.is_empty(), signature: own, ..WirePart::text(text) });
                    }
                }
                Content::Reasoning { .. } | Content::Redacted(_) => self.losses.dropped(Field::Reasoning),
                Content::Foreign { format: Format::Gemini, value } if value.is_object() => {
                    let members = value.as_object().into_iter();
                    members.for_each(|members| self.push(role, WirePart::of(Kind::Own(members))));
                }
                Content::Foreign { .. } => self.losses.dropped(Field::Part),
            }
        }
    }

    fn mind(&mut self, part: &'a Part) {
        self.losses.dropped_if(part.cache.is_some(), Field::CacheHint);
        self.extra(part.extra.keys());
    }

    fn push(&mut self, role: &'static str, part: WirePart<'a>) {
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.parts.push(part),
            _ => self.turns.push(Turn { role, parts: vec![part] }),
        }
    }

    fn medium(&mut self, role: &'static str, source: &'a Source, field: Field) {
        match Medium::of(source) {
            Some(medium) => self.push(role, WirePart::of(Kind::Medium(medium))),
            None => self.losses.dropped(field),
        }
    }

    fn document(&mut self, role: &'static str, source: &'a Source, named: bool) {
        // It is sent without its name.
        if named {
            self.losses.approximated(Field::DocumentName);
        }
        match source {
            Source::Text(text) if text.is_empty() => {}
            Source::Text(text) => self.push(role, WirePart::text(text)),
            _ => self.medium(role, source, Field::Document),
        }
    }

    fn call(&mut self, call: &'a ToolCall, handed_on: Option<&'a str>) {
        self.calls.insert(&call.id, &call.name);
        let signature = match &call.signature {
            Some(Signature { format: Format::Gemini, value }) => Some(value.as_str()),
            Some(_) => {
                self.losses.dropped(Field::Reasoning);
                handed_on
            }
            None => handed_on,
        };
        if call.custom {
            // Free text becomes a member of an object.
            self.losses.approximated(Field::Tools);
        }
        let args = match call.arguments.trim() {
            "" => Object::Empty,
            _ if call.custom => Object::Of("input", call.arguments.as_str().into()),
            _ => Object::of(call.arguments.as_str().into(), "arguments"),
        };
        let call = FunctionCall { id: &call.id, name: &call.name, args };
        self.push("model", WirePart { signature, ..WirePart::of(Kind::Call(call)) });
    }

    /// Results of one turn stand together at its head, in front of whatever else the user says.
    fn result(&mut self, result: &'a ToolResult) {
        let (mut texts, mut inside, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for part in &result.parts {
            self.mind(part);
            let source = match &part.content {
                Content::Text { text, .. } | Content::Document { source: Source::Text(text), .. } => {
                    texts.push(text.as_str());
                    continue;
                }
                Content::Image { source, .. } | Content::Audio { source } | Content::Document { source, .. } => source,
                other => {
                    self.losses.dropped(field(other));
                    continue;
                }
            };
            match Medium::of(source) {
                Some(medium) if self.model.takes_media_in_results() && medium.fits_result() => inside.push(medium),
                Some(medium) => after.push(WirePart::of(Kind::Medium(medium))),
                None => self.losses.dropped(field(&part.content)),
            }
        }
        let text = match texts[..] {
            [text] => text.into(),
            _ => texts.join("\n").into(),
        };
        let response = match result.is_error {
            true => Object::Of("error", text),
            false if text.is_empty() && !(inside.is_empty() && after.is_empty()) => Object::Empty,
            false => Object::of(text, "result"),
        };
        let id = result.call.as_str();
        let name = self.calls.get(id).copied().unwrap_or(id);
        let response = FunctionResponse { id, name, response, parts: inside };
        self.place_result(WirePart::of(Kind::Response(response)));
        after.into_iter().for_each(|part| self.push("user", part));
    }

    fn place_result(&mut self, part: WirePart<'a>) {
        let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == "user") else {
            return self.push("user", part);
        };
        let last = turn.parts.iter().rposition(|part| matches!(part.kind, Kind::Response(_)));
        match last {
            Some(last) => turn.parts.insert(last + 1, part),
            None => turn.parts.push(part),
        }
    }
}

/// A part that a signature which stands before it belongs to.
fn takes_signature(content: &Content) -> bool {
    match content {
        Content::Text { .. } => true,
        Content::ToolCall(call) => call.signature.as_ref().is_none_or(|signature| signature.format != Format::Gemini),
        _ => false,
    }
}

/// What is lost where a part cannot be sent.
fn field(content: &Content) -> Field {
    match content {
        Content::Image { .. } => Field::Image,
        Content::Audio { .. } => Field::Audio,
        Content::Document { .. } => Field::Document,
        Content::Reasoning { .. } | Content::Redacted(_) => Field::Reasoning,
        _ => Field::Part,
    }
}

#[cfg(test)]
mod tests;
