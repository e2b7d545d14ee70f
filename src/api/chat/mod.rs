//! A chat call in no vendor's words: what every door is read into and every provider is written from.
//!
//! The types are a superset of the formats: what one of them can say has a place here, and whoever writes another one
//! tells what found no place there ([`Losses`]). Nothing here knows bytes; codecs are in `dialects`.

mod answer;
mod delta;
mod loss;
mod part;
mod request;

pub use answer::{ChatAnswer, Choice, Finish};
pub use delta::Delta;
pub use loss::{Fate, Field, Loss, Losses};
pub use part::{Annotation, CacheHint, Content, Message, Part, Role, Signature, Source, ToolCall, ToolResult};
pub use request::{ChatRequest, Effort, Extra, OutputFormat, Sampling, Thinking, Tool, ToolChoice, ToolKind};

/// The wire formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    OpenAiChat,
    OpenAiCompletions,
    OpenAiResponses,
    Anthropic,
    Gemini,
    Cohere,
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::OpenAiCompletions => "openai_completions",
            Self::OpenAiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        const ALL: [Format; 6] = [
            Format::OpenAiChat,
            Format::OpenAiCompletions,
            Format::OpenAiResponses,
            Format::Anthropic,
            Format::Gemini,
            Format::Cohere,
        ];
        ALL.into_iter().find(|format| format.as_str() == text)
    }
}
