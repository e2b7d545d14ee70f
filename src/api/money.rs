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

/// Tokens of one answer, as the provider reports them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All tokens of the prompt, cached ones included.
    pub input: u64,
    /// Those of `input` that came from the provider's cache.
    pub cached: u64,
    /// Those of `input` that were written to the provider's cache.
    pub cache_write: u64,
    /// Those of `input` that were sound.
    pub audio_input: u64,
    /// All tokens of the answer, reasoning included.
    pub output: u64,
    /// Those of `output` that were reasoning.
    pub reasoning: u64,
    /// Those of `output` that were sound.
    pub audio_output: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_once_and_prints_nine_places() {
        assert_eq!(NanoUsd::from_pico(1_499), NanoUsd(1));
        assert_eq!(NanoUsd::from_pico(1_500), NanoUsd(2));
        assert_eq!(NanoUsd(1_002_000_003).to_string(), "1.002000003");
        assert_eq!(NanoUsd(7).to_string(), "0.000000007");
    }
}
