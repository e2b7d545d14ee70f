//! Price arithmetic, in integers.

use crate::api::{NanoUsd, Usage};
use crate::call::TokenPrice;

/// What `usage` costs: pico-dollars are summed exactly and rounded once. Cached input is billed at its own price,
/// reasoning as output, of which it is a part.
pub fn cost(price: TokenPrice, usage: Usage) -> NanoUsd {
    let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
    NanoUsd::from_pico(
        part(usage.input - usage.cached.min(usage.input), price.input)
            + part(usage.cached, price.cache_read)
            + part(usage.output, price.output),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_input_has_its_own_price() {
        // gpt-4o-mini: 0.15, 0.60 and 0.075 USD per million tokens.
        let price = TokenPrice { input: 150_000, output: 600_000, cache_read: 75_000 };
        let usage = Usage { input: 1_000, cached: 400, output: 100, reasoning: 60, ..Usage::default() };
        assert_eq!(cost(price, usage), NanoUsd(90_000 + 30_000 + 60_000));
        assert_eq!(cost(price, Usage::default()), NanoUsd(0));
    }
}
