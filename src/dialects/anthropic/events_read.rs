//! A stream, read. <https://docs.claude.com/en/build-with-claude/streaming>

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer_read::{Kind, arguments, block_kind, take_text};
use super::usage::Counts;
use super::{citation, fault, finish, signature};
use crate::api::chat::{Delta, Finish, Format};
use crate::dialects::codec::made_id;
use crate::dialects::codec::{Fault, ReadEvents};
use crate::dialects::sse::Event;

/// Reads one stream. `call_id` names calls of tools that come without an id.
pub fn read_events(call_id: &str) -> EventReader {
    EventReader {
        call_id: call_id.to_owned(),
        blocks: Vec::new(),
        calls: 0,
        after_text: false,
        counts: Counts::default(),
        started: false,
        finished: false,
        whole: false,
        stopped: false,
    }
}

#[derive(Debug)]
pub struct EventReader {
    call_id: String,
    /// Those that are open. Anthropic has one at a time; others that speak its format may not keep to that.
    blocks: Vec<Open>,
    calls: u32,
    /// The last block that began was a text.
    after_text: bool,
    counts: Counts,
    started: bool,
    finished: bool,
    whole: bool,
    /// The last event has come.
    stopped: bool,
}

#[derive(Debug)]
struct Open {
    index: Option<u64>,
    block: Block,
}

#[derive(Debug)]
enum Block {
    /// Its citations, which may come before the text that they belong to.
    Text(Vec<Value>),
    /// The signature so far.
    Thinking(String),
    Call {
        call: u32,
        /// The arguments that the block began with, until a delta brings some.
        input: Option<String>,
    },
    /// As far as it is known, and the text of its `input`.
    Foreign(Value, String),
    Ignored,
}

/// Members whose type does not matter stay text until they are wanted.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BlockDelta<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
    signature: Option<String>,
    #[serde(borrow)]
    citation: Option<&'a RawValue>,
}

fn value(raw: Option<&RawValue>) -> Result<Value, Fault> {
    raw.map_or(Ok(Value::Null), |raw| serde_json::from_str(raw.get()).map_err(|_| Fault::malformed()))
}

impl ReadEvents for EventReader {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        // OpenAI's terminator, from those who put it under every stream.
        if event.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let data: Data<'_> = serde_json::from_slice(event.data).map_err(|_| Fault::malformed())?;
        if data.error.is_some() || data.kind == "error" {
            let error: Value = serde_json::from_slice(event.data).map_err(|_| Fault::malformed())?;
            return fault::fault_in(&error).map_or(Ok(()), Err);
        }
        let index = data.index.and_then(|index| index.get().parse().ok());
        match &*data.kind {
            "content_block_delta" => self.delta(index, data.delta, deltas)?,
            "content_block_start" => self.open(index, value(data.content_block)?, deltas),
            "content_block_stop" => self.close(index, deltas),
            "message_start" => self.start(&value(data.message)?, deltas),
            "message_delta" => self.message(&value(data.delta)?, &value(data.usage)?, deltas),
            "message_stop" => self.end(deltas),
            _ => {}
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn lacks(&self) -> &'static [u8] {
        if self.whole && !self.stopped { b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" } else { b"" }
    }
}

impl EventReader {
    fn start(&mut self, message: &Value, deltas: &mut Vec<Delta>) {
        let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
        if !std::mem::replace(&mut self.started, true) {
            deltas.push(Delta::Start { id: text("id"), model: text("model"), created: None });
        }
        self.count(message.get("usage").unwrap_or(&Value::Null), deltas);
        // Of the answer this counts the first token; the rest is told at the end, if it gets there.
        if let Some(Delta::Usage(usage)) = deltas.last_mut() {
            (usage.output, usage.reasoning) = (0, 0);
        }
    }

    fn count(&mut self, usage: &Value, deltas: &mut Vec<Delta>) {
        if !usage.is_null() {
            self.counts.merge(Counts::of(usage));
            deltas.extend(self.counts.usage().map(Delta::Usage));
        }
    }

    fn open(&mut self, index: Option<u64>, mut block: Value, deltas: &mut Vec<Delta>) {
        self.close(index, deltas);
        let kind = block_kind(&block);
        let after_text = std::mem::replace(&mut self.after_text, kind == Kind::Text);
        let block = match kind {
            Kind::Text => {
                if after_text {
                    push_foreign(citation::border(), deltas);
                }
                push_text(take_text(&mut block, "text"), deltas);
                match block.get_mut("citations").map(Value::take) {
                    Some(Value::Array(citations)) => Block::Text(citations),
                    _ => Block::Text(Vec::new()),
                }
            }
            Kind::Thinking => {
                push_thinking(take_text(&mut block, "thinking"), deltas);
                Block::Thinking(take_text(&mut block, "signature"))
            }
            Kind::Redacted => {
                let redact = |data| Delta::Redacted { choice: 0, data };
                deltas.extend(signature::read(take_text(&mut block, "data")).map(redact));
                Block::Ignored
            }
            Kind::Call => {
                let call = self.calls;
                self.calls += 1;
                let (id, name) = (take_text(&mut block, "id"), take_text(&mut block, "name"));
                let id = if id.is_empty() { made_id(&self.call_id, call) } else { id };
                deltas.push(Delta::ToolCall { choice: 0, call, id, name, custom: false, signature: None });
                Block::Call { call, input: Some(arguments(block.get("input"))) }
            }
            Kind::Other => Block::Foreign(block, String::new()),
            Kind::Nothing => Block::Ignored,
        };
        self.blocks.push(Open { index, block });
    }

    /// The open block that an event means. Without an index: the last one.
    fn position(&self, index: Option<u64>) -> Option<usize> {
        match index {
            Some(_) => self.blocks.iter().rposition(|open| open.index == index),
            None => self.blocks.len().checked_sub(1),
        }
    }

    fn delta(&mut self, index: Option<u64>, raw: Option<&RawValue>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let Some(raw) = raw else { return Ok(()) };
        let open = self.position(index).and_then(|position| self.blocks.get_mut(position));
        if let Some(Open { block: Block::Foreign(block, input), .. }) = open {
            grow(block, input, value(Some(raw))?);
            return Ok(());
        }
        let delta: BlockDelta<'_> = serde_json::from_str(raw.get()).map_err(|_| Fault::malformed())?;
        match (&*delta.kind, open.map(|open| &mut open.block)) {
            ("text_delta", _) => push_text(delta.text.unwrap_or_default(), deltas),
            ("thinking_delta", _) => push_thinking(delta.thinking.unwrap_or_default(), deltas),
            ("input_json_delta", Some(Block::Call { call, input })) => {
                let text = delta.partial_json.unwrap_or_default();
                if !text.is_empty() {
                    *input = None;
                    deltas.push(Delta::Arguments { choice: 0, call: *call, text });
                }
            }
            ("signature_delta", Some(Block::Thinking(signature))) => {
                signature.push_str(&delta.signature.unwrap_or_default());
            }
            ("citations_delta", Some(Block::Text(citations))) if delta.citation.is_some() => {
                citations.push(value(delta.citation)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, index: Option<u64>, deltas: &mut Vec<Delta>) {
        let Some(position) = self.position(index) else { return };
        match self.blocks.remove(position).block {
            Block::Thinking(text) => {
                let sign = |signature| Delta::Signature { choice: 0, signature };
                deltas.extend(signature::read(text).map(sign));
            }
            Block::Call { call, input: Some(text) } if !text.is_empty() => {
                deltas.push(Delta::Arguments { choice: 0, call, text });
            }
            Block::Foreign(mut value, input) => {
                if let (Ok(input), Some(members)) = (serde_json::from_str::<Value>(&input), value.as_object_mut()) {
                    members.insert("input".into(), input);
                }
                push_foreign(value, deltas);
            }
            Block::Text(citations) => citations.into_iter().for_each(|citation| push_citation(citation, deltas)),
            Block::Call { .. } | Block::Ignored => {}
        }
    }

    fn close_all(&mut self, deltas: &mut Vec<Delta>) {
        while let Some(first) = self.blocks.first() {
            let index = first.index;
            self.close(index, deltas);
        }
    }

    fn message(&mut self, delta: &Value, usage: &Value, deltas: &mut Vec<Delta>) {
        self.count(usage, deltas);
        let text = |name: &str| delta.get(name).and_then(Value::as_str);
        if let Some(reason) = text("stop_reason") {
            self.finish(finish::read(reason, text("stop_sequence").map(str::to_owned)), deltas);
            self.whole = true;
        }
    }

    fn finish(&mut self, finish: Finish, deltas: &mut Vec<Delta>) {
        self.close_all(deltas);
        if !std::mem::replace(&mut self.finished, true) {
            deltas.push(Delta::Finish { choice: 0, finish });
        }
    }

    fn end(&mut self, deltas: &mut Vec<Delta>) {
        let finish = if self.calls > 0 { Finish::ToolCalls } else { Finish::Stop };
        self.finish(finish, deltas);
        self.whole = true;
        self.stopped = true;
    }
}

fn push_text(text: String, deltas: &mut Vec<Delta>) {
    if !text.is_empty() {
        deltas.push(Delta::Text { choice: 0, text });
    }
}

fn push_thinking(text: String, deltas: &mut Vec<Delta>) {
    if !text.is_empty() {
        deltas.push(Delta::Reasoning { choice: 0, text });
    }
}

fn push_citation(citation: Value, deltas: &mut Vec<Delta>) {
    deltas.push(Delta::Annotation { choice: 0, annotation: citation::read(&citation) });
    push_foreign(citation::keep(citation), deltas);
}

fn push_foreign(value: Value, deltas: &mut Vec<Delta>) {
    deltas.push(Delta::Foreign { choice: 0, format: Format::Anthropic, value });
}

/// Adds a delta to a block that nobody here knows: texts grow, everything else is replaced.
fn grow(block: &mut Value, input: &mut String, delta: Value) {
    let (Some(members), Value::Object(delta)) = (block.as_object_mut(), delta) else { return };
    for (name, value) in delta {
        match (name.as_str(), value) {
            ("type", _) => {}
            ("partial_json", Value::String(text)) => input.push_str(&text),
            (_, Value::String(text)) => match members.get_mut(&name) {
                Some(Value::String(so_far)) => so_far.push_str(&text),
                _ => drop(members.insert(name, text.into())),
            },
            (_, value) => drop(members.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests;
