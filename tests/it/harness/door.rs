//! The doors that calls come in by.

/// One of the doors for calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    Chat,
    Completions,
    Responses,
    Messages,
    Embeddings,
    CountTokens,
}

impl Door {
    /// Those that are answered in words.
    pub(crate) const SPEAKING: [Self; 4] = [Self::Chat, Self::Completions, Self::Responses, Self::Messages];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::Embeddings => "/v1/embeddings",
            Self::CountTokens => "/v1/messages/count_tokens",
        }
    }

    /// What the vendor's own client sends with every request.
    pub(crate) fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Messages | Self::CountTokens => &["content-type: application/json", "anthropic-version: 2023-06-01"],
            _ => &["content-type: application/json"],
        }
    }
}
