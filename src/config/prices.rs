//! Prices of models, in integers.

/// What tokens of one model cost, in pico-dollars (1e-12 USD) per token.
///
/// One USD per million tokens is 1,000,000 pico-dollars per token, so every published price is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub input: u64,
    pub output: u64,
    /// Input tokens that the provider read from its own cache; `None`: billed as input.
    pub cache_read: Option<u64>,
}
