//! A stream, written. Its grammar is strict: `message_start`, blocks one after the other, `message_delta`,
//! `message_stop`. <https://docs.claude.com/en/build-with-claude/streaming>
//!
//! Calls of tools may come interleaved, blocks may not: while a call's arguments are incomplete, everything else waits.

use std::collections::VecDeque;

use serde_json::Value;

use super::block::{Block, Input, RAW};
use super::finish::{self, Answered};
use super::frame::{BlockDelta, Frame};
use super::usage::UsageBody;
use super::{citation, signature};
use crate::api::Usage;
use crate::api::chat::{ChatRequest, Delta, Finish, Format, Signature, ToolCall};
use crate::dialects::codec::{Heading, WriteEvents};
use crate::dialects::json_end::JsonEnd;

/// Writes a stream for a client of the Messages API, which knows one choice only.
pub fn write_events(heading: Heading, _request: &ChatRequest) -> EventWriter {
    EventWriter {
        heading,
        started: false,
        index: 0,
        open: Open::Nothing,
        waiting: VecDeque::new(),
        usage: None,
        finish: None,
        answered: Answered::default(),
    }
}

#[derive(Debug)]
pub struct EventWriter {
    heading: Heading,
    started: bool,
    /// Of the block that is open, or of the next one.
    index: u32,
    open: Open,
    /// What came while a call was incomplete.
    waiting: VecDeque<Delta>,
    usage: Option<Usage>,
    finish: Option<Finish>,
    answered: Answered,
}

/// The block that is open.
#[derive(Debug)]
enum Open {
    Nothing,
    Text,
    Thinking,
    Call(OpenCall),
}

#[derive(Debug)]
struct OpenCall {
    call: u32,
    arguments_end: JsonEnd,
    arguments: Arguments,
}

#[derive(Debug)]
enum Arguments {
    /// Nothing but white space so far.
    None,
    Object,
    /// Text that is no object, kept until it is whole: see [`Input`].
    Raw(String),
}

impl WriteEvents for EventWriter {
    fn holds(&self) -> bool {
        true
    }

    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Finish { choice: 0, finish } => self.finish = Some(finish),
            Delta::Start { model, .. } => {
                if let Some(model) = model {
                    self.heading.model = model;
                }
            }
            delta => self.content(delta, out),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        while !self.waiting.is_empty() {
            self.drain(out);
            self.close(out);
        }
        self.start(out);
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        let (stop_reason, stop_sequence) = finish::write(&finish, self.answered);
        Frame::message_delta(stop_reason, stop_sequence, UsageBody::new(self.usage, None)).write(out);
        Frame::MessageStop.write(out);
    }
}

impl EventWriter {
    fn content(&mut self, delta: Delta, out: &mut Vec<u8>) {
        if let Open::Call(open) = &self.open {
            match delta {
                Delta::Arguments { choice: 0, call, text } if call == open.call => self.arguments(&text, out),
                delta if !open.arguments_end.has_come() => self.waiting.push_back(delta),
                delta => self.block(delta, out),
            }
        } else {
            self.block(delta, out);
        }
    }

    /// Everything that waits, until a call holds it up again.
    fn drain(&mut self, out: &mut Vec<u8>) {
        for delta in std::mem::take(&mut self.waiting) {
            self.content(delta, out);
        }
    }

    fn block(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Text { choice: 0, text } => self.text(&text, out),
            Delta::Refusal { choice: 0, text } => {
                self.answered.refused |= !text.is_empty();
                self.text(&text, out);
            }
            Delta::Reasoning { choice: 0, text } if !text.is_empty() => {
                self.think(out);
                self.delta(BlockDelta::ThinkingDelta { thinking: &text }, out);
            }
            Delta::Signature { choice: 0, signature } => self.sign(&signature, out),
            Delta::Redacted { choice: 0, data } => {
                self.whole(&Block::RedactedThinking { data: signature::write(&data) }, out);
            }
            Delta::ToolCall { choice: 0, call, id, name, custom, signature } => {
                let begun = ToolCall { id, name, arguments: String::new(), custom, signature };
                self.call(call, &begun, out);
            }
            Delta::Foreign { choice: 0, format: Format::Anthropic, value } => self.foreign(value, out),
            // Annotations lack the encrypted index that Anthropic's have; see `citation`.
            _ => {}
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if !matches!(self.open, Open::Text) {
            self.begin(&Block::Text { text: "", citations: Vec::new() }, Open::Text, out);
        }
        self.delta(BlockDelta::TextDelta { text }, out);
    }

    fn think(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.open, Open::Thinking) {
            let block = Block::Thinking { thinking: "", signature: "".into() };
            self.begin(&block, Open::Thinking, out);
        }
    }

    fn sign(&mut self, signature: &Signature, out: &mut Vec<u8>) {
        self.think(out);
        self.delta(BlockDelta::SignatureDelta { signature: &signature::write(signature) }, out);
        self.close(out);
    }

    fn call(&mut self, call: u32, begun: &ToolCall, out: &mut Vec<u8>) {
        self.answered.calls = true;
        if let Some(signature) = &begun.signature {
            // The signature of a call stands in a thought of its own.
            self.close(out);
            self.sign(signature, out);
        }
        let arguments = if begun.custom { Arguments::Raw(String::new()) } else { Arguments::None };
        let open = Open::Call(OpenCall { call, arguments_end: JsonEnd::default(), arguments });
        let block = Block::ToolUse { id: begun.id.as_str().into(), name: &begun.name, input: Input::Empty };
        self.begin(&block, open, out);
    }

    fn arguments(&mut self, text: &str, out: &mut Vec<u8>) {
        let Open::Call(open) = &mut self.open else { return };
        if matches!(open.arguments, Arguments::None) {
            match text.trim_start().bytes().next() {
                None => return,
                Some(b'{') => open.arguments = Arguments::Object,
                Some(_) => open.arguments = Arguments::Raw(String::new()),
            }
        }
        if let Arguments::Raw(so_far) = &mut open.arguments {
            return so_far.push_str(text);
        }
        open.arguments_end.read(text);
        let complete = open.arguments_end.has_come();
        self.delta(BlockDelta::InputJsonDelta { partial_json: text }, out);
        if complete && !self.waiting.is_empty() {
            self.drain(out);
        }
    }

    fn foreign(&mut self, mut value: Value, out: &mut Vec<u8>) {
        if citation::is_border(&value) {
            if matches!(self.open, Open::Text) {
                self.close(out);
            }
            return;
        }
        if let Some(citation) = citation::kept(&value) {
            if matches!(self.open, Open::Text) {
                self.delta(BlockDelta::CitationsDelta { citation }, out);
            }
            return;
        }
        // Clients build the input of every kind of call from deltas.
        let is_call = value.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("tool_use"));
        let input = value.get_mut("input").filter(|input| is_call && input.is_object());
        let input = input.map(|input| std::mem::replace(input, Value::Object(Default::default())));
        self.begin(&Block::Foreign(&value), Open::Nothing, out);
        if let Some(input) = input {
            self.delta(BlockDelta::InputJsonDelta { partial_json: &input.to_string() }, out);
        }
        self.stop(out);
    }

    /// A block that has no deltas.
    fn whole(&mut self, block: &Block<'_>, out: &mut Vec<u8>) {
        self.begin(block, Open::Nothing, out);
        self.stop(out);
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            let usage = UsageBody::new(self.usage, None);
            Frame::message_start(&self.heading, usage).write(out);
        }
    }

    fn begin(&mut self, block: &Block<'_>, open: Open, out: &mut Vec<u8>) {
        self.start(out);
        self.close(out);
        Frame::ContentBlockStart { index: self.index, content_block: block }.write(out);
        self.open = open;
    }

    fn delta(&self, delta: BlockDelta<'_>, out: &mut Vec<u8>) {
        Frame::ContentBlockDelta { index: self.index, delta }.write(out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => return,
            Open::Call(OpenCall { arguments: Arguments::Raw(text), .. }) => {
                let wrapped = serde_json::json!({ RAW: text }).to_string();
                self.delta(BlockDelta::InputJsonDelta { partial_json: &wrapped }, out);
            }
            Open::Text | Open::Thinking | Open::Call(_) => {}
        }
        self.stop(out);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        Frame::ContentBlockStop { index: self.index }.write(out);
        self.index += 1;
    }
}

#[cfg(test)]
mod tests;
