//! The ways that a call takes: a door and a provider's format.

use serde_json::Value;

use crate::harness::*;
use crate::upstreams::{Scenario, Vendor, responses};

/// One of them, as the table names it: `door/kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(super) name: &'static str,
    pub(super) door: Door,
    pub(super) kind: &'static str,
    pub(super) vendor: Vendor,
}

impl Way {
    pub(super) fn named(name: &str) -> Self {
        const KINDS: [(&str, Vendor); 7] = [
            ("openai", Vendor::OpenAi),
            ("azure", Vendor::OpenAi),
            ("ollama", Vendor::OpenAi),
            ("mistral", Vendor::Mistral),
            ("anthropic", Vendor::Anthropic),
            ("gemini", Vendor::Gemini),
            ("cohere", Vendor::Cohere),
        ];
        const DOORS: [(&str, Door); 4] = [
            ("chat", Door::Chat),
            ("completions", Door::Completions),
            ("responses", Door::Responses),
            ("messages", Door::Messages),
        ];
        let found = name.split_once('/').and_then(|(door, kind)| {
            let (_, door) = DOORS.iter().find(|(name, _)| *name == door)?;
            let (kind, vendor) = KINDS.iter().find(|(name, _)| *name == kind)?;
            Some((*door, *kind, *vendor))
        });
        let (door, kind, vendor) = found.unwrap_or_else(|| panic!("there is no way {name}"));
        // The names live as long as the process: they are those of the table.
        Self { name: name.to_owned().leak(), door, kind, vendor }
    }

    /// Bytes pass as they are.
    pub(super) fn is_verbatim(self) -> bool {
        self.vendor.is_verbatim(self.door)
    }

    /// A server of the user's own, which wants no key.
    pub(super) fn is_keyless(self) -> bool {
        self.kind == "ollama"
    }

    fn speaks_responses(self) -> bool {
        (self.vendor, self.door) == (Vendor::OpenAi, Door::Responses)
    }

    pub(super) fn whole(self, scenario: &Scenario) -> Value {
        if self.speaks_responses() { responses::whole(scenario) } else { self.vendor.whole(scenario) }
    }

    /// With usage, which every client here asks for where one has to.
    pub(super) fn events(self, scenario: &Scenario) -> Vec<String> {
        if self.speaks_responses() { responses::events(scenario) } else { self.vendor.events(scenario, true) }
    }

    /// How many events come before the first that says something of the scenario's text.
    pub(super) fn lead(self, scenario: &Scenario) -> usize {
        let begin: String = scenario.text.chars().take(4).collect();
        let events = self.events(scenario);
        events.iter().position(|event| event.contains(&begin)).expect("the text is in one of the events")
    }

    /// The member that holds what an answer says.
    pub(super) fn content_member(self) -> &'static str {
        match self.vendor {
            _ if self.speaks_responses() => "output",
            Vendor::OpenAi | Vendor::Mistral => "choices",
            Vendor::Anthropic => "content",
            Vendor::Gemini => "candidates",
            Vendor::Cohere => "message",
        }
    }

    /// An error as an event.
    pub(super) fn error_event(self) -> String {
        if !self.speaks_responses() {
            return crate::upstreams::stream_error(self.vendor);
        }
        let error = serde_json::json!({
            "type": "error", "code": "server_error", "message": "The server had an error.", "param": null,
            "sequence_number": 0
        });
        format!("event: error\ndata: {error}\n\n")
    }
}
