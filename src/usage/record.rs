//! The record of a call, and how it is told to the log and the metrics.

use std::sync::Arc;
use std::time::Duration;

use super::price::cost;
use crate::api::{NanoUsd, Usage, estimate_tokens};
use crate::call::{AttemptEnd, AttemptNote, CacheStatus, CallId, Caller, Door, Notes};
use crate::telemetry::{AttemptLabels, CallLabels, Label, Metrics, RefusalLabels};

/// Everything that is kept of one call: no key, no prompt, no answer.
#[derive(Debug, Clone)]
pub struct Record {
    pub id: CallId,
    /// What the client calls it.
    pub client_id: Option<Box<str>>,
    pub door: Door,
    pub caller: Arc<Caller>,
    /// The asked name where it is configured, else `other`.
    pub model: Arc<str>,
    pub outcome: Outcome,
    /// `None`: the call never got there.
    pub cache: Option<CacheStatus>,
    pub notes: Notes,
    /// What the provider reported.
    pub usage: Option<Usage>,
    /// Stands in where the provider reported nothing.
    pub estimate: Estimate,
    pub duration: Duration,
    pub time_to_first_token: Option<Duration>,
    pub overhead: Option<Duration>,
    /// The rule of ours that refused the call.
    pub refused_by: Option<&'static str>,
}

/// How a call ended: `ok`, `client_gone`, or the name of what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome(pub &'static str);

impl Outcome {
    pub const OK: Self = Self("ok");
    pub const CLIENT_GONE: Self = Self("client_gone");
    pub const STREAM_BROKEN: Self = Self("stream_broken");
    pub const SHUTTING_DOWN: Self = Self("shutting_down");
    pub const INTERNAL: Self = Self("internal");
}

/// What is billed where no final report came.
#[derive(Debug, Clone, Copy)]
pub struct Estimate {
    /// For the answer: at least what was reported on the way.
    pub answered: Usage,
    /// Tokens of the prompt, for an attempt that gave no answer.
    pub input: u64,
}

/// What the attempts of a call come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    /// `None`: a price is not known.
    pub(super) cost: Option<NanoUsd>,
    pub(super) estimated: bool,
}

impl Totals {
    /// The answer at reported usage; what was given up after it had been sent, at the estimate.
    pub(super) fn of(notes: &Notes, reported: Option<Usage>, estimate: Estimate) -> Self {
        let mut totals = Self { cost: Some(NanoUsd::default()), estimated: false };
        for note in &notes.attempts {
            let usage = match note.end {
                Some(AttemptEnd::Failed { billed: false, .. }) => continue,
                None if note.sent.is_none() => continue,
                Some(AttemptEnd::Answered | AttemptEnd::Broken(_)) if let Some(usage) = reported => usage,
                Some(AttemptEnd::PassedOver { usage: Some(usage), .. }) => usage,
                Some(AttemptEnd::PassedOver { usage: None, text_bytes }) => {
                    Usage { input: estimate.input, output: estimate_tokens(text_bytes as u64), ..Usage::default() }
                }
                // What failed gave no answer to be billed.
                Some(AttemptEnd::Failed { .. }) => Usage { input: estimate.input, ..Usage::default() },
                Some(AttemptEnd::Answered | AttemptEnd::Broken(_)) | None => estimate.answered,
            };
            totals.estimated |= match note.end {
                Some(AttemptEnd::Answered | AttemptEnd::Broken(_)) => reported.is_none(),
                Some(AttemptEnd::PassedOver { usage, .. }) => usage.is_none(),
                Some(AttemptEnd::Failed { .. }) | None => true,
            };
            totals.cost = totals.cost.zip(note.price.as_deref()).map(|(mut sum, price)| {
                sum += cost(price, usage);
                sum
            });
        }
        totals
    }
}

impl Record {
    /// Writes the log event and counts the call. Called once for each record.
    pub(super) fn tell(&self, metrics: &Metrics) {
        let totals = Totals::of(&self.notes, self.usage, self.estimate);
        self.count(metrics, &totals);
        self.log(&totals);
    }

    /// The attempt that answered, or was about to.
    fn last(&self) -> Option<&AttemptNote> {
        self.notes.served()
    }

    fn count(&self, metrics: &Metrics, totals: &Totals) {
        let label = |name: &Arc<str>| Label(Arc::clone(name));
        let served = self.last();
        let provider = served.map_or_else(|| Label(Arc::default()), |note| label(&note.provider));
        metrics
            .calls
            .get_or_create(&CallLabels {
                door: self.door.as_str(),
                model: label(&self.model),
                provider,
                outcome: self.outcome.0,
            })
            .inc();
        if let Some(status) = self.cache {
            metrics.cache(status).inc();
        }
        metrics.call_duration.observe(self.duration.as_secs_f64());
        if let Some(duration) = self.time_to_first_token {
            metrics.time_to_first_token.observe(duration.as_secs_f64());
        }
        if let Some(duration) = self.overhead {
            metrics.overhead.observe(duration.as_secs_f64());
        }
        if let Some(rule) = self.refused_by {
            metrics.refusals.get_or_create(&RefusalLabels { rule }).inc();
        }
        for note in &self.notes.attempts {
            let class = match note.end {
                Some(AttemptEnd::Answered) => "ok",
                Some(AttemptEnd::PassedOver { .. }) => "quality",
                Some(AttemptEnd::Failed { class, .. } | AttemptEnd::Broken(class)) => class.as_str(),
                None => "abandoned",
            };
            metrics.attempts.get_or_create(&AttemptLabels { provider: label(&note.provider), class }).inc();
        }
        let Some(served) = served else { return };
        let passed_over = self.notes.attempts.iter().filter_map(|note| match note.end {
            Some(AttemptEnd::PassedOver { usage, .. }) => Some((note, usage?)),
            _ => None,
        });
        for (note, usage) in passed_over.chain(self.usage.map(|usage| (served, usage))) {
            let counters = metrics.served(&note.provider, &note.model);
            counters.input.inc_by(usage.input);
            counters.output.inc_by(usage.output);
            counters.cached.inc_by(usage.cached);
            counters.cache_write.inc_by(usage.cache_write);
            counters.reasoning.inc_by(usage.reasoning);
        }
        let counters = metrics.served(&served.provider, &served.model);
        match totals.cost {
            Some(cost) => drop(counters.cost_usd.inc_by(cost.as_usd())),
            None => {
                metrics.unpriced.inc();
                self.warn_unpriced(metrics);
            }
        }
    }

    /// Says once of each model that nobody knows what it costs.
    fn warn_unpriced(&self, metrics: &Metrics) {
        for note in self.notes.attempts.iter().filter(|note| note.price.is_none()) {
            if metrics.served(&note.provider, &note.model).tell_unpriced() {
                tracing::warn!(
                    provider.name = &*note.provider,
                    provider.model = &*note.model,
                    "no price is known for this model: what it answers has no cost, and counts in tollgate_unpriced_total"
                );
            }
        }
    }

    fn log(&self, totals: &Totals) {
        let served = self.last();
        tracing::info!(
            target: "tollgate::call",
            {
            call.id = self.id.as_str(),
            client.request_id = self.client_id.as_deref(),
            call.door = self.door.as_str(),
            call.outcome = self.outcome.0,
            key.id = &*self.caller.key,
            user.id = &*self.caller.user,
            team.id = self.caller.team.as_deref(),
            model.asked = &*self.model,
            provider.name = served.map(|note| &*note.provider),
            provider.model = served.map(|note| &*note.model),
            call.attempts = self.notes.attempts.len(),
            cache = self.cache.map(CacheStatus::as_str),
            tokens.input = self.usage.map(|usage| usage.input),
            tokens.cached = self.usage.map(|usage| usage.cached),
            tokens.cache_write = self.usage.map(|usage| usage.cache_write),
            tokens.output = self.usage.map(|usage| usage.output),
            tokens.reasoning = self.usage.map(|usage| usage.reasoning),
            cost.usd = totals.cost.map(tracing::field::display),
            cost.estimated = totals.estimated,
            price.version = served.and_then(|note| note.price.as_deref()).map(|price| &*price.version),
            duration.ms = self.duration.as_millis() as u64,
            duration.first_token_ms = self.time_to_first_token.map(|duration| duration.as_millis() as u64),
            overhead.us = self.overhead.map(|duration| duration.as_micros() as u64),
            },
            "call ended"
        );
    }
}
