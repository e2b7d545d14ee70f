//! A whole answer.

use serde_json::Value;

use super::error;
use super::finish::{read_finish, unspecified};
use super::grounding::read_annotations;
use super::logprobs::read_logprobs;
use super::usage::Counts;
use super::wire::{Candidate, Chunk, Ids};
use crate::api::chat::{Annotation, ChatAnswer, Choice, Content, Finish, Part};
use crate::dialects::Fault;

/// `call_id` goes into the ids of tool calls that have none. A stream that came as one array (`alt` other than `sse`)
/// is put together.
pub fn read_answer(body: &[u8], call_id: &str) -> Result<ChatAnswer, Fault> {
    let chunks: Vec<Chunk<'_>> = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => serde_json::from_slice(body).map_err(|_| Fault::malformed())?,
        _ => vec![serde_json::from_slice(body).map_err(|_| Fault::malformed())?],
    };
    let mut answer = Reading::new(call_id);
    for chunk in chunks {
        answer.add(chunk)?;
    }
    answer.finish()
}

struct Reading {
    ids: Ids,
    answer: ChatAnswer,
    counts: Counts,
    /// Scratch.
    contents: Vec<Content>,
}

impl Reading {
    fn new(call_id: &str) -> Self {
        let answer =
            ChatAnswer { id: None, model: None, created: None, choices: Vec::new(), usage: None, service_tier: None };
        Self { ids: Ids::new(call_id), answer, counts: Counts::default(), contents: Vec::new() }
    }

    fn add(&mut self, chunk: Chunk<'_>) -> Result<(), Fault> {
        if let Some(said) = chunk.error {
            let said: Value = serde_json::from_str(said.get()).map_err(|_| Fault::malformed())?;
            return Err(error::fault(&said));
        }
        if chunk.is_blocked() && self.answer.choices.is_empty() {
            self.choice(0).finish = Finish::ContentFilter;
        }
        let Self { answer, counts, .. } = self;
        answer.id = answer.id.take().or_else(|| chunk.response_id.map(Into::into));
        answer.model = answer.model.take().or_else(|| chunk.model_version.map(Into::into));
        counts.update(chunk.usage_metadata.unwrap_or_default());
        for candidate in chunk.candidates {
            self.candidate(candidate);
        }
        Ok(())
    }

    fn candidate(&mut self, mut candidate: Candidate<'_>) {
        let mut contents = std::mem::take(&mut self.contents);
        for part in candidate.take_parts() {
            part.read(&mut self.ids, &mut contents);
        }
        let choice = self.choice(candidate.index());
        for content in contents.drain(..) {
            append(&mut choice.parts, content);
        }
        let called = choice.parts.iter().any(|part| matches!(part.content, Content::ToolCall(_)));
        if let Some(finish) = candidate.finish_reason.and_then(|reason| read_finish(&reason, called)) {
            choice.finish = finish;
        }
        if let Some(metadata) = candidate.grounding_metadata {
            annotate(&mut choice.parts, |text| read_annotations(metadata, text));
        }
        choice.logprobs = candidate.logprobs_result.and_then(read_logprobs).or(choice.logprobs.take());
        self.contents = contents;
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let choices = &mut self.answer.choices;
        let at = choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            choices.push(Choice { index, parts: Vec::new(), finish: unspecified(), logprobs: None });
            choices.len() - 1
        });
        &mut choices[at]
    }

    fn finish(mut self) -> Result<ChatAnswer, Fault> {
        if self.answer.choices.is_empty() {
            return Err(Fault::malformed());
        }
        self.answer.usage = self.counts.usage();
        Ok(self.answer)
    }
}

/// Pieces of one text come together.
fn append(parts: &mut Vec<Part>, content: Content) {
    match (parts.last_mut().map(|part| &mut part.content), content) {
        (Some(Content::Text { text, .. }), Content::Text { text: more, .. }) => text.push_str(&more),
        (
            Some(Content::Reasoning { text, signature: signature @ None }),
            Content::Reasoning { text: more, signature: signs },
        ) if !more.is_empty() => {
            text.push_str(&more);
            *signature = signs;
        }
        (_, content) => parts.push(content.into()),
    }
}

/// All annotations go to the last text; their spans are of all texts together.
fn annotate(parts: &mut [Part], read: impl FnOnce(&str) -> Vec<Annotation>) {
    let texts = parts.iter().filter_map(|part| match &part.content {
        Content::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let found = read(&texts.collect::<String>());
    let last = parts.iter_mut().rev().find_map(|part| match &mut part.content {
        Content::Text { annotations, .. } => Some(annotations),
        _ => None,
    });
    if let Some(annotations) = last.filter(|_| !found.is_empty()) {
        *annotations = found;
    }
}
