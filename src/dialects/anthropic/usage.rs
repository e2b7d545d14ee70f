//! Counts of tokens. Anthropic's `input_tokens` leaves out what was read from or written to the cache.

use serde::Serialize;
use serde_json::Value;

use crate::api::Usage;
use crate::dialects::codec::count;

/// What has been reported so far. A stream reports twice, and the second report may be a part only: older models say
/// no more than `output_tokens` there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    pub(super) fn of(usage: &Value) -> Self {
        let get = |name: &str| count(usage.get(name));
        let thinking = usage.get("output_tokens_details").and_then(|details| details.get("thinking_tokens"));
        Self {
            input: get("input_tokens"),
            cache_read: get("cache_read_input_tokens"),
            cache_write: get("cache_creation_input_tokens"),
            output: get("output_tokens"),
            thinking: count(thinking),
        }
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
        }
        self.output = self.output.max(later.output);
        self.thinking = self.thinking.max(later.thinking);
    }

    /// `None` until both directions are known.
    pub(super) fn usage(&self) -> Option<Usage> {
        let (cached, cache_write) = (self.cache_read.unwrap_or(0), self.cache_write.unwrap_or(0));
        let output = self.output?;
        Some(Usage {
            input: self.input? + cached + cache_write,
            cached,
            cache_write,
            output,
            reasoning: self.thinking.unwrap_or(0).min(output),
            ..Usage::default()
        })
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

/// The tier that served an answer, in OpenAI's words.
pub(super) fn read_tier(usage: &Value) -> Option<String> {
    let tier = usage.get("service_tier")?.as_str()?;
    Some(if tier == "standard" { "default" } else { tier }.to_owned())
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
