//! The API that a load calls by, and what the events of its streams look like.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Door {
    #[default]
    Chat,
    Messages,
    Responses,
}

impl Door {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
            Self::Responses => "/v1/responses",
        }
    }

    /// Whether an event ends a whole stream.
    pub(super) fn is_end(self, event: &[u8]) -> bool {
        match self {
            Self::Chat => event == b"data: [DONE]",
            Self::Messages => event.starts_with(b"event: message_stop\n"),
            Self::Responses => event.starts_with(b"event: response.completed\n"),
        }
    }

    /// Whether what an event holds is new: Responses says everything again when it is complete.
    pub(super) fn is_new(self, event: &[u8]) -> bool {
        self != Self::Responses || event.starts_with(b"event: response.output_text.delta\n")
    }
}
