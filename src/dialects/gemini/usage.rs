//! `usageMetadata`: what an answer used. Every count stands beside the others; none includes another but
//! `promptTokenCount`, which includes what came from the cache.

use std::borrow::Cow;

use serde::Deserialize;

use crate::api::Usage;
use crate::dialects::lenient;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire<'_>")]
pub(super) struct Counts {
    prompt: Option<u64>,
    tool_prompt: Option<u64>,
    cached: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    cached_audio: Option<u64>,
    audio_input: Option<u64>,
    image_input: Option<u64>,
    audio_output: Option<u64>,
    image_output: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wire<'a> {
    #[serde(deserialize_with = "lenient::count")]
    prompt_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    tool_use_prompt_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    cached_content_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    candidates_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    thoughts_token_count: Option<u64>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    prompt_tokens_details: Vec<Detail<'a>>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    cache_tokens_details: Vec<Detail<'a>>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    candidates_tokens_details: Vec<Detail<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Detail<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    modality: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::count")]
    token_count: Option<u64>,
}

impl From<Wire<'_>> for Counts {
    fn from(wire: Wire<'_>) -> Self {
        Self {
            prompt: wire.prompt_token_count,
            tool_prompt: wire.tool_use_prompt_token_count,
            cached: wire.cached_content_token_count,
            candidates: wire.candidates_token_count,
            thoughts: wire.thoughts_token_count,
            cached_audio: of("AUDIO", &wire.cache_tokens_details),
            audio_input: of("AUDIO", &wire.prompt_tokens_details),
            image_input: of("IMAGE", &wire.prompt_tokens_details),
            audio_output: of("AUDIO", &wire.candidates_tokens_details),
            image_output: of("IMAGE", &wire.candidates_tokens_details),
        }
    }
}

fn of(modality: &str, details: &[Detail<'_>]) -> Option<u64> {
    details.iter().find(|detail| detail.modality.as_deref() == Some(modality))?.token_count
}

impl Counts {
    pub(super) fn prompt(&self) -> Option<u64> {
        self.prompt
    }

    /// Later counts replace earlier ones. One that a later chunk leaves out stands.
    pub(super) fn update(&mut self, later: Self) {
        *self = Self {
            prompt: later.prompt.or(self.prompt),
            tool_prompt: later.tool_prompt.or(self.tool_prompt),
            cached: later.cached.or(self.cached),
            candidates: later.candidates.or(self.candidates),
            thoughts: later.thoughts.or(self.thoughts),
            cached_audio: later.cached_audio.or(self.cached_audio),
            audio_input: later.audio_input.or(self.audio_input),
            image_input: later.image_input.or(self.image_input),
            audio_output: later.audio_output.or(self.audio_output),
            image_output: later.image_output.or(self.image_output),
        };
    }

    /// `None` where nothing was reported: Vertex sends the member from the start and fills it at the end.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.prompt.or(self.candidates).or(self.thoughts)?;
        let reasoning = self.thoughts.unwrap_or_default();
        let usage = Usage {
            input: self.prompt.unwrap_or_default() + self.tool_prompt.unwrap_or_default(),
            cached: self.cached.unwrap_or_default(),
            cached_audio: self.cached_audio.unwrap_or_default(),
            audio_input: self.audio_input.unwrap_or_default(),
            image_input: self.image_input.unwrap_or_default(),
            output: self.candidates.unwrap_or_default() + reasoning,
            reasoning,
            audio_output: self.audio_output.unwrap_or_default(),
            image_output: self.image_output.unwrap_or_default(),
            ..Usage::default()
        };
        Some(usage.in_bounds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(json: &str) -> Counts {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn thoughts_are_output_and_results_of_search_are_input() {
        let json = r#"{
            "promptTokenCount": 100, "toolUsePromptTokenCount": 20, "cachedContentTokenCount": 30,
            "candidatesTokenCount": 7, "thoughtsTokenCount": 5, "totalTokenCount": 132,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}, {"modality": "AUDIO", "tokenCount": 40},
                {"modality": "IMAGE", "tokenCount": 10}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}, {"modality": "TEXT", "tokenCount": 5}],
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}, {"modality": "IMAGE", "tokenCount": 3}]
        }"#;
        let usage = Usage {
            input: 120,
            cached: 30,
            cached_audio: 25,
            audio_input: 40,
            image_input: 10,
            output: 12,
            reasoning: 5,
            audio_output: 4,
            image_output: 3,
            ..Usage::default()
        };
        assert_eq!(counts(json).usage(), Some(usage));
    }

    #[test]
    fn absurd_counts_are_none() {
        let json =
            r#"{"promptTokenCount":-5,"candidatesTokenCount":1e30,"thoughtsTokenCount":"9","totalTokenCount":1}"#;
        assert_eq!(counts(json).usage(), None);
        let json =
            r#"{"promptTokenCount":5,"cachedContentTokenCount":50,"promptTokensDetails":[3,{"modality":"AUDIO"}]}"#;
        assert_eq!(counts(json).usage(), Some(Usage { input: 5, cached: 5, ..Usage::default() }));
    }

    #[test]
    fn a_count_that_is_left_out_later_stands() {
        let mut all = counts(r#"{"promptTokenCount":5,"cachedContentTokenCount":4}"#);
        all.update(counts(r#"{"promptTokenCount":6,"candidatesTokenCount":2}"#));
        let usage = Usage { input: 6, cached: 4, output: 2, ..Usage::default() };
        assert_eq!(all.usage(), Some(usage));
        assert_eq!(counts(r#"{"trafficType":"ON_DEMAND"}"#).usage(), None);
    }
}
