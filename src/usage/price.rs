//! Price arithmetic, in integers.

use crate::api::{NanoUsd, Usage};
use crate::call::TokenPrice;

/// What `usage` costs. The length of the input, cached or not, chooses the price's tier, which then holds for the whole
/// call. Each token is billed once, at the price of the smallest part that it belongs to: pico-dollars are summed exactly
/// and rounded once.
///
/// Where a report does not say which of the cached tokens were sound or pictures, as few as possible are taken to be.
pub fn cost(price: &TokenPrice, usage: Usage) -> NanoUsd {
    let usage = usage.in_bounds();
    let rates = price.rates(usage.input);
    let fresh = usage.input - usage.cached - usage.cache_write;
    let fresh_audio = (usage.audio_input - usage.cached_audio).min(fresh);
    let fresh_image = usage.image_input.min(fresh - fresh_audio);
    let written = usage.reasoning + usage.audio_output + usage.image_output;
    let parts = [
        (fresh - fresh_audio - fresh_image, rates.input),
        (fresh_audio, rates.audio_input),
        (fresh_image, rates.image_input),
        (usage.cached - usage.cached_audio, rates.cache_read),
        (usage.cached_audio, rates.cache_read_audio),
        (usage.cache_write - usage.cache_write_1h, rates.cache_write),
        (usage.cache_write_1h, rates.cache_write_1h),
        (usage.output - written, rates.output),
        (usage.reasoning, rates.reasoning),
        (usage.audio_output, rates.audio_output),
        (usage.image_output, rates.image_output),
    ];
    NanoUsd::from_pico(parts.into_iter().map(|(tokens, rate)| u128::from(tokens) * u128::from(rate)).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::{TokenRates, TokenTier};

    /// claude-haiku-4-5: 1, 5, 0.10, 1.25 and, for an hour, 2 USD per million tokens.
    const HAIKU: TokenRates = TokenRates {
        input: 1_000_000,
        output: 5_000_000,
        cache_read: 100_000,
        cache_read_audio: 100_000,
        cache_write: 1_250_000,
        cache_write_1h: 2_000_000,
        reasoning: 5_000_000,
        audio_input: 1_000_000,
        audio_output: 5_000_000,
        image_input: 1_000_000,
        image_output: 5_000_000,
    };

    fn price(base: TokenRates, tiers: Vec<TokenTier>) -> TokenPrice {
        TokenPrice { version: "".into(), base, tiers: tiers.into() }
    }

    fn haiku(usage: Usage) -> NanoUsd {
        cost(&price(HAIKU, Vec::new()), usage)
    }

    #[test]
    fn what_the_provider_caches_has_its_own_price() {
        let usage = Usage { input: 1_003, cached: 400, cache_write: 500, output: 7, ..Usage::default() };
        assert_eq!(haiku(usage), NanoUsd(103_000 + 40_000 + 625_000 + 35_000));
        let hour = Usage { cache_write_1h: 300, ..usage };
        assert_eq!(haiku(hour), NanoUsd(103_000 + 40_000 + 250_000 + 600_000 + 35_000));
        assert_eq!(haiku(Usage { reasoning: 6, ..usage }), haiku(usage), "billed as output");
        assert_eq!(haiku(Usage::default()), NanoUsd(0));
    }

    #[test]
    fn sound_and_pictures_have_their_own_prices() {
        let media = TokenRates {
            audio_input: 3_000_000,
            cache_read_audio: 300_000,
            image_input: 2_000_000,
            audio_output: 20_000_000,
            image_output: 30_000_000,
            reasoning: 4_000_000,
            ..HAIKU
        };
        let of = |usage| cost(&price(media, Vec::new()), usage).0;
        let input = Usage { input: 100, audio_input: 40, image_input: 10, ..Usage::default() };
        assert_eq!(of(input), 50 * 1_000 + 40 * 3_000 + 10 * 2_000);
        let cached = Usage { cached: 60, cached_audio: 30, ..input };
        assert_eq!(of(cached), 20 * 1_000 + 10 * 3_000 + 10 * 2_000 + 30 * 100 + 30 * 300);
        let untold = Usage { cached: 60, ..input };
        assert_eq!(of(untold), 40 * 3_000 + 60 * 100, "of what is cached as little as possible was sound");
        let output = Usage { output: 100, reasoning: 50, audio_output: 20, image_output: 10, ..Usage::default() };
        assert_eq!(of(output), 20 * 5_000 + 50 * 4_000 + 20 * 20_000 + 10 * 30_000);
    }

    #[test]
    fn the_highest_tier_that_is_passed_holds_for_the_whole_call() {
        let tier = |above, factor: u64| {
            let rates = TokenRates { input: factor * 1_000_000, output: factor * 5_000_000, ..HAIKU };
            TokenTier { above, rates }
        };
        let price = price(HAIKU, vec![tier(200, 2), tier(400, 3)]);
        for (input, factor) in [(200, 1), (201, 2), (400, 2), (401, 3), (9_999, 3)] {
            let usage = Usage { input, output: 10, ..Usage::default() };
            assert_eq!(cost(&price, usage), NanoUsd(factor * (input * 1_000 + 50_000)), "{input}");
        }
        let cached = Usage { input: 201, cached: 201, output: 10, ..Usage::default() };
        assert_eq!(cost(&price, cached), NanoUsd(201 * 100 + 100_000), "cached input counts for the length");
    }

    #[test]
    fn the_parts_are_rounded_together() {
        // Sums of 1,499 and 1,500 pico-dollars; parts rounded by themselves would make 1 of both.
        let rates = TokenRates { input: 400, cache_read: 600, cache_write: 499, ..TokenRates::default() };
        let usage = Usage { input: 3, cached: 1, cache_write: 1, ..Usage::default() };
        assert_eq!(cost(&price(rates, Vec::new()), usage), NanoUsd(1));
        assert_eq!(cost(&price(TokenRates { input: 401, ..rates }, Vec::new()), usage), NanoUsd(2));
    }

    #[test]
    fn parts_that_exceed_the_input_are_billed_up_to_it() {
        let usage = |cached, cache_write| Usage { input: 10, cached, cache_write, ..Usage::default() };
        assert_eq!(haiku(usage(4, 99)), NanoUsd(4 * 100 + 6 * 1_250));
        assert_eq!(haiku(usage(99, 99)), NanoUsd(10 * 100));
        assert_eq!(haiku(usage(u64::MAX, u64::MAX)), NanoUsd(10 * 100));
    }

    /// Token by token: which price each one has, and the sum of them.
    fn naive(price: &TokenPrice, usage: Usage) -> u64 {
        let reached = price.tiers.iter().rfind(|tier| usage.input > tier.above);
        let rates = reached.map_or(&price.base, |tier| &tier.rates);
        let mut sum = 0_u128;
        let mut take = |left: &mut u64, want: u64, rate: u64| {
            for _ in 0..want.min(*left) {
                *left -= 1;
                sum += u128::from(rate);
            }
        };
        let audio = usage.audio_input.min(usage.input);
        let (mut cached, mut rest) = (usage.cached.min(usage.input), usage.input.saturating_sub(usage.cached));
        let mut written = usage.cache_write.min(rest);
        rest -= written;
        let cached_audio = usage.cached_audio.min(cached).min(audio);
        take(&mut cached, cached_audio, rates.cache_read_audio);
        take(&mut cached, u64::MAX, rates.cache_read);
        take(&mut written, usage.cache_write_1h, rates.cache_write_1h);
        take(&mut written, u64::MAX, rates.cache_write);
        take(&mut rest, audio - cached_audio, rates.audio_input);
        take(&mut rest, usage.image_input.min(usage.input - audio), rates.image_input);
        take(&mut rest, u64::MAX, rates.input);
        let mut output = usage.output;
        take(&mut output, usage.reasoning, rates.reasoning);
        take(&mut output, usage.audio_output, rates.audio_output);
        take(&mut output, usage.image_output, rates.image_output);
        take(&mut output, u64::MAX, rates.output);
        u64::try_from(sum / 1000 + u128::from(sum % 1000 >= 500)).unwrap()
    }

    prop_compose! {
        fn rates()(pico in prop::array::uniform11(0..10_000_000_000_u64)) -> TokenRates {
            let [input, output, cache_read, cache_read_audio, cache_write, cache_write_1h, ..] = pico;
            let [.., reasoning, audio_input, audio_output, image_input, image_output] = pico;
            TokenRates {
                input, output, cache_read, cache_read_audio, cache_write, cache_write_1h, reasoning, audio_input,
                audio_output, image_input, image_output,
            }
        }
    }

    prop_compose! {
        fn usage()(
            (input, output) in (0..300_u64, 0..300_u64),
            parts in prop::array::uniform9(prop_oneof![0..50_u64, 0..400_u64]),
        ) -> Usage {
            let [cached, cached_audio, cache_write, cache_write_1h, audio_input, image_input, ..] = parts;
            let [.., reasoning, audio_output, image_output] = parts;
            Usage {
                input, output, cached, cached_audio, cache_write, cache_write_1h, audio_input, image_input, reasoning,
                audio_output, image_output,
            }
        }
    }

    proptest! {
        #[test]
        fn every_combination_costs_what_its_tokens_cost(
            (base, first, second) in (rates(), rates(), rates()),
            (low, more) in (1..150_u64, 1..150_u64),
            usage in usage(),
        ) {
            let tiers = vec![TokenTier { above: low, rates: first }, TokenTier { above: low + more, rates: second }];
            let price = price(base, tiers);
            prop_assert_eq!(cost(&price, usage), NanoUsd(naive(&price, usage)));
        }

        #[test]
        fn no_report_overflows(base in rates(), tokens in prop::array::uniform11(any::<u64>())) {
            let [input, output, cached, cached_audio, cache_write, cache_write_1h, audio_input, ..] = tokens;
            let [.., image_input, reasoning, audio_output, image_output] = tokens;
            let usage = Usage {
                input, output, cached, cached_audio, cache_write, cache_write_1h, audio_input, image_input, reasoning,
                audio_output, image_output,
            };
            let dearest = 10_000_000_000_u128;
            let most = (u128::from(input) + u128::from(output)).saturating_mul(dearest);
            prop_assert!(cost(&price(base, Vec::new()), usage) <= NanoUsd::from_pico(most));
        }
    }
}
