//! A caller's limits hold, and only they refuse: after every call of the run, in order, against a model of them.

use std::time::Duration;

use super::Finding;
use crate::clients::{End, Told};
use crate::gateway::configured;
use crate::history::{Entry, Event};
use crate::world::Run;

const RULE: &str = "invariant 8 (callers' places)";

/// What the caller may still do.
struct Model {
    under_way: usize,
    tokens: f64,
    at: Duration,
}

impl Model {
    /// Whether a call has to be admitted; it takes what it needs if so, and nothing if not.
    fn admits(&mut self, now: Duration) -> bool {
        let (_, places) = configured::NARROW;
        let (per_second, burst) = configured::NARROW_RATE;
        self.tokens = (self.tokens + (now - self.at).as_secs_f64() * per_second).min(burst);
        self.at = now;
        // Sums of fractions are not exact, and what is refused for a nanosecond is refused.
        let admits = self.under_way < places && self.tokens > 1.0 - 1e-6;
        if admits {
            self.under_way += 1;
            self.tokens -= 1.0;
        }
        admits
    }
}

pub(super) fn check(run: &Run) -> Vec<Finding> {
    (0..run.left.len()).flat_map(|gateway| of_gateway(run, gateway)).collect()
}

fn of_gateway(run: &Run, gateway: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut model = Model { under_way: 0, tokens: configured::NARROW_RATE.1, at: Duration::ZERO };
    let is_own = |told: &Told| told.ask.gateway == gateway && told.ask.caller == configured::NARROW.0;
    let is_refused = |told: &Told| told.end == End::Failed("rate_limited");
    for Entry { at, event } in &run.entries {
        match event {
            Event::Arrived { call, .. } if is_own(&run.calls[*call]) => {
                let (admits, refused) = (model.admits(*at), is_refused(&run.calls[*call]));
                if admits == refused {
                    let under_way = model.under_way - usize::from(admits);
                    let word = if refused { "refused" } else { "let in" };
                    let what = format!("{word} with {under_way} calls under way and {:.3} tokens left", model.tokens);
                    findings.push(Finding::of(RULE, *call, what));
                    return findings;
                }
            }
            Event::Ended { call, .. } if is_own(&run.calls[*call]) && !is_refused(&run.calls[*call]) => {
                model.under_way -= 1;
            }
            _ => {}
        }
    }
    findings
}
