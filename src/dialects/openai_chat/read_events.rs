//! A stream of a provider of OpenAI's format in the common form, for the other doors.

use serde_json::{Map, Value};

use super::calls::{Calls, Piece};
use super::event::EventReader as Judge;
use super::read_answer::{Ids, read_annotations, read_finish};
use super::reasoning::{details_parts, signature_of_call};
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
}

/// For a request with `n` choices. `call_id` is for tool calls that come without an id.
pub fn read_events(call_id: &str, n: u32) -> ChunkReader {
    ChunkReader { judge: Judge::new(n), ids: Ids::new(call_id), started: false, choices: Vec::new() }
}

impl ReadEvents for ChunkReader {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let seen = self.judge.judge(event);
        match seen.kind {
            FrameKind::Error(class) => return Err(Fault { class, refusal: self.judge.take_refusal() }),
            FrameKind::Done => return Ok(()),
            _ => {}
        }
        let Ok(Value::Object(mut chunk)) = serde_json::from_slice(event.data) else { return Err(Fault::malformed()) };
        let choices = match chunk.remove("choices") {
            Some(Value::Array(choices)) => choices,
            _ => Vec::new(),
        };
        // Azure's first chunk has no choices and no model; it says nothing.
        if !self.started && !choices.is_empty() {
            self.started = true;
            let words = |name: &str| chunk.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            deltas.push(Delta::Start {
                id: words("id").map(str::to_owned),
                model: words("model").map(str::to_owned),
                created: chunk.get("created").and_then(Value::as_u64).filter(|&created| created > 0),
            });
        }
        for choice in choices {
            if let Value::Object(choice) = choice {
                self.choice(choice, deltas);
            }
        }
        deltas.extend(seen.usage.map(Delta::Usage));
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.judge.is_whole()
    }
}

impl ChunkReader {
    fn choice(&mut self, mut chunk: Map<String, Value>, deltas: &mut Vec<Delta>) {
        let number = chunk.get("index").and_then(Value::as_u64);
        let choice = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        let place = match self.choices.iter().position(|known| known.index == choice) {
            Some(place) => place,
            None => {
                self.choices.push(Choice { index: choice, ..Choice::default() });
                self.choices.len() - 1
            }
        };
        let delta = chunk.remove("delta").or_else(|| chunk.remove("message"));
        if let Some(Value::Object(delta)) = delta {
            self.delta(place, delta, deltas);
        }
        if let Some(Value::String(text)) = chunk.remove("text") {
            deltas.push(Delta::Text { choice, text });
        }
        if let Some(value) = chunk.remove("logprobs").filter(|logprobs| !logprobs.is_null()) {
            deltas.push(Delta::Logprobs { choice, value });
        }
        let state = &mut self.choices[place];
        if let Some(word) = chunk.get("finish_reason").and_then(Value::as_str).filter(|word| !word.is_empty())
            && !std::mem::replace(&mut state.finished, true)
        {
            deltas.push(Delta::Finish { choice, finish: read_finish(Some(word), state.called) });
        }
    }

    fn delta(&mut self, place: usize, mut delta: Map<String, Value>, deltas: &mut Vec<Delta>) {
        let choice = self.choices[place].index;
        let mut take = |name: &str| match delta.get_mut(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(std::mem::take(text)),
            _ => None,
        };
        let reasoning = take("reasoning_content").or_else(|| take("reasoning"));
        let shown = reasoning.is_some();
        deltas.extend(reasoning.map(|text| Delta::Reasoning { choice, text }));
        let content = take("content");
        let refusal = take("refusal");
        for part in delta.get("reasoning_details").map(details_parts).unwrap_or_default() {
            match part.content {
                Content::Reasoning { text, signature } => {
                    // Where the text has its own member the entry repeats it.
                    if !shown && !text.is_empty() {
                        deltas.push(Delta::Reasoning { choice, text });
                    }
                    deltas.extend(signature.map(|signature| Delta::Signature { choice, signature }));
                }
                Content::Redacted(data) => deltas.push(Delta::Redacted { choice, data }),
                _ => {}
            }
        }
        deltas.extend(content.map(|text| Delta::Text { choice, text }));
        deltas.extend(refusal.map(|text| Delta::Refusal { choice, text }));
        let annotations = delta.get("annotations").map(read_annotations).unwrap_or_default();
        deltas.extend(annotations.into_iter().map(|annotation| Delta::Annotation { choice, annotation }));
        for call in delta.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
            self.call(place, call, call.get("function").or_else(|| call.get("custom")), deltas);
        }
        if let Some(function) = delta.get("function_call").filter(|function| function.is_object()) {
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
        let (number, begins) = state.calls.place(&Piece { index, id: &id, name: &name, arguments: &arguments });
        state.called = true;
        if begins {
            let signature = signature_of_call(call.get("extra_content"));
            let id = self.ids.or_made(&id);
            deltas.push(Delta::ToolCall { choice, call: number, id, name, custom, signature });
        }
        if !arguments.is_empty() {
            deltas.push(Delta::Arguments { choice, call: number, text: arguments });
        }
    }
}
