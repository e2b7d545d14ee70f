//! Invariant 8: whatever a call has taken it has given back, however it ended.

use std::time::Duration;

use super::Finding;
use crate::gateway::{configured, sum};
use crate::world::Run;

const RULE: &str = "invariant 8 (leftovers)";
/// An exchange may go on so long behind the end of its call.
const BEHIND: Duration = Duration::from_secs(1);

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut findings = Vec::new();
    if run.tasks > 0 {
        findings.push(Finding::new(RULE, format!("{} tasks are left", run.tasks)));
    }
    for (gateway, left) in run.left.iter().enumerate() {
        if left.open > 0 {
            findings.push(Finding::new(RULE, format!("gateway {gateway} holds {} connections", left.open)));
        }
        for (place, name) in configured::PROVIDERS.iter().enumerate() {
            let gauge = sum(&left.metrics, "tollgate_breaker_state", &[&format!("provider=\"{name}\"")]);
            if !left.ready[place] || gauge != 0.0 {
                let what = format!("gateway {gateway} does not ask {name}, whose breakers show {gauge}");
                findings.push(Finding::new(RULE, what));
            }
        }
    }
    for probe in &run.probes {
        let told = &run.calls[probe.call];
        if told.end != probe.expected {
            let what = format!("{}: {:?} where {:?} was expected", probe.why, told.end, probe.expected);
            findings.push(Finding::of(RULE, probe.call, what));
        }
    }
    for (provider, exchanges) in run.exchanges.iter().enumerate() {
        for exchange in exchanges {
            let told = &run.calls[exchange.call];
            if exchange.ended.is_none_or(|ended| ended > told.ended + BEHIND) {
                let name = configured::PROVIDERS[provider];
                let what = format!("{name} works for it until {:?}, and it ended at {:?}", exchange.ended, told.ended);
                findings.push(Finding::of(RULE, exchange.call, what));
            }
        }
    }
    findings
}
