//! Rates and caps, wherever they are written: `[limits]`, a key's `limits`, a provider's `limits`.

use std::time::Duration;

use super::reader::{Field, Table};
use super::shape::Shape;
use super::values::rate;

static LIMITS: Shape = Shape { name: "limits", keys: &["global", "per_user"] };

static LIMIT: Shape = Shape { name: "limit", keys: &["requests", "burst", "concurrency"] };

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

impl Limits {
    pub(super) fn read(top: &Table<'_>) -> Self {
        let mut limits = Self::default();
        if let Some(table) = top.table("limits", &LIMITS) {
            table.set("global", &mut limits.global, Limit::read);
            table.set("per_user", &mut limits.per_user, Limit::read);
        }
        limits
    }
}

impl Limit {
    /// Reads `{ requests = "60/m", burst = 20, concurrency = 8 }`.
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table(&LIMIT)?;
        let burst = table.get("burst");
        if let (Some(burst), None) = (&burst, table.get("requests")) {
            burst.fault("needs `requests` beside it: a burst alone limits nothing");
        }
        let burst = burst.and_then(|field| field.number(1));
        let rate = table.get("requests").and_then(|field| field.parse(rate));
        let requests = rate.map(|rate| RequestLimit { rate, burst: burst.unwrap_or(rate.amount) });
        Some(Self { requests, concurrency: table.get("concurrency").and_then(|field| field.number(1)) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fault_of, load_more};

    #[test]
    fn a_burst_is_one_periods_amount_unless_the_file_says_more() {
        let limits =
            load_more("[limits]\nglobal = { requests = \"60/m\" }\nper_user = { requests = \"9/s\", burst = 20 }");
        let burst = |limit: super::Limit| limit.requests.map(|requests| requests.burst);
        assert_eq!(burst(limits.config.limits.global), Some(60));
        assert_eq!(burst(limits.config.limits.per_user), Some(20));
    }

    #[test]
    fn limits_are_at_least_one_and_a_burst_needs_a_rate() {
        for limit in [
            "{ requests = \"0/m\" }",
            "{ requests = \"60/m\", burst = 0 }",
            "{ burst = 5 }",
            "{ concurrency = 0 }",
            "{ concurrency = 5000000000 }",
        ] {
            assert!(fault_of(&format!("[limits]\nglobal = {limit}")).contains("limits.global."), "{limit}");
        }
    }

    #[test]
    fn a_limit_on_tokens_is_said_to_come_later() {
        assert!(fault_of("[limits]\nglobal = { tokens = \"1/m\" }").contains("does not have this setting yet"));
    }
}
