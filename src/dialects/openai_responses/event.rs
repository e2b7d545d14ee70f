//! The events of a stream that is written.

use serde::Serialize;
use serde_json::Value;

use super::item::{Citation, ContentPart, Item, Summary};
use super::response::Response;
use crate::dialects::sse::write_event;

/// Any event: each kind has some of these members. [`Events`] fills in the first two.
#[derive(Debug, Default, Serialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<&'a Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<&'a Citation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<PartOf<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PartOf<'a> {
    Message(&'a ContentPart),
    Reasoning(&'a Summary),
}

/// Numbers events and writes them; or does neither, where an answer is put together that is not streamed, or an item
/// whose turn has not come.
#[derive(Debug)]
pub(super) struct Events<'a>(Option<(&'a mut Vec<u8>, &'a mut u64)>);

impl<'a> Events<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, sequence: &'a mut u64) -> Self {
        Self(Some((out, sequence)))
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    /// These, or none.
    pub(super) fn only_if(&mut self, told: bool) -> Events<'_> {
        match &mut self.0 {
            Some((out, sequence)) if told => Events::new(out, sequence),
            _ => Events::none(),
        }
    }

    pub(super) fn send(&mut self, kind: &'static str, event: Event<'_>) {
        if let Some((out, sequence)) = &mut self.0 {
            let event = Event { kind, sequence_number: **sequence, ..event };
            **sequence += 1;
            write_event(Some(kind), &event, out);
        }
    }
}
