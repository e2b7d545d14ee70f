//! No failure reaches the caller that another provider could have answered; and nobody is left alone without a reason.
//!
//! A provider could have answered a call if the gateway was willing to ask it when the call came, nothing that this gateway
//! tried with it went wrong while the call lasted, it has no limits of its own, and there was time for it after everybody
//! else had been waited for. Then the call may not end in an error, unless the error is the caller's own affair.

use std::time::Duration;

use super::Finding;
use super::attempts::{Attempt, attempts};
use crate::clients::{End, Told};
use crate::gateway::configured;
use crate::world::Run;

const RULE: &str = "could have been answered";
/// What an answer takes a provider that is well.
const ANSWER: Duration = Duration::from_secs(2);

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let attempts = attempts(run);
    let crowd = &run.calls[..run.epilogue];
    let mut findings: Vec<_> =
        crowd.iter().filter_map(|told| Some(Finding::of(RULE, told.number, fault(run, &attempts, told)?))).collect();
    findings.extend(
        crowd.iter().filter_map(|told| Some(Finding::of(RULE, told.number, left_alone(run, &attempts, told)?))),
    );
    findings
}

fn fault(run: &Run, attempts: &[Attempt], told: &Told) -> Option<String> {
    let End::Failed(outcome) = told.end else { return None };
    let is_own_affair = outcome == "rate_limited" || (told.ask.mistake && outcome == "refused_by_provider");
    if is_own_affair {
        return None;
    }
    (0..configured::PROVIDERS.len())
        .find(|place| could_answer(run, attempts, told, *place))
        .map(|place| format!("{outcome}, and {} could have answered", configured::PROVIDERS[place]))
}

fn could_answer(run: &Run, attempts: &[Attempt], told: &Told, place: usize) -> bool {
    let everybody_else: Duration = (0..configured::PROVIDERS.len())
        .filter(|other| *other != place)
        .map(|other| (configured::CONNECT + configured::TOTAL) * configured::KEYS[other] as u32)
        .sum();
    let had_time = told.deadline - told.arrived >= everybody_else + ANSWER;
    told.ready[place] && place != configured::LIMITED.0 && had_time && !has_failed(run, attempts, told, place)
}

/// Whether anything that a call's gateway tried with a provider went wrong, or might have, while the call lasted.
fn has_failed(run: &Run, attempts: &[Attempt], told: &Told, place: usize) -> bool {
    let own = attempts.iter().filter(|one| (one.gateway, one.provider) == (told.ask.gateway, place));
    own.into_iter().any(|one| {
        let exchange = one.exchange.map(|exchange| &run.exchanges[place][exchange]);
        let is_good = exchange.is_some_and(|exchange| exchange.good);
        let ended = exchange.map_or(Some(run.calls[one.call].ended), |exchange| exchange.ended);
        !is_good && one.at <= told.ended && ended.is_none_or(|ended| ended >= told.arrived)
    })
}

/// A provider that is not asked must have failed so often as it takes.
fn left_alone(run: &Run, attempts: &[Attempt], told: &Told) -> Option<String> {
    let place = told.ready.iter().position(|ready| !ready)?;
    let own = attempts.iter().filter(|one| (one.gateway, one.provider) == (told.ask.gateway, place));
    let is_good = |one: &Attempt| one.exchange.is_some_and(|exchange| run.exchanges[place][exchange].good);
    let count = own.filter(|one| one.at <= told.arrived && !is_good(one)).count();
    // A key goes out, or rests, at its first refusal.
    let enough = if place == 0 { configured::FAILURES } else { 1 };
    (count < enough).then(|| format!("{} is not asked after {count} failures", configured::PROVIDERS[place]))
}
