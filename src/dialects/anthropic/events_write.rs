//! A stream, written. Its grammar is strict: `message_start`, blocks one after the other, `message_delta`,
//! `message_stop`. <https://docs.claude.com/en/build-with-claude/streaming>
//!
//! Calls of tools may come interleaved, blocks may not: while a call's arguments are incomplete, everything else waits.

use std::collections::VecDeque;

use serde_json::Value;

use super::block::{Block, Input, RAW};
use super::finish::{self, Answered};
use super::frame::{BlockDelta, Frame};
use super::progress::Progress;
use super::usage::UsageBody;
use super::{citation, signature};
use crate::api::Usage;
use crate::api::chat::{ChatRequest, Delta, Finish, Format, Signature, ToolCall};
use crate::dialects::codec::{Heading, WriteEvents};

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
    progress: Progress,
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
                Delta::Arguments { choice: 0, call, text } if call == open.call => return self.arguments(&text, out),
                delta if !open.progress.is_complete() => return self.waiting.push_back(delta),
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
        let open = Open::Call(OpenCall { call, progress: Progress::default(), arguments });
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
        open.progress.feed(text);
        let complete = open.progress.is_complete();
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
mod tests {
    use serde_json::json;

    use super::super::testing::{assemble, events};
    use super::*;

    fn stream(deltas: impl IntoIterator<Item = Delta>) -> Vec<u8> {
        let heading = Heading { id: "abc".into(), created: 0, model: "m".into(), include_usage: true };
        let mut writer = write_events(heading, &ChatRequest::new(Format::Anthropic));
        let mut out = Vec::new();
        deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
        writer.end(&mut out);
        out
    }

    fn text(text: &str) -> Delta {
        Delta::Text { choice: 0, text: text.into() }
    }

    fn reasoning(text: &str) -> Delta {
        Delta::Reasoning { choice: 0, text: text.into() }
    }

    fn call(call: u32) -> Delta {
        let name = format!("f{call}");
        Delta::ToolCall { choice: 0, call, id: format!("id{call}"), name, custom: false, signature: None }
    }

    fn arguments(call: u32, text: &str) -> Delta {
        Delta::Arguments { choice: 0, call, text: text.into() }
    }

    fn used(call: u32, input: Value) -> Value {
        json!({"type": "tool_use", "id": format!("id{call}"), "name": format!("f{call}"), "input": input})
    }

    fn signed(format: Format, value: &str) -> Signature {
        Signature { format, value: value.into() }
    }

    #[test]
    fn a_stream_without_content_has_its_frame() {
        let kinds: Vec<_> = events(&stream([])).iter().map(|event| event["type"].clone()).collect();
        assert_eq!(kinds, ["message_start", "message_delta", "message_stop"]);
        assert_eq!(assemble(&stream([text(""), reasoning("")]))["content"], json!([]));
    }

    #[test]
    fn thinking_text_and_calls_are_blocks_of_their_own() {
        let usage = Usage { input: 9, cached: 4, output: 1, ..Usage::default() };
        let stream = stream([
            Delta::Start { id: Some("x".into()), model: Some("gemini".into()), created: None },
            Delta::Usage(usage),
            reasoning("h"),
            reasoning("m"),
            Delta::Signature { choice: 0, signature: signed(Format::Gemini, "s") },
            reasoning("more"),
            text("He"),
            text("llo"),
            Delta::Text { choice: 1, text: "not here".into() },
            call(0),
            arguments(0, "{\"a\":"),
            arguments(0, "1}"),
            text("bye"),
            Delta::Finish { choice: 0, finish: Finish::Stop },
            Delta::Usage(Usage { output: 8, ..usage }),
        ]);
        let message = assemble(&stream);
        let expected = json!([
            {"type": "thinking", "thinking": "hm", "signature": "tollgate.gemini.s"},
            {"type": "thinking", "thinking": "more", "signature": ""},
            {"type": "text", "text": "Hello"},
            used(0, json!({"a": 1})),
            {"type": "text", "text": "bye"},
        ]);
        assert_eq!(message["content"], expected);
        assert_eq!(message["id"], "msg_abc");
        assert_eq!(message["model"], "gemini");
        assert_eq!(message["stop_reason"], "tool_use");
        assert_eq!(message["usage"]["output_tokens"], 8);
        assert_eq!(message["usage"]["input_tokens"], 5);
        assert_eq!(message["usage"]["cache_read_input_tokens"], 4);
        assert_eq!(events(&stream)[0]["message"]["usage"]["input_tokens"], 5);
    }

    #[test]
    fn interleaved_calls_are_sorted_into_blocks_that_do_not_overlap() {
        let one = || used(0, json!({"a": "}"}));
        let two = || used(1, json!({"b": []}));
        for deltas in [
            vec![
                call(0),
                call(1),
                arguments(0, "{\"a\":"),
                arguments(1, "{\"b\""),
                arguments(0, "\"}\"}"),
                arguments(1, ":[]}"),
            ],
            vec![call(0), call(1), arguments(1, "{\"b\":[]}"), arguments(0, "{\"a\":\"}\"}")],
            vec![call(0), arguments(0, "{\"a\":\"}\"}"), arguments(0, "\n"), call(1), arguments(1, "{\"b\":[]}")],
        ] {
            assert_eq!(assemble(&stream(deltas))["content"], json!([one(), two()]));
        }
    }

    #[test]
    fn what_comes_behind_an_incomplete_call_waits_for_the_end() {
        let message = assemble(&stream([
            call(0),
            text("a"),
            call(1),
            text("b"),
            arguments(1, "{\"x\":"),
            call(2),
            arguments(1, "2}"),
            arguments(2, "{\"cut"),
        ]));
        let expected = json!([
            used(0, json!({})),
            {"type": "text", "text": "a"},
            used(1, json!({"x": 2})),
            {"type": "text", "text": "b"},
            used(2, json!({"cut": "{\"cut"})),
        ]);
        assert_eq!(message["content"], expected);
    }

    #[test]
    fn arguments_that_are_no_object_are_wrapped() {
        let custom = Delta::ToolCall {
            choice: 0,
            call: 1,
            id: "id1".into(),
            name: "f1".into(),
            custom: true,
            signature: Some(signed(Format::Gemini, "g")),
        };
        let message =
            assemble(&stream([call(0), arguments(0, " [1,"), arguments(0, "2]"), custom, arguments(1, "ls -l")]));
        let expected = json!([
            used(0, json!({"_raw": " [1,2]"})),
            {"type": "thinking", "thinking": "", "signature": "tollgate.gemini.g"},
            used(1, json!({"_raw": "ls -l"})),
        ]);
        assert_eq!(message["content"], expected);
    }

    #[test]
    fn only_anthropics_own_parts_are_passed_on() {
        let foreign = |format, value| Delta::Foreign { choice: 0, format, value };
        let search = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}});
        let citation = json!({"type": "web_search_result_location", "encrypted_index": "x"});
        let message = assemble(&stream([
            foreign(Format::Gemini, json!({"executableCode": {}})),
            foreign(Format::Anthropic, search.clone()),
            text("a"),
            foreign(Format::Anthropic, citation::keep(citation.clone())),
            Delta::Redacted { choice: 0, data: signed(Format::Anthropic, "dark") },
            Delta::Refusal { choice: 0, text: "No.".into() },
            Delta::Finish { choice: 0, finish: Finish::Stop },
        ]));
        let expected = json!([
            search,
            {"type": "text", "text": "a", "citations": [citation]},
            {"type": "redacted_thinking", "data": "dark"},
            {"type": "text", "text": "No."},
        ]);
        assert_eq!(message["content"], expected);
        assert_eq!(message["stop_reason"], "refusal");
    }
}
