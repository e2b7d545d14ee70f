//! The events of a stream as they are written.

use serde::Serialize;
use serde_json::Value;

use super::block::Block;
use super::usage::UsageBody;
use crate::dialects::codec::Heading;
use crate::dialects::sse::write_event;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    MessageStart { message: MessageHead<'a> },
    ContentBlockStart { index: u32, content_block: &'a Block<'a> },
    ContentBlockDelta { index: u32, delta: BlockDelta<'a> },
    ContentBlockStop { index: u32 },
    MessageDelta { delta: Stop<'a>, usage: UsageBody<'a> },
    MessageStop,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "these are Anthropic's names")]
pub(super) enum BlockDelta<'a> {
    TextDelta { text: &'a str },
    ThinkingDelta { thinking: &'a str },
    SignatureDelta { signature: &'a str },
    InputJsonDelta { partial_json: &'a str },
    CitationsDelta { citation: &'a Value },
}

#[derive(Debug, Serialize)]
pub(super) struct MessageHead<'a> {
    id: String,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: Option<()>,
    stop_sequence: Option<()>,
    usage: UsageBody<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Stop<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

impl<'a> Frame<'a> {
    pub(super) fn message_start(heading: &'a Heading, usage: UsageBody<'a>) -> Self {
        let message = MessageHead {
            id: format!("msg_{}", heading.id),
            r#type: "message",
            role: "assistant",
            model: &heading.model,
            content: [],
            stop_reason: None,
            stop_sequence: None,
            usage,
        };
        Self::MessageStart { message }
    }

    pub(super) fn message_delta(
        stop_reason: &'static str,
        stop_sequence: Option<&'a str>,
        usage: UsageBody<'a>,
    ) -> Self {
        Self::MessageDelta { delta: Stop { stop_reason, stop_sequence }, usage }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let name = match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        };
        write_event(Some(name), self, out);
    }
}
