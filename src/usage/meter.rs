//! The meter: opens a call and sees to it that it ends in exactly one record, whatever happens to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::record::{Estimate, Outcome, Record, Totals};
use crate::api::{Usage, estimate_tokens};
use crate::call::{CacheStatus, Call, CallId, Caller, Door, Journal, Notes, Reply, ReplyBody};
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
    id: CallId,
    client_id: Option<Box<str>>,
    door: Door,
    caller: Arc<Caller>,
    label: Arc<str>,
    journal: Arc<Journal>,
    arrived: Instant,
    estimated_input: u64,
    read: Instant,
    /// What has been learnt of the answer so far.
    cache: Option<CacheStatus>,
    pub usage: Option<Usage>,
    text_bytes: u64,
    time_to_first_token: Option<Duration>,
    overhead: Option<Duration>,
    /// The rule that refused the call.
    refused_by: Option<&'static str>,
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
            id: call.id,
            client_id: call.client_id.clone(),
            door: call.door,
            caller: Arc::clone(&call.caller),
            label: Arc::clone(&call.label),
            journal: Arc::clone(&call.journal),
            arrived: call.arrived,
            // Counting tokens costs none.
            estimated_input: if call.door == Door::CountTokens { 0 } else { call.envelope.input_tokens },
            read: call.read,
            cache: None,
            usage: None,
            text_bytes: 0,
            time_to_first_token: None,
            overhead: None,
            refused_by: None,
            outcome: Outcome::CLIENT_GONE,
        }
    }

    /// A request has come to a door for calls. It ends as a call, as a refusal, or, if it is dropped before it is
    /// either, as a client that left.
    pub fn arrived(&self, door: Door, id: CallId) -> Arrival {
        Arrival { metrics: Arc::clone(&self.metrics), door, id, caller: None, outcome: Some(Outcome::CLIENT_GONE) }
    }

    /// A request was refused for its address.
    pub fn address_refused(&self) {
        self.metrics.refusals.get_or_create(&RefusalLabels { rule: "per_ip" }).inc();
    }
}

/// A request that is not a call yet. Ends in a count and a log event, unless it becomes a call.
#[derive(Debug)]
pub struct Arrival {
    metrics: Arc<Metrics>,
    door: Door,
    id: CallId,
    /// As soon as it is known.
    pub caller: Option<Arc<Caller>>,
    outcome: Option<Outcome>,
}

impl Arrival {
    /// From here on [`Open`] accounts for it.
    pub fn became_call(mut self) {
        self.outcome = None;
    }

    pub fn refused(mut self, error: &GatewayError) {
        self.outcome = Some(Outcome(error.outcome()));
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let Some(outcome) = self.outcome else { return };
        let labels = CallLabels {
            door: self.door.as_str(),
            model: Label(Arc::from("other")),
            provider: Label(Arc::default()),
            outcome: outcome.0,
        };
        self.metrics.calls.get_or_create(&labels).inc();
        tracing::info!(
            target: "tollgate::call",
            {
                call.id = self.id.as_str(),
                call.door = self.door.as_str(),
                call.outcome = outcome.0,
                key.id = self.caller.as_deref().map(|caller| &*caller.key),
            },
            "request refused"
        );
    }
}

impl Open {
    fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.arrived)
    }

    /// The head of a reply is about to leave. Tells it the gateway's own part of the call, and what the call has cost,
    /// where that is known by now.
    pub fn replied(&mut self, reply: &mut Reply, now: Instant) {
        self.cache = Some(reply.cache);
        self.passed_on(reply.text_bytes);
        self.usage = reply.usage.filter(|_| reply.cache != CacheStatus::Hit);
        let estimate = self.estimate();
        let usage = self.reported(true);
        let (overhead, totals) =
            self.journal.with(|notes| (notes.overhead(self.read, now), Totals::of(notes, usage, estimate)));
        self.overhead = Some(overhead);
        reply.overhead = overhead;
        reply.cost = totals.cost.filter(|_| reply.cache == CacheStatus::Hit || usage.is_some());
        if matches!(reply.body, ReplyBody::Events(_)) {
            self.time_to_first_token = Some(self.elapsed(now));
        }
    }

    /// A call that nobody ended was left by its client, unless we are the ones who left.
    fn outcome(&self, notes: &Notes) -> Outcome {
        match self.outcome {
            Outcome::CLIENT_GONE if std::thread::panicking() => Outcome::INTERNAL,
            Outcome::CLIENT_GONE if notes.given_up => Outcome::SHUTTING_DOWN,
            outcome => outcome,
        }
    }

    fn estimate(&self) -> Estimate {
        let output = estimate_tokens(self.text_bytes);
        let answered = match self.usage {
            Some(so_far) => Usage { output: output.max(so_far.output), ..so_far },
            None => Usage { input: self.estimated_input, output, ..Usage::default() },
        };
        Estimate { answered, input: self.estimated_input }
    }

    /// What the provider reported, if that can be all. Some report while they answer: what is known when an answer breaks
    /// off is what it was by then at most, and nothing for a text of some length is no report.
    fn reported(&self, whole: bool) -> Option<Usage> {
        self.usage.filter(|usage| whole && (usage.output > 0 || self.text_bytes == 0))
    }

    /// Text has been passed on. An answer whose usage is never reported is estimated by it.
    pub fn passed_on(&mut self, text_bytes: usize) {
        self.text_bytes += text_bytes as u64;
    }

    /// How the call will have ended if it is dropped from here on.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Ends a call that gets no answer.
    pub fn fail(mut self, error: &GatewayError) {
        if let GatewayError::RateLimited(refused) = error {
            self.refused_by = Some(refused.label());
        }
        self.end(Outcome(error.outcome()));
    }

    /// Ends a call whose answer is complete.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.inflight.dec();
        let notes = self.journal.with(std::mem::take);
        let outcome = self.outcome(&notes);
        let record = Record {
            id: self.id,
            client_id: self.client_id.take(),
            door: self.door,
            caller: Arc::clone(&self.caller),
            model: Arc::clone(&self.label),
            outcome,
            cache: self.cache,
            notes,
            usage: self.reported(outcome == Outcome::OK),
            estimate: self.estimate(),
            duration: self.elapsed(Instant::now()),
            time_to_first_token: self.time_to_first_token,
            overhead: self.overhead,
            refused_by: self.refused_by,
        };
        record.tell(&self.metrics);
    }
}
