//! What a stream says, piece by piece.

use serde_json::Value;

use super::{Annotation, Finish, Format, Signature, Source};
use crate::api::Usage;

/// One thing that a stream says. Pieces of one choice come in order; those of several may be mixed.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Who answers. At most one, before everything else.
    Start {
        id: Option<String>,
        model: Option<String>,
        created: Option<u64>,
    },
    /// May be empty.
    Text {
        choice: u32,
        text: String,
    },
    /// Belongs to the text so far.
    Annotation {
        choice: u32,
        annotation: Annotation,
    },
    Reasoning {
        choice: u32,
        text: String,
    },
    /// Ends the reasoning so far. Stands alone where the reasoning itself is not shown.
    Signature {
        choice: u32,
        signature: Signature,
    },
    Redacted {
        choice: u32,
        data: Signature,
    },
    Refusal {
        choice: u32,
        text: String,
    },
    /// A call begins. `call` counts from 0 within a choice, without gaps: the reader has sorted out by identity which is
    /// which, whatever index the provider gave.
    ToolCall {
        choice: u32,
        call: u32,
        id: String,
        name: String,
        custom: bool,
        signature: Option<Signature>,
    },
    /// More of the arguments of a call that has begun. Calls may alternate.
    Arguments {
        choice: u32,
        call: u32,
        text: String,
    },
    /// A picture that the model has drawn.
    Image {
        choice: u32,
        source: Source,
    },
    /// A part that only its own format has.
    Foreign {
        choice: u32,
        format: Format,
        value: Value,
    },
    /// In OpenAI's form, for the text that comes with it.
    Logprobs {
        choice: u32,
        value: Value,
    },
    /// Once for each choice.
    Finish {
        choice: u32,
        finish: Finish,
    },
    /// All that has been reported so far; a later one replaces it. May come at any place.
    Usage(Usage),
}

impl Delta {
    /// Whether the client has something to read in it: the commit point of a stream.
    pub fn is_content(&self) -> bool {
        match self {
            Self::Text { text, .. } | Self::Reasoning { text, .. } | Self::Refusal { text, .. } => !text.is_empty(),
            Self::ToolCall { .. }
            | Self::Arguments { .. }
            | Self::Redacted { .. }
            | Self::Image { .. }
            | Self::Foreign { .. } => true,
            Self::Start { .. }
            | Self::Annotation { .. }
            | Self::Signature { .. }
            | Self::Logprobs { .. }
            | Self::Finish { .. }
            | Self::Usage(_) => false,
        }
    }

    /// Bytes of text in it.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Text { text, .. }
            | Self::Reasoning { text, .. }
            | Self::Refusal { text, .. }
            | Self::Arguments { text, .. } => text.len(),
            Self::ToolCall { name, .. } => name.len(),
            _ => 0,
        }
    }
}
