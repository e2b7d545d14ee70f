//! The middle of a few noisy values, and how sure it is.

use serde::Serialize;

/// How sure an interval has to be.
const CONFIDENCE: f64 = 0.95;

/// The median, and an interval that holds the true median 95 times in 100 whatever the distribution: the narrowest
/// pair of order statistics that does so (see David and Nagaraja, *Order Statistics*, 7.1). Under six values no pair
/// does; the interval is then the whole range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Middle {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Middle {
    /// `None` without values. Values that are no numbers do not count.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (&least, &most) = (values.first()?, values.last()?);
        let upper = values.len() / 2;
        let median = (values[(values.len() - 1) / 2] + values[upper]) / 2.0;
        let outside = outside(values.len());
        Some(Self {
            median,
            low: values.get(outside).copied().unwrap_or(least),
            high: values.iter().rev().nth(outside).copied().unwrap_or(most),
        })
    }
}

/// How many of `n` sorted values may be left out at either end.
fn outside(n: usize) -> usize {
    // With k left out at either end, the interval misses the median with twice the probability that at most k of n fair
    // coins show heads.
    let mut binomial = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut below = 0.0;
    for k in 0..n / 2 {
        below += binomial;
        if 1.0 - 2.0 * below < CONFIDENCE {
            return k.saturating_sub(1);
        }
        binomial *= (n - k) as f64 / (k + 1) as f64;
    }
    (n / 2).saturating_sub(1)
}
