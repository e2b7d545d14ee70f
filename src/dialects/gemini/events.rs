//! A stream. Every event is a piece of the answer in the form of a whole one; nothing marks the end but that every
//! candidate has said why it ended.

use serde_json::Value;

use super::error;
use super::finish::read_finish;
use super::grounding::read_annotations;
use super::logprobs::read_logprobs;
use super::usage::Counts;
use super::wire::{Candidate, Chunk, Ids};
use crate::api::chat::{Annotation, Content, Delta, Finish, Format};
use crate::dialects::{Event, Fault, ReadEvents};

/// `call_id` goes into the ids of tool calls that have none.
pub fn read_events(call_id: &str) -> EventReader {
    EventReader {
        ids: Ids::new(call_id),
        started: false,
        counts: Counts::default(),
        choices: Vec::new(),
        contents: Vec::new(),
    }
}

#[derive(Debug)]
pub struct EventReader {
    ids: Ids,
    started: bool,
    counts: Counts,
    choices: Vec<Choice>,
    /// Scratch.
    contents: Vec<Content>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    calls: u32,
    /// All of it, for the places of annotations.
    text: String,
    annotations: Vec<Annotation>,
    finished: bool,
}

impl ReadEvents for EventReader {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let chunk: Chunk<'_> = serde_json::from_slice(event.data)
            .map_err(|_| error::read_fault(event.data).unwrap_or_else(Fault::malformed))?;
        if let Some(said) = chunk.error {
            let said: Value = serde_json::from_str(said.get()).map_err(|_| Fault::malformed())?;
            return Err(error::fault(&said));
        }
        let blocked = chunk.is_blocked();
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (chunk.response_id.map(Into::into), chunk.model_version.map(Into::into));
            deltas.push(Delta::Start { id, model, created: None });
        }
        for candidate in chunk.candidates {
            self.candidate(candidate, deltas);
        }
        if blocked {
            self.choice(0).end(Finish::ContentFilter, deltas);
        }
        if let Some(later) = chunk.usage_metadata {
            let before = self.counts;
            self.counts.update(later);
            deltas.extend(self.counts.usage().filter(|_| before != self.counts).map(Delta::Usage));
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished)
    }
}

impl EventReader {
    fn candidate(&mut self, mut candidate: Candidate<'_>, deltas: &mut Vec<Delta>) {
        let mut contents = std::mem::take(&mut self.contents);
        for part in candidate.take_parts() {
            part.read(&mut self.ids, &mut contents);
        }
        let choice = self.choice(candidate.index());
        for content in contents.drain(..) {
            choice.say(content, deltas);
        }
        if let Some(value) = candidate.logprobs_result.and_then(read_logprobs) {
            deltas.push(Delta::Logprobs { choice: choice.index, value });
        }
        if let Some(metadata) = candidate.grounding_metadata {
            let found = read_annotations(metadata, &choice.text);
            if !found.is_empty() {
                choice.annotations = found;
            }
        }
        if let Some(finish) = candidate.finish_reason.and_then(|reason| read_finish(&reason, choice.calls > 0)) {
            choice.end(finish, deltas);
        }
        self.contents = contents;
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }
}

impl Choice {
    fn say(&mut self, content: Content, deltas: &mut Vec<Delta>) {
        let choice = self.index;
        match content {
            Content::Text { text, .. } => {
                self.text.push_str(&text);
                deltas.push(Delta::Text { choice, text });
            }
            Content::Reasoning { text, signature } => {
                if !text.is_empty() {
                    deltas.push(Delta::Reasoning { choice, text });
                }
                deltas.extend(signature.map(|signature| Delta::Signature { choice, signature }));
            }
            Content::ToolCall(tool) => {
                let call = self.calls;
                self.calls += 1;
                let (id, name, custom, signature) = (tool.id, tool.name, tool.custom, tool.signature);
                deltas.push(Delta::ToolCall { choice, call, id, name, custom, signature });
                deltas.push(Delta::Arguments { choice, call, text: tool.arguments });
            }
            Content::Foreign { format, value } => deltas.push(Delta::Foreign { choice, format, value }),
            // Streams have no other place for pictures and sound.
            Content::Image { source, .. } | Content::Audio { source } => {
                if let Some(medium) = super::media::Medium::of(&source)
                    && let Ok(value) = serde_json::to_value(medium)
                {
                    deltas.push(Delta::Foreign { choice, format: Format::Gemini, value });
                }
            }
            Content::Redacted(_) | Content::Refusal(_) | Content::Document { .. } | Content::ToolResult(_) => {}
        }
    }

    fn end(&mut self, finish: Finish, deltas: &mut Vec<Delta>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let choice = self.index;
        let annotations = std::mem::take(&mut self.annotations).into_iter();
        deltas.extend(annotations.map(|annotation| Delta::Annotation { choice, annotation }));
        deltas.push(Delta::Finish { choice, finish });
    }
}
