//! Price arithmetic, in integers.

use crate::api::{NanoUsd, Usage};
use crate::call::TokenPrice;

/// What `usage` costs: pico-dollars are summed exactly and rounded once. Input that was read from the provider's cache
/// or written to it has a price of its own, reasoning is billed as output, of which it is a part. Of a report whose
/// parts exceed the input, no more than the input is billed.
pub fn cost(price: TokenPrice, usage: Usage) -> NanoUsd {
    let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
    let cached = usage.cached.min(usage.input);
    let written = usage.cache_write.min(usage.input - cached);
    NanoUsd::from_pico(
        part(usage.input - cached - written, price.input)
            + part(cached, price.cache_read)
            + part(written, price.cache_write)
            + part(usage.output, price.output),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_input_has_its_own_price() {
        // gpt-4o-mini: 0.15, 0.60 and 0.075 USD per million tokens.
        let price = TokenPrice { input: 150_000, output: 600_000, cache_read: 75_000, cache_write: 150_000 };
        let usage = Usage { input: 1_000, cached: 400, output: 100, reasoning: 60, ..Usage::default() };
        assert_eq!(cost(price, usage), NanoUsd(90_000 + 30_000 + 60_000));
        assert_eq!(cost(price, Usage::default()), NanoUsd(0));
    }

    /// claude-haiku-4-5: 1, 5, 0.10 and 1.25 USD per million tokens.
    const HAIKU: TokenPrice =
        TokenPrice { input: 1_000_000, output: 5_000_000, cache_read: 100_000, cache_write: 1_250_000 };

    #[test]
    fn what_is_written_to_the_cache_has_its_own_price() {
        let usage = Usage { input: 1_003, cached: 400, cache_write: 500, output: 7, ..Usage::default() };
        assert_eq!(cost(HAIKU, usage), NanoUsd(103_000 + 40_000 + 625_000 + 35_000));
    }

    #[test]
    fn the_parts_are_rounded_together() {
        // Sums of 1,499 and 1,500 pico-dollars; parts rounded by themselves would make 1 of both.
        let price = TokenPrice { input: 400, output: 0, cache_read: 600, cache_write: 499 };
        let usage = Usage { input: 3, cached: 1, cache_write: 1, ..Usage::default() };
        assert_eq!(cost(price, usage), NanoUsd(1));
        assert_eq!(cost(TokenPrice { input: 401, ..price }, usage), NanoUsd(2));
    }

    #[test]
    fn parts_that_exceed_the_input_are_billed_up_to_it() {
        let usage = |cached, cache_write| Usage { input: 10, cached, cache_write, ..Usage::default() };
        assert_eq!(cost(HAIKU, usage(4, 99)), NanoUsd(4 * 100 + 6 * 1_250));
        assert_eq!(cost(HAIKU, usage(99, 99)), NanoUsd(10 * 100));
        assert_eq!(cost(HAIKU, usage(u64::MAX, u64::MAX)), NanoUsd(10 * 100));
    }
}
