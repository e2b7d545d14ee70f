//! Invariant 10: what is read ahead of a client is bounded, and so are attempts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Finding;
use super::attempts::{Attempt, attempts};
use crate::gateway::configured;
use crate::history::{CallNumber, Event};
use crate::world::Run;

const RULE: &str = "invariant 10 (bounds)";
/// What may be on its way between a provider and its client: a pipe of 16 KiB, a connection's buffer of 64 KiB, and a piece
/// of the same size that has been taken out of it, with some room for what surrounds the words.
const AHEAD: usize = 192 << 10;
/// The longest wait for a repeat, from the moment that the budget has allowed it.
const PAUSE: u64 = 5;
/// What the budget looks back on.
const WINDOW: u64 = 10;

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &run.entries {
        if let Event::Paused { call, ahead } = entry.event
            && ahead > AHEAD
        {
            findings.push(Finding::of(RULE, call, format!("{ahead} bytes wait for a client that does not read")));
        }
    }
    let attempts = attempts(run);
    let repeats = repeats(run, &attempts);
    let mut by_call: BTreeMap<CallNumber, usize> = BTreeMap::new();
    repeats.iter().for_each(|repeat| *by_call.entry(repeat.call).or_default() += 1);
    for (call, count) in by_call {
        let most = configured::RETRIES * configured::PROVIDERS.len();
        if count > most {
            findings.push(Finding::of(RULE, call, format!("{count} repeats of one call, and {most} are allowed")));
        }
    }
    for gateway in 0..run.left.len() {
        let own: Vec<_> = repeats.iter().copied().filter(|repeat| repeat.gateway == gateway).collect();
        findings.extend(budget(run, gateway, &own));
    }
    findings
}

/// Attempts beyond a call's first with each key of each provider.
fn repeats<'a>(run: &Run, attempts: &'a [Attempt]) -> Vec<&'a Attempt> {
    let mut firsts = std::collections::BTreeSet::new();
    let is_repeat = |one: &&Attempt| {
        let key = one.exchange.and_then(|exchange| run.exchanges[one.provider][exchange].key.clone());
        // An attempt that reaches nobody shows no key.
        !firsts.insert((one.call, one.provider, key.filter(|_| configured::KEYS[one.provider] > 1)))
    };
    attempts.iter().filter(is_repeat).collect()
}

/// Repeats of any ten seconds against the budget: a fifth of the calls, at least three. The budget is asked when an attempt
/// has failed, up to [`PAUSE`] before the repeat; so the repeats of ten seconds come out of two budgets at most.
fn budget(run: &Run, gateway: usize, repeats: &[&Attempt]) -> Option<Finding> {
    let last = run.entries.last()?.at.as_secs();
    let seconds = Duration::from_secs;
    (0..last).find_map(|from| {
        let span = seconds(from)..seconds(from + WINDOW);
        let made = repeats.iter().filter(|repeat| span.contains(&repeat.at)).count();
        let counted = seconds(from.saturating_sub(PAUSE + WINDOW))..seconds(from + WINDOW);
        let is_counted = |at: Duration| counted.contains(&at);
        let calls = run.calls.iter().filter(|told| told.ask.gateway == gateway && is_counted(told.arrived)).count();
        let allowed = 2 * (calls / 5).max(3);
        (made > allowed).then(|| {
            let what = format!("gateway {gateway}: {made} repeats in ten seconds from {from} s on, of {calls} calls");
            Finding::new(RULE, what)
        })
    })
}
