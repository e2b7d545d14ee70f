//! The messages of a request, written in the order and the grouping that Anthropic insists on: system texts apart, turns
//! of user and assistant by turns, a call's results at the head of the turn that follows it.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::block::{Block, Blocks, Entry};
use super::blocks_write::BlockWriter;
use crate::api::chat::{ChatRequest, Field, Format, Losses, Message, Role};
use crate::dialects::extra::is_echo;

#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<Entry<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Blocks<'a>,
    #[serde(flatten)]
    extra: Option<&'a Map<String, Value>>,
}

/// What stands where a format demands a text and nobody said anything.
const NOTHING: &str = ".";

impl<'a> Conversation<'a> {
    /// A conversation in Anthropic's own format keeps its turns as they are, and its later system messages in place.
    pub(super) fn write(request: &'a ChatRequest, losses: &mut Losses) -> Self {
        let own = request.format == Format::Anthropic;
        let mut conversation = Self { system: Vec::new(), turns: Vec::new() };
        for message in &request.messages {
            losses.dropped_if(message.name.is_some(), Field::Name);
            let is_system = matches!(message.role, Role::System | Role::Developer);
            if is_system && !own && !conversation.turns.is_empty() {
                // It moves to the front.
                losses.approximated(Field::Extra("messages.role".into()));
            }
            let entries = BlockWriter { own, role: message.role, losses }.entries(&message.parts);
            conversation.add(message, entries, own);
            if !own {
                report_extra(message, losses);
            }
        }
        if !own {
            conversation.complete();
        }
        conversation
    }

    fn add(&mut self, message: &'a Message, entries: Vec<Entry<'a>>, own: bool) {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System | Role::Developer if !own || self.turns.is_empty() => return self.system.extend(entries),
            Role::System | Role::Developer => "system",
        };
        if entries.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(last) if last.role == role && !own => last.join(entries),
            _ => {
                let mut turn = Turn { role, content: Blocks(Vec::new()), extra: own.then_some(&message.extra) };
                if own {
                    turn.content = Blocks(entries);
                } else {
                    turn.join(entries);
                }
                self.turns.push(turn);
            }
        }
    }

    fn complete(&mut self) {
        // A request may be nothing but instructions; Anthropic wants somebody to ask.
        if self.turns.is_empty() && !self.system.is_empty() {
            let content = Blocks(std::mem::take(&mut self.system));
            self.turns.push(Turn { role: "user", content, extra: None });
        }
        if self.turns.first().is_some_and(|first| first.role == "assistant") {
            let content = Blocks(vec![Entry::text(NOTHING)]);
            self.turns.insert(0, Turn { role: "user", content, extra: None });
        }
        // An answer that the model shall continue must not end in white space.
        if let Some(Turn { role: "assistant", content, .. }) = self.turns.last_mut()
            && let Some(Entry { block: Block::Text { text, .. }, .. }) = content.0.last_mut()
        {
            *text = text.trim_end();
        }
    }

    /// The last answer calls tools without having thought. A model that has a budget for thinking refuses to go on from
    /// there. <https://docs.claude.com/en/build-with-claude/extended-thinking#preserving-thinking-blocks>
    pub(super) fn calls_without_thought(&self) -> bool {
        let Some(last) = self.turns.iter().rfind(|turn| turn.role == "assistant") else { return false };
        let thought =
            |entry: &Entry<'_>| matches!(entry.block, Block::Thinking { .. } | Block::RedactedThinking { .. });
        last.content.0.iter().any(|entry| matches!(entry.block, Block::ToolUse { .. }))
            && !last.content.0.first().is_some_and(thought)
    }
}

impl<'a> Turn<'a> {
    /// Results go before everything else in a turn.
    fn join(&mut self, entries: Vec<Entry<'a>>) {
        let is_result = |entry: &Entry<'_>| matches!(entry.block, Block::ToolResult { .. });
        let (results, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_result);
        let content = &mut self.content.0;
        let at = content.iter().take_while(|entry| is_result(entry)).count();
        content.splice(at..at, results);
        content.extend(others);
    }
}

fn report_extra(message: &Message, losses: &mut Losses) {
    for name in message.extra.keys() {
        if message.role != Role::Assistant || !is_echo(name) {
            losses.dropped(Field::Extra(name.clone()));
        }
    }
}

/// An id that Anthropic takes: letters, digits, `_` and `-`. Other bytes become their numbers, so that a call and its
/// result still agree.
pub(super) fn tool_id(id: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !id.is_empty() && id.bytes().all(fits) {
        return Cow::Borrowed(id);
    }
    let mut fitting = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        match fits(byte) {
            true => fitting.push(char::from(byte)),
            false => fitting.push_str(&format!("_{byte:02x}")),
        }
    }
    if fitting.is_empty() {
        fitting.push('_');
    }
    Cow::Owned(fitting)
}
