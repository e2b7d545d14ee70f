//! A target's prices, as the clock goes on.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::call::{TokenPrice, TokenRates, TokenTier};
use crate::config::{Dimension, Price, Tier};

/// No process runs for so long, and every instant can be told that is so far away.
const LONGEST_WAIT: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What the clock on the wall says at an instant. Days of prices are told by it once; from then on only instants are
/// compared, so that no call asks for the date.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    pub now: Instant,
    pub time: Timestamp,
}

impl WallClock {
    /// The clocks of this machine.
    pub fn read() -> Self {
        Self { now: Instant::now(), time: Timestamp::now() }
    }

    /// When a day begins (UTC); `None`: by now it has.
    fn begin_of(self, day: Date) -> Option<Instant> {
        let begin = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let wait = Duration::try_from(begin.duration_since(self.time)).ok().filter(|wait| !wait.is_zero())?;
        Some(self.now + wait.min(LONGEST_WAIT))
    }
}

/// The prices of one model at one provider, those that are still to come included. Changes by itself: who asks says when.
#[derive(Debug, Default)]
pub(super) struct Prices {
    first: Option<Arc<TokenPrice>>,
    /// Each holds from its instant on; earliest first.
    later: Box<[(Instant, Arc<TokenPrice>)]>,
}

impl Prices {
    /// `prices` are the earliest first. Those that no longer hold are left out.
    pub(super) fn new(prices: &[Price], clock: WallClock) -> Self {
        let (mut first, mut later) = (None, Vec::new());
        for price in prices {
            let shared = Arc::new(TokenPrice::from(price));
            match price.from().and_then(|day| clock.begin_of(day)) {
                None => first = Some(shared),
                Some(begin) => later.push((begin, shared)),
            }
        }
        Self { first, later: later.into() }
    }

    /// What holds now; `None` where no price is known.
    pub(super) fn at(&self, now: Instant) -> Option<&Arc<TokenPrice>> {
        let begun = self.later.iter().rev().find(|(begin, _)| *begin <= now);
        begun.map(|(_, price)| price).or(self.first.as_ref())
    }

    /// The one price of every call, where neither the day nor the call's length makes a difference.
    pub(super) fn flat(&self) -> Option<&TokenRates> {
        let first = self.first.as_ref().filter(|price| price.tiers.is_empty() && self.later.is_empty())?;
        Some(&first.base)
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.first.is_none() && self.later.is_empty()
    }
}

impl From<&Price> for TokenPrice {
    fn from(price: &Price) -> Self {
        let tier = |tier: &Tier| TokenTier { above: tier.above, rates: rates(price, Some(tier)) };
        Self {
            version: price.version().into(),
            base: rates(price, None),
            tiers: price.tiers().iter().map(tier).collect(),
        }
    }
}

fn rates(price: &Price, tier: Option<&Tier>) -> TokenRates {
    let of = |dimension| price.rate(tier, dimension);
    TokenRates {
        input: of(Dimension::Input),
        output: of(Dimension::Output),
        cache_read: of(Dimension::CacheRead),
        cache_read_audio: of(Dimension::CacheReadAudio),
        cache_write: of(Dimension::CacheWrite),
        cache_write_1h: of(Dimension::CacheWrite1h),
        reasoning: of(Dimension::Reasoning),
        audio_input: of(Dimension::AudioInput),
        audio_output: of(Dimension::AudioOutput),
        image_input: of(Dimension::ImageInput),
        image_output: of(Dimension::ImageOutput),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::config::Rates;

    fn price(from: Option<Date>, pico: u64) -> Price {
        let rates: Rates = [(Dimension::Input, pico), (Dimension::Output, pico)].into_iter().collect();
        Price::new(from, rates, Vec::new()).unwrap()
    }

    #[test]
    fn a_price_takes_over_at_midnight_utc() {
        let clock = WallClock { now: Instant::now(), time: "2026-11-30T22:59:59.5Z".parse().unwrap() };
        let list = [
            price(Some(date(2025, 1, 1)), 1),
            price(Some(date(2026, 11, 30)), 2),
            price(Some(date(2026, 12, 1)), 3),
            price(Some(date(2027, 1, 1)), 4),
        ];
        let prices = Prices::new(&list, clock);
        let after = |millis| prices.at(clock.now + Duration::from_millis(millis)).unwrap().base.input;
        assert_eq!((after(0), after(3_600_499), after(3_600_500)), (2, 2, 3));
        assert_eq!((after(3_600_500 + 31 * 86_400_000 - 1), after(3_600_500 + 31 * 86_400_000)), (3, 4));
        let still_at = |time: &str| {
            let clock = WallClock { now: clock.now, time: time.parse().unwrap() };
            Prices::new(&list, clock).at(clock.now).map(|price| price.base.input)
        };
        assert_eq!((still_at("2026-12-01T00:00:00Z"), still_at("2024-01-01T00:00:00Z")), (Some(3), None));
    }

    #[test]
    fn only_what_never_differs_is_flat() {
        let clock = WallClock::read();
        let flat = Prices::new(&[price(None, 7)], clock);
        assert_eq!((flat.flat().map(|rates| rates.output), flat.is_unknown()), (Some(7), false));
        let dated = Prices::new(&[price(None, 7), price(Some(date(9998, 1, 1)), 8)], clock);
        assert_eq!((dated.flat(), dated.at(clock.now).map(|price| price.base.input)), (None, Some(7)));
        let to_come = Prices::new(&[price(Some(date(9998, 1, 1)), 8)], clock);
        assert!(to_come.flat().is_none() && to_come.at(clock.now).is_none() && !to_come.is_unknown());
        assert!(Prices::default().is_unknown());
    }
}
