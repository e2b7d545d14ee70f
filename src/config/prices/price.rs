//! The price of one model from one day on.

use std::fmt::Write;

use jiff::civil::Date;

use super::rates::{Dimension, Rates};

/// What tokens of one model cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The day (UTC) from which on it holds; `None`: always has.
    from: Option<Date>,
    /// Input and output are among them.
    rates: Rates,
    /// By the length of the input, shortest first.
    tiers: Vec<Tier>,
}

/// What differs for a call with much input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Holds for a whole call whose input, cached or not, has more tokens than that, unless a higher one does.
    pub above: u64,
    /// What is not among them costs what it costs without the tier.
    pub rates: Rates,
}

impl Price {
    /// `None` without a price for input and one for output. `tiers` are the shortest first.
    pub fn new(from: Option<Date>, rates: Rates, tiers: Vec<Tier>) -> Option<Self> {
        debug_assert!(tiers.is_sorted_by(|a, b| a.above < b.above), "tiers stand in order");
        rates.get(Dimension::Input).and(rates.get(Dimension::Output))?;
        Some(Self { from, rates, tiers })
    }

    pub fn from(&self) -> Option<Date> {
        self.from
    }

    /// As they were written: what is left out is not here.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// Pico-dollars for a token of this sort; in `tier`, if one holds.
    pub fn rate(&self, tier: Option<&Tier>, dimension: Dimension) -> u64 {
        let mut sought = dimension;
        loop {
            if let Some(pico) = tier.and_then(|tier| tier.rates.get(sought)).or(self.rates.get(sought)) {
                return pico;
            }
            sought = sought.billed_as().expect("input and output are priced");
        }
    }

    /// Twelve digits that stand for all that a cost depends on, and for the day from which on it does: equal prices have
    /// equal ones, whoever wrote them down.
    pub fn version(&self) -> String {
        let mut text = String::new();
        if let Some(from) = self.from {
            let _ = writeln!(text, "from {from}");
        }
        for tier in std::iter::once(None).chain(self.tiers.iter().map(Some)) {
            let _ = writeln!(text, "above {}", tier.map_or(0, |tier| tier.above));
            for dimension in Dimension::ALL {
                let pico = self.rate(tier, dimension);
                // A sort of token that costs what it would cost anyway says nothing, so that one more sort changes nothing.
                if dimension.billed_as().is_none_or(|usual| self.rate(tier, usual) != pico) {
                    let _ = writeln!(text, "{} {pico}", dimension.key());
                }
            }
        }
        blake3::hash(text.as_bytes()).to_hex()[..12].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(list: &[(Dimension, u64)]) -> Rates {
        list.iter().copied().collect()
    }

    fn price(more: &[(Dimension, u64)], tiers: Vec<Tier>) -> Price {
        let base = rates(&[(Dimension::Input, 10), (Dimension::Output, 50)]);
        Price::new(None, rates(more).or(base), tiers).unwrap()
    }

    #[test]
    fn what_is_left_out_is_billed_as_what_it_is_a_part_of() {
        let plain = price(&[], Vec::new());
        for dimension in Dimension::ALL {
            let output = ["output", "reasoning", "audio_output", "image_output"].contains(&dimension.key());
            assert_eq!(plain.rate(None, dimension), if output { 50 } else { 10 }, "{dimension:?}");
        }
        let cached = price(&[(Dimension::CacheRead, 1), (Dimension::CacheWrite, 12)], Vec::new());
        assert_eq!(cached.rate(None, Dimension::CacheReadAudio), 1);
        assert_eq!(cached.rate(None, Dimension::CacheWrite1h), 12);
        assert_eq!(Price::new(None, rates(&[(Dimension::Input, 1)]), Vec::new()), None);
    }

    #[test]
    fn a_tier_says_what_differs() {
        let tier = Tier { above: 100, rates: rates(&[(Dimension::Input, 20), (Dimension::CacheRead, 2)]) };
        let price = price(&[(Dimension::CacheRead, 1), (Dimension::AudioInput, 30)], vec![tier]);
        let of = |dimension| price.rate(price.tiers().first(), dimension);
        assert_eq!((of(Dimension::Input), of(Dimension::Output)), (20, 50));
        assert_eq!((of(Dimension::CacheRead), of(Dimension::CacheWrite), of(Dimension::AudioInput)), (2, 20, 30));
    }

    #[test]
    fn a_version_changes_with_every_part_and_with_nothing_else() {
        let tier = |above, pico| Tier { above, rates: rates(&[(Dimension::Input, pico)]) };
        let plain = price(&[], Vec::new());
        assert_eq!(plain.version(), price(&[(Dimension::CacheRead, 10)], vec![]).version(), "the same, said aloud");
        let dated = Price { from: Some(jiff::civil::date(2026, 12, 1)), ..plain.clone() };
        let mut versions = vec![
            plain.version(),
            dated.version(),
            price(&[], vec![tier(100, 20)]).version(),
            price(&[], vec![tier(200, 20)]).version(),
            price(&[], vec![tier(100, 21)]).version(),
        ];
        versions.extend(Dimension::ALL.map(|dimension| price(&[(dimension, 7)], Vec::new()).version()));
        let count = versions.len();
        versions.sort();
        versions.dedup();
        assert_eq!(versions.len(), count);
        assert!(versions.iter().all(|text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
