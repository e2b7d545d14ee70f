//! A provider's own limits: requests over time, calls at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Limit;
use crate::state::{Bucket, Counter, Slot, Slots};

#[derive(Debug)]
pub(super) struct Admission {
    requests: Option<Counter>,
    slots: Option<Arc<Slots>>,
}

/// How soon a place may be free where nothing says when.
const SOON: Duration = Duration::from_secs(1);

impl Admission {
    pub(super) fn new(limit: Limit, epoch: Instant) -> Self {
        let requests = limit
            .requests
            .map(|limit| Counter::new(Bucket::new(limit.rate.amount, limit.rate.period, limit.burst), epoch));
        Self { requests, slots: limit.concurrency.map(Slots::new) }
    }

    /// Takes a place, or none of anything; `Err` is how long to wait.
    pub(super) fn admit(&self, now: Instant) -> Result<Option<Slot>, Duration> {
        let slot = match &self.slots {
            Some(slots) => Some(slots.take().ok_or(SOON)?),
            None => None,
        };
        if let Some(requests) = &self.requests {
            requests.take(now).map_err(|wait| wait.retry_after)?;
        }
        Ok(slot)
    }

    /// Calls at the provider now; `None` where nobody counts them.
    pub(super) fn in_flight(&self) -> Option<u32> {
        self.slots.as_ref().map(|slots| slots.used())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Rate, RequestLimit};

    #[tokio::test(start_paused = true)]
    async fn a_refusal_takes_nothing() {
        let now = Instant::now();
        let rate = Rate { amount: 2, period: Duration::from_secs(60) };
        let limit = Limit { requests: Some(RequestLimit { rate, burst: 2 }), concurrency: Some(1) };
        let admission = Admission::new(limit, now);
        let slot = admission.admit(now).unwrap();
        for _ in 0..5 {
            assert!(admission.admit(now).is_err());
        }
        drop(slot);
        let slot = admission.admit(now).unwrap();
        drop(slot);
        assert_eq!(admission.admit(now).unwrap_err(), Duration::from_secs(30));
        assert!(!admission.slots.as_ref().unwrap().is_full());
    }
}
