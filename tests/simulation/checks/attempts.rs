//! The attempts of calls, as they are seen on the connections.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{CallNumber, Event, Place};
use crate::world::Run;

/// One try at one provider.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) call: CallNumber,
    pub(crate) gateway: Place,
    pub(crate) provider: Place,
    pub(crate) at: Duration,
    /// What the provider saw of it, if it did.
    pub(crate) exchange: Option<usize>,
    /// The connection that was used last.
    pub(crate) wire: usize,
}

/// All attempts, in order. A request that is sent once more because a kept connection had died belongs to the attempt
/// that it was sent for.
pub(crate) fn attempts(run: &Run) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    // The attempt that a connection was last used for, and by wire the kept connections that died unanswered.
    let mut by_wire: BTreeMap<usize, usize> = BTreeMap::new();
    let mut died: BTreeMap<CallNumber, (usize, Duration)> = BTreeMap::new();
    let mut reused: BTreeMap<usize, CallNumber> = BTreeMap::new();
    for entry in &run.entries {
        match entry.event {
            Event::Dialled { call, gateway, provider, wire } => {
                let again = died
                    .remove(&call)
                    .filter(|(attempt, at)| *at == entry.at && attempts[*attempt].provider == provider);
                let attempt = again.map_or(attempts.len(), |(attempt, _)| attempt);
                if again.is_none() {
                    attempts.push(Attempt { call, gateway, provider, at: entry.at, exchange: None, wire });
                }
                attempts[attempt].wire = wire;
                by_wire.insert(wire, attempt);
            }
            Event::Sent { call, gateway, provider, wire, reused: true } => {
                by_wire.insert(wire, attempts.len());
                reused.insert(wire, call);
                attempts.push(Attempt { call, gateway, provider, at: entry.at, exchange: None, wire });
            }
            Event::Heard { exchange, wire, .. } => {
                if let Some(attempt) = by_wire.get(&wire) {
                    attempts[*attempt].exchange = Some(exchange);
                }
            }
            Event::Closed { call: Some(call), wire, unanswered: true, .. } if reused.get(&wire) == Some(&call) => {
                died.insert(call, (by_wire[&wire], entry.at));
            }
            _ => {}
        }
    }
    attempts
}
