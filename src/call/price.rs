//! What an attempt is billed by.

/// What one model's tokens cost at one provider. Shared by all calls that are made while it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenPrice {
    /// Stands for all of it in a record: equal prices have equal versions.
    pub version: Box<str>,
    /// For input of any length that no tier is for.
    pub base: TokenRates,
    /// Shortest first.
    pub tiers: Box<[TokenTier]>,
}

/// What a call costs that has more than `above` tokens of input, cached ones included.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenTier {
    pub above: u64,
    pub rates: TokenRates,
}

/// Pico-dollars per token of each sort, with nothing left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenRates {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_read_audio: u64,
    pub cache_write: u64,
    pub cache_write_1h: u64,
    pub reasoning: u64,
    pub audio_input: u64,
    pub audio_output: u64,
    pub image_input: u64,
    pub image_output: u64,
}

impl TokenPrice {
    /// What holds for the whole of a call with so many tokens of input.
    pub fn rates(&self, input: u64) -> &TokenRates {
        let reached = self.tiers.iter().rev().find(|tier| input > tier.above);
        reached.map_or(&self.base, |tier| &tier.rates)
    }
}
