//! What the rounds have shown: the figures, and the outcome of each single load.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::load::Outcome;
use crate::peers::Kind;
use crate::samples::Samples;

#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) samples: Samples,
    pub(crate) raw: Vec<Raw>,
    /// What could not be measured, and why.
    given_up: BTreeMap<String, String>,
}

/// One load on one address, as it was.
#[derive(Debug, Serialize)]
pub(crate) struct Raw {
    round: u32,
    load: String,
    /// `None`: the mock itself.
    on: Option<Kind>,
    cpu_us: Option<u128>,
    outcome: Outcome,
}

impl Findings {
    pub(crate) fn keep(&mut self, load: &str, on: Option<Kind>, round: u32, cpu: Option<Duration>, outcome: &Outcome) {
        let (load, outcome) = (load.to_owned(), outcome.clone());
        let cpu_us = cpu.map(|cpu| cpu.as_micros());
        self.raw.push(Raw { round, load, on, cpu_us, outcome });
    }

    /// What has failed as a whole is not tried again.
    pub(crate) fn give_up(&mut self, what: String, why: &io::Error) {
        self.given_up.insert(what, why.to_string());
    }

    pub(crate) fn gave_up(&self, what: &str) -> bool {
        self.given_up.contains_key(what)
    }

    /// An error if any call failed: figures beside it are not to be trusted.
    pub(crate) fn verdict(&self) -> io::Result<()> {
        let failed = self.raw.iter().filter(|raw| raw.outcome.failed > 0).map(Raw::fault);
        let missing = self.given_up.iter().map(|(what, why)| format!("{what}: not measured: {why}"));
        match &*failed.chain(missing).collect::<Vec<_>>() {
            [] => Ok(()),
            faults => Err(io::Error::other(faults.join("\n"))),
        }
    }
}

impl Raw {
    fn fault(&self) -> String {
        let Outcome { calls, failed, first_failure, .. } = &self.outcome;
        let on = self.on.map_or_else(|| "the mock".to_owned(), |kind| kind.to_string());
        let (round, load, all) = (self.round + 1, &self.load, failed + calls);
        let why = first_failure.as_deref().unwrap_or("no reason given");
        format!("round {round}, {load}, {on}: {failed} of {all} calls failed, the first with {why}")
    }
}
