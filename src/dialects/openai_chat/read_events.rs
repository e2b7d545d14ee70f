//! A stream of a provider of OpenAI's format in the common form, for the other doors.

use std::borrow::Cow;

use serde_json::Value;

use super::calls::{Calls, Piece, Place};
use super::event::EventReader as Judge;
use super::read_answer::{Ids, content_parts, read_annotations, read_finish};
use super::reasoning::{details_parts, signature_of_call};
use super::wire::{Document, DocumentChoice, Message};
use crate::api::chat::{Content, Delta};
use crate::call::FrameKind;
use crate::dialects::{Event, Fault, ReadEvents};

/// Reads chunks. What they are, and whether the stream is whole, the judge of pass-through decides.
#[derive(Debug)]
pub struct ChunkReader {
    judge: Judge,
    ids: Ids,
    started: bool,
    choices: Vec<Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    calls: Calls,
    called: bool,
    finished: bool,
    /// Reasoning has a member of its own, besides `reasoning_details`.
    shows_reasoning: bool,
}

/// For a request with `n` choices. `call_id` is for tool calls that come without an id.
pub fn read_events(call_id: &str, n: u32) -> ChunkReader {
    ChunkReader { judge: Judge::new(n), ids: Ids::new(call_id), started: false, choices: Vec::new() }
}

impl ReadEvents for ChunkReader {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let seen = self.judge.glance(event);
        match seen.kind {
            FrameKind::Error(class) => return Err(Fault { class, refusal: self.judge.take_refusal() }),
            FrameKind::Done => return Ok(()),
            _ => {}
        }
        // Serde would take an array for a chunk too.
        if event.data.trim_ascii_start().first() != Some(&b'{') {
            return Err(Fault::malformed());
        }
        let chunk: Document<'_> = serde_json::from_slice(event.data).map_err(|_| Fault::malformed())?;
        // Azure's first chunk has no choices and no model; it says nothing.
        if !self.started && !chunk.choices.is_empty() {
            self.started = true;
            deltas.push(Delta::Start {
                id: words(chunk.id),
                model: words(chunk.model),
                created: chunk.created.filter(|&created| created > 0),
            });
        }
        for choice in chunk.choices {
            self.choice(choice, deltas);
        }
        deltas.extend(seen.usage.map(Delta::Usage));
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.judge.is_whole()
    }
}

/// A text that says something.
fn words(text: Option<Cow<'_, str>>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// A delta's content.
fn say(choice: u32, content: &str, deltas: &mut Vec<Delta>) {
    if let Ok(text) = serde_json::from_str::<Cow<'_, str>>(content) {
        deltas.extend(words(Some(text)).map(|text| Delta::Text { choice, text }));
        return;
    }
    for part in serde_json::from_str(content).map(|parts| content_parts(&parts)).unwrap_or_default() {
        match part.content {
            Content::Reasoning { text, .. } => deltas.push(Delta::Reasoning { choice, text }),
            Content::Text { text, .. } => deltas.push(Delta::Text { choice, text }),
            _ => {}
        }
    }
}

impl ChunkReader {
    fn choice(&mut self, chunk: DocumentChoice<'_>, deltas: &mut Vec<Delta>) {
        let choice = chunk.index.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        let place = match self.choices.iter().position(|known| known.index == choice) {
            Some(place) => place,
            None => {
                self.choices.push(Choice { index: choice, ..Choice::default() });
                self.choices.len() - 1
            }
        };
        // Together repeats a delta's content in the legacy member.
        match (chunk.delta.or(chunk.message), chunk.text) {
            (Some(delta), _) => self.delta(place, delta, deltas),
            (None, Some(text)) => deltas.push(Delta::Text { choice, text: text.into_owned() }),
            (None, None) => {}
        }
        deltas.extend(chunk.logprobs.map(|value| Delta::Logprobs { choice, value }));
        let state = &mut self.choices[place];
        if let Some(word) = chunk.finish_reason.filter(|word| !word.is_empty())
            && !std::mem::replace(&mut state.finished, true)
        {
            deltas.push(Delta::Finish { choice, finish: read_finish(Some(&word), state.called) });
        }
    }

    fn delta(&mut self, place: usize, delta: Message<'_>, deltas: &mut Vec<Delta>) {
        let choice = self.choices[place].index;
        let reasoning = words(delta.reasoning_content).or_else(|| words(delta.reasoning));
        let state = &mut self.choices[place];
        state.shows_reasoning |= reasoning.is_some();
        let shown = state.shows_reasoning;
        deltas.extend(reasoning.map(|text| Delta::Reasoning { choice, text }));
        for part in delta.reasoning_details.as_ref().map(details_parts).unwrap_or_default() {
            match part.content {
                Content::Reasoning { text, signature } => {
                    // Where the text has its own member an entry repeats it, in the same chunk or at the end.
                    if !shown && !text.is_empty() {
                        deltas.push(Delta::Reasoning { choice, text });
                    }
                    deltas.extend(signature.map(|signature| Delta::Signature { choice, signature }));
                }
                Content::Redacted(data) => deltas.push(Delta::Redacted { choice, data }),
                _ => {}
            }
        }
        if let Some(content) = delta.content {
            say(choice, content.get(), deltas);
        }
        deltas.extend(words(delta.refusal).map(|text| Delta::Refusal { choice, text }));
        let annotations = delta.annotations.as_ref().map(read_annotations).unwrap_or_default();
        deltas.extend(annotations.into_iter().map(|annotation| Delta::Annotation { choice, annotation }));
        for call in delta.tool_calls.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
            self.call(place, call, call.get("function").or_else(|| call.get("custom")), deltas);
        }
        if let Some(function) = delta.function_call.as_ref().filter(|function| function.is_object()) {
            self.call(place, &Value::Null, Some(function), deltas);
        }
    }

    fn call(&mut self, place: usize, call: &Value, function: Option<&Value>, deltas: &mut Vec<Delta>) {
        let words = |value: Option<&Value>, name: &str| -> String {
            match value.and_then(|value| value.get(name)) {
                Some(Value::String(text)) => text.clone(),
                Some(object @ Value::Object(_)) => object.to_string(),
                _ => String::new(),
            }
        };
        let custom = call.get("custom").is_some();
        let (id, name) = (words(Some(call), "id"), words(function, "name"));
        let arguments = words(function, if custom { "input" } else { "arguments" });
        let index = call.get("index").and_then(Value::as_u64).unwrap_or(0);
        let state = &mut self.choices[place];
        let choice = state.index;
        let piece = Piece { index, id: &id, name: &name, arguments: &arguments };
        // What has no name and belongs to no call is no call: Go's servers send empty ones.
        let Some(Place { number, begins, repeats_id }) = state.calls.place(&piece) else { return };
        state.called = true;
        if begins {
            let signature = signature_of_call(call.get("extra_content"));
            let id = self.ids.or_made(if repeats_id { "" } else { &id });
            deltas.push(Delta::ToolCall { choice, call: number, id, name, custom, signature });
        }
        if !arguments.is_empty() {
            deltas.push(Delta::Arguments { choice, call: number, text: arguments });
        }
    }
}
