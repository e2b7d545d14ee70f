//! Counts of tokens. Anthropic's `input_tokens` leaves out what was read from or written to the cache.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Usage;
use crate::dialects::lenient;

/// What has been reported so far. A stream reports twice, and the second report may be a part only: older models say
/// no more than `output_tokens` there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

/// A report as it comes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report<'a> {
    #[serde(deserialize_with = "lenient::count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient::object")]
    cache_creation: Option<CacheCreation>,
    #[serde(deserialize_with = "lenient::count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient::object")]
    output_tokens_details: Option<Details>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    service_tier: Option<Cow<'a, str>>,
}

/// What is written to the cache, by how long it is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    #[serde(deserialize_with = "lenient::count")]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "lenient::count")]
    thinking_tokens: Option<u64>,
}

impl Report<'_> {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            input: self.input_tokens,
            cache_read: self.cache_read_input_tokens,
            cache_write: self.cache_creation_input_tokens,
            cache_write_1h: self.cache_creation.as_ref().and_then(|written| written.ephemeral_1h_input_tokens),
            output: self.output_tokens,
            thinking: self.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens),
        }
    }

    /// The tier that served an answer, in OpenAI's words.
    pub(super) fn tier(&self) -> Option<String> {
        let tier = self.service_tier.as_deref()?;
        Some(if tier == "standard" { "default" } else { tier }.to_owned())
    }
}

impl Counts {
    /// What is no report counts nothing.
    pub(super) fn of(usage: &Value) -> Self {
        Report::deserialize(usage).unwrap_or_default().counts()
    }

    /// A later report replaces an earlier one, count by count. Nothing that was read is taken back by zeros, as
    /// providers that imitate Anthropic send them.
    pub(super) fn merge(&mut self, later: Self) {
        let sum = |counts: &Self| {
            counts.input.unwrap_or(0) + counts.cache_read.unwrap_or(0) + counts.cache_write.unwrap_or(0)
        };
        if sum(&later) > 0 || sum(self) == 0 {
            self.input = later.input.or(self.input);
            self.cache_read = later.cache_read.or(self.cache_read);
            self.cache_write = later.cache_write.or(self.cache_write);
            self.cache_write_1h = later.cache_write_1h.or(self.cache_write_1h);
        }
        self.output = self.output.max(later.output);
        self.thinking = self.thinking.max(later.thinking);
    }

    /// `None` until both directions are known.
    pub(super) fn usage(&self) -> Option<Usage> {
        let (cached, cache_write) = (self.cache_read.unwrap_or(0), self.cache_write.unwrap_or(0));
        let usage = Usage {
            input: self.input? + cached + cache_write,
            cached,
            cache_write,
            cache_write_1h: self.cache_write_1h.unwrap_or(0),
            output: self.output?,
            reasoning: self.thinking.unwrap_or(0),
            ..Usage::default()
        };
        Some(usage.in_bounds())
    }
}

/// As a client of the Messages API reads it.
#[derive(Debug, Serialize)]
pub(super) struct UsageBody<'a> {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

impl<'a> UsageBody<'a> {
    pub(super) fn new(usage: Option<Usage>, service_tier: Option<&'a str>) -> Self {
        let usage = usage.unwrap_or_default();
        Self {
            input_tokens: usage.input.saturating_sub(usage.cached).saturating_sub(usage.cache_write),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cached,
            output_tokens: usage.output,
            service_tier,
        }
    }
}

pub(super) fn write_tier(tier: &str) -> &str {
    if tier == "default" { "standard" } else { tier }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn input_includes_both_sides_of_the_cache() {
        let usage = json!({"input_tokens": 3, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 100,
            "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}});
        let usage = Counts::of(&usage).usage().unwrap();
        let expected = Usage { input: 123, cached: 20, cache_write: 100, output: 9, reasoning: 4, ..Usage::default() };
        assert_eq!(usage, expected);
        let body = serde_json::to_value(UsageBody::new(Some(usage), None)).unwrap();
        assert_eq!(body["input_tokens"], 3);
        assert_eq!(body["cache_creation_input_tokens"], 100);
        assert_eq!(body["cache_read_input_tokens"], 20);
    }

    #[test]
    fn what_is_kept_for_an_hour_is_a_part_of_what_was_written() {
        for (hour, part) in [(json!(60), 60), (json!(999), 100), (json!(-1), 0), (json!(null), 0)] {
            let start = json!({"input_tokens": 3, "cache_creation_input_tokens": 100, "output_tokens": 1,
                "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": hour}});
            let mut counts = Counts::of(&start);
            counts.merge(Counts::of(&json!({"output_tokens": 9})));
            let usage = counts.usage().unwrap();
            assert_eq!((usage.input, usage.cache_write, usage.cache_write_1h), (103, 100, part), "{hour}");
        }
    }

    #[test]
    fn a_later_report_completes_an_earlier_one() {
        let start = json!({"input_tokens": 3, "cache_read_input_tokens": 20, "output_tokens": 1});
        for (later, input, output) in [
            (json!({"output_tokens": 7}), 23, 7),
            (json!({"input_tokens": 40, "cache_read_input_tokens": 20, "output_tokens": 7}), 60, 7),
            (json!({"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}), 23, 1),
            (json!({"input_tokens": -5, "output_tokens": "many"}), 23, 1),
            (json!(null), 23, 1),
        ] {
            let mut counts = Counts::of(&start);
            counts.merge(Counts::of(&later));
            let usage = counts.usage().unwrap();
            assert_eq!((usage.input, usage.output), (input, output), "{later}");
        }
        assert_eq!(Counts::of(&json!({"output_tokens": 7})).usage(), None);
    }
}
