//! Doors and providers of this format or that, and what lies between them.

use crate::load::Door;
use crate::mock::Voice;

/// A door, and the format of the provider that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) door: Door,
    pub(crate) voice: Voice,
}

impl Pair {
    /// Bytes pass; what the others are compared with.
    pub(crate) const PASSED: Self = Self { door: Door::Chat, voice: Voice::OpenAi };

    /// In the first and in the last bytes pass.
    pub(crate) const ALL: [Self; 7] = [
        Self::PASSED,
        Self { door: Door::Chat, voice: Voice::Anthropic },
        Self { door: Door::Chat, voice: Voice::Gemini },
        Self { door: Door::Chat, voice: Voice::Cohere },
        Self { door: Door::Messages, voice: Voice::OpenAi },
        Self { door: Door::Responses, voice: Voice::Anthropic },
        Self { door: Door::Messages, voice: Voice::Anthropic },
    ];

    pub(crate) fn name(self) -> String {
        let door = match self.door {
            Door::Chat => "chat",
            Door::Messages => "messages",
            Door::Responses => "responses",
        };
        format!("{door} to {}", self.voice.kind())
    }

    /// As a client asks for it where there is a provider of each format.
    pub(crate) fn model(self) -> String {
        format!("{}/{}", self.voice.kind(), self.voice.model())
    }
}
