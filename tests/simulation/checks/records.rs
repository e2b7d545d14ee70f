//! Invariant 1: every call ends in exactly one terminal state and exactly one record; and the records tell what was.

use std::collections::BTreeMap;

use super::Finding;
use super::attempts::attempts;
use crate::clients::{End, Told};
use crate::gateway::{configured, sum};
use crate::speech::words;
use crate::world::Run;

const RULE: &str = "invariant 1 (records)";

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut findings = Vec::new();
    for told in &run.calls {
        if let End::Odd(what) = told.end {
            findings.push(Finding::of(RULE, told.number, what));
        }
    }
    let attempts = attempts(run);
    for (gateway, left) in run.left.iter().enumerate() {
        let mut wrong = |what: String, recorded: f64, expected: usize| {
            if recorded != expected as f64 {
                findings.push(Finding::new(RULE, format!("gateway {gateway}: {recorded} {what}, not {expected}")));
            }
        };
        let of_gateway = || run.calls.iter().filter(|told| told.ask.gateway == gateway);
        let metric = |name, labels: &[&str]| sum(&left.metrics, name, labels);
        wrong("calls under way".into(), metric("tollgate_inflight", &[]), 0);
        wrong("calls".into(), metric("tollgate_calls_total", &[]), of_gateway().count());
        let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
        of_gateway().for_each(|told| *outcomes.entry(told.end.outcome()).or_default() += 1);
        for (outcome, count) in outcomes {
            let label = format!("outcome=\"{outcome}\"");
            wrong(format!("calls with the outcome {outcome}"), metric("tollgate_calls_total", &[&label]), count);
        }
        for (place, provider) in configured::PROVIDERS.iter().enumerate() {
            let tried = attempts.iter().filter(|one| (one.gateway, one.provider) == (gateway, place)).count();
            let label = format!("provider=\"{provider}\"");
            wrong(format!("attempts at {provider}"), metric("tollgate_attempts_total", &[&label]), tried);
            let (least, most) = tokens(run, of_gateway(), place);
            let recorded = metric("tollgate_tokens_total", &[&label, "kind=\"output\""]);
            wrong(format!("tokens of {provider}"), recorded, (recorded as usize).clamp(least, most));
        }
    }
    findings
}

/// What a provider has reported for answers that were whole, at least and at most: some end before they have told.
fn tokens<'a>(run: &Run, calls: impl Iterator<Item = &'a Told>, provider: usize) -> (usize, usize) {
    let name = configured::PROVIDERS[provider];
    let is_charged = |told: &&Told| {
        told.end == End::Whole && told.replied.as_ref().is_some_and(|it| it.provider == name && !it.cached)
    };
    calls.filter(is_charged).fold((0, 0), |(least, most), told| {
        let words = words(&told.read);
        let exchange = words.first().map(|word| &run.exchanges[provider][word.exchange]);
        let told_all = exchange.is_some_and(|exchange| exchange.good);
        (least + if told_all { words.len() } else { 0 }, most + words.len())
    })
}
