//! Money and tokens as integers.

use std::fmt;
use std::ops::AddAssign;

/// An amount in nano-dollars (1e-9 USD). Prices are pico-dollars per token; totals are rounded once, to the nearest
/// nano-dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// Rounds half up. Saturates, which takes more tokens than there are.
    pub fn from_pico(pico: u128) -> Self {
        Self(u64::try_from((pico + 500) / 1000).unwrap_or(u64::MAX))
    }

    /// For metrics, which are floats; never for arithmetic.
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl fmt::Display for NanoUsd {
    /// Dollars as a decimal string with nine places, as it stands in JSON and headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// Tokens of one answer, as the provider reports them: two totals and their parts. Sound and pictures may have come from
/// the cache; the other parts of one total have nothing in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All tokens of the prompt, cached ones included.
    pub input: u64,
    /// Those of `input` that came from the provider's cache.
    pub cached: u64,
    /// Those of `cached` that were sound.
    pub cached_audio: u64,
    /// Those of `input` that were written to the provider's cache.
    pub cache_write: u64,
    /// Those of `cache_write` that are kept for an hour.
    pub cache_write_1h: u64,
    /// Those of `input` that were sound.
    pub audio_input: u64,
    /// Those of `input` that were pictures.
    pub image_input: u64,
    /// All tokens of the answer, reasoning included.
    pub output: u64,
    /// Those of `output` that were reasoning.
    pub reasoning: u64,
    /// Those of `output` that were sound.
    pub audio_output: u64,
    /// Those of `output` that were pictures.
    pub image_output: u64,
}

impl Usage {
    /// The same, with no part larger than what it is a part of. Of parts that together exceed their total the first in
    /// this order are believed: `cached`, `cache_write`; `audio_input`, `image_input`; `reasoning`, `audio_output`,
    /// `image_output`. Every report is put in order like this once, where it is read.
    pub fn in_bounds(self) -> Self {
        let cached = self.cached.min(self.input);
        let cache_write = self.cache_write.min(self.input - cached);
        let audio_input = self.audio_input.min(self.input);
        let reasoning = self.reasoning.min(self.output);
        let audio_output = self.audio_output.min(self.output - reasoning);
        Self {
            input: self.input,
            cached,
            cached_audio: self.cached_audio.min(cached).min(audio_input),
            cache_write,
            cache_write_1h: self.cache_write_1h.min(cache_write),
            audio_input,
            image_input: self.image_input.min(self.input - audio_input),
            output: self.output,
            reasoning,
            audio_output,
            image_output: self.image_output.min(self.output - reasoning - audio_output),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_held_to_what_they_are_parts_of() {
        let all = |count| Usage {
            cached: count,
            cached_audio: count,
            cache_write: count,
            cache_write_1h: count,
            audio_input: count,
            image_input: count,
            reasoning: count,
            audio_output: count,
            image_output: count,
            input: 10,
            output: 10,
        };
        let fitting = Usage { cached: 5, cached_audio: 3, ..all(3) };
        assert_eq!(fitting.in_bounds(), fitting);
        assert_eq!(
            Usage { cached_audio: 4, ..fitting }.in_bounds(),
            fitting,
            "no more cached sound than there was sound"
        );
        let held = Usage { cached: 7, cache_write: 3, reasoning: 7, audio_output: 3, image_output: 0, ..all(7) };
        assert_eq!(all(7).in_bounds(), Usage { cache_write_1h: 3, image_input: 3, ..held });
        let most = all(u64::MAX).in_bounds();
        let parts = Usage { cached: 10, cached_audio: 10, audio_input: 10, reasoning: 10, ..all(0) };
        assert_eq!(most, parts);
        assert_eq!(Usage { input: 0, output: 0, ..all(9) }.in_bounds(), Usage::default());
    }

    #[test]
    fn rounds_once_and_prints_nine_places() {
        assert_eq!(NanoUsd::from_pico(1_499), NanoUsd(1));
        assert_eq!(NanoUsd::from_pico(1_500), NanoUsd(2));
        assert_eq!(NanoUsd(1_002_000_003).to_string(), "1.002000003");
        assert_eq!(NanoUsd(7).to_string(), "0.000000007");
    }
}
