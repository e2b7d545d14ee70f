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

/// Repeats against the budget: of those that were decided on in ten seconds of the gateway's clock at most a fifth of the
/// calls that it had seen in ten seconds by then, or three.
fn budget(run: &Run, gateway: usize, repeats: &[&Attempt]) -> Option<Finding> {
    let decided: Vec<_> = repeats.iter().map(|repeat| decided(run, repeat)).collect();
    let seconds = Duration::from_secs;
    (0..=decided.iter().max()?.as_secs()).find_map(|from| {
        let span = seconds(from)..seconds(from + WINDOW);
        let made = decided.iter().filter(|at| span.contains(*at)).count();
        let counted = seconds((from + 1).saturating_sub(WINDOW))..seconds(from + WINDOW);
        let own = run.calls.iter().filter(|told| told.ask.gateway == gateway);
        let calls = own.filter(|told| counted.contains(&told.arrived)).count();
        (made > (calls / 5).max(3)).then(|| {
            let what = format!("gateway {gateway}: {made} repeats in ten seconds from {from} s on, of {calls} calls");
            Finding::new(RULE, what)
        })
    })
}

/// When a repeat was decided on: at the end of the attempt before it. Then it waited for its turn, if that had not come.
fn decided(run: &Run, repeat: &Attempt) -> Duration {
    let ends_another = |event: &Event| match event {
        Event::Over { provider, exchange, .. } => (*provider, Some(*exchange)) != (repeat.provider, repeat.exchange),
        Event::NotConnected { wire, .. } => *wire != repeat.wire,
        _ => false,
    };
    let own = run.entries.iter().filter(|entry| entry.event.call() == Some(repeat.call) && ends_another(&entry.event));
    own.map(|entry| entry.at).filter(|at| *at <= repeat.at).max().unwrap_or(repeat.at)
}
