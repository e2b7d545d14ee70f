//! Rates and caps, wherever they are written: `[limits]`, a key's `limits`, a provider's `limits`.

use std::time::Duration;

/// So many per period, as in `"60/m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub amount: u32,
    /// One second, minute, hour or day.
    pub period: Duration,
}

/// A token bucket over requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimit {
    pub rate: Rate,
    /// How many may come at once; the amount of one period where the file does not say.
    pub burst: u32,
}

/// What one caller, user, provider or the whole gateway may use. `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    pub requests: Option<RequestLimit>,
    /// Calls under way at once.
    pub concurrency: Option<u32>,
}

/// `[limits]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// The sum over everybody.
    pub global: Limit,
    /// The sum over each user's keys.
    pub per_user: Limit,
}
