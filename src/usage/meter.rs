//! The meter: opens a call and sees to it that it ends in exactly one record, whatever happens to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::record::{Outcome, Record};
use crate::api::{Usage, estimate_tokens};
use crate::call::{CacheStatus, Call, Caller, Door, Journal};
use crate::error::GatewayError;
use crate::telemetry::{CallLabels, Label, Metrics, RefusalLabels};

/// Makes records.
#[derive(Debug, Clone)]
pub struct Meter {
    metrics: Arc<Metrics>,
}

/// A call that has begun and not ended. Ended by [`Open::end`], or by being dropped, which means that the client went
/// away or the call panicked.
#[derive(Debug)]
pub struct Open {
    metrics: Arc<Metrics>,
    id: Arc<str>,
    door: Door,
    caller: Arc<Caller>,
    journal: Arc<Journal>,
    arrived: Instant,
    estimated_input: u64,
    /// What has been learnt of the answer so far.
    pub cache: CacheStatus,
    pub usage: Option<Usage>,
    pub content_bytes: u64,
    pub time_to_first_token: Option<Duration>,
    pub overhead: Option<Duration>,
    outcome: Outcome,
}

impl Meter {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }

    pub fn open(&self, call: &Call) -> Open {
        self.metrics.inflight.inc();
        Open {
            metrics: Arc::clone(&self.metrics),
            id: Arc::clone(&call.id),
            door: call.door,
            caller: Arc::clone(&call.caller),
            journal: Arc::clone(&call.journal),
            arrived: call.arrived,
            estimated_input: call.envelope.input_tokens,
            cache: CacheStatus::Bypass,
            usage: None,
            content_bytes: 0,
            time_to_first_token: None,
            overhead: None,
            outcome: Outcome::CLIENT_GONE,
        }
    }

    /// A request that never became a call: it is counted and logged, without a record.
    pub fn refused(&self, door: Door, id: &str, caller: Option<&Caller>, error: &GatewayError) {
        let labels = CallLabels {
            door: door.as_str(),
            model: Label(Arc::from("other")),
            provider: Label(Arc::default()),
            outcome: error.outcome(),
        };
        self.metrics.calls.get_or_create(&labels).inc();
        if matches!(error, GatewayError::AddressLimited { .. }) {
            self.metrics
                .refusals
                .get_or_create(&RefusalLabels { rule: "per_ip" })
                .inc();
        }
        tracing::info!(
            target: "tollgate::call",
            {
            call.id = id,
            call.door = door.as_str(),
            call.outcome = error.outcome(),
            key.id = caller.map(|caller| &*caller.key),
            },
            "request refused"
        );
    }
}

impl Open {
    pub fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.arrived)
    }

    /// How the call will have ended if it is dropped from here on.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.inflight.dec();
        let notes = self.journal.with(|notes| notes.clone());
        let record = Record {
            id: Arc::clone(&self.id),
            door: self.door,
            caller: Arc::clone(&self.caller),
            model: notes.model.clone().unwrap_or_else(|| Arc::from("other")),
            outcome: self.outcome,
            cache: self.cache,
            notes,
            usage: self.usage,
            estimated_output: estimate_tokens(self.content_bytes),
            estimated_input: self.estimated_input,
            duration: self.elapsed(Instant::now()),
            time_to_first_token: self.time_to_first_token,
            overhead: self.overhead,
        };
        record.tell(&self.metrics);
    }
}
