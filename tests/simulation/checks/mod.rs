//! What has to hold after every run, whatever the weather was.

mod answered;
mod attempts;
mod bounds;
mod callers;
mod deadlines;
mod leftovers;
mod records;
mod splices;

use std::fmt::Write;

use crate::history::CallNumber;
use crate::world::Run;

/// Something that must not be.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Of DESIGN 3, or what is promised besides.
    pub(crate) rule: &'static str,
    pub(crate) call: Option<CallNumber>,
    pub(crate) what: String,
}

impl Finding {
    fn of(rule: &'static str, call: CallNumber, what: impl Into<String>) -> Self {
        Self { rule, call: Some(call), what: what.into() }
    }

    fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, call: None, what: what.into() }
    }
}

pub(crate) fn check(run: &Run) -> Vec<Finding> {
    let checks = [
        records::check,
        splices::check,
        leftovers::check,
        bounds::check,
        deadlines::check,
        answered::check,
        callers::check,
    ] as [fn(&Run) -> _; 7];
    checks.into_iter().flat_map(|check| check(run)).collect()
}

/// For whoever has to find out why.
pub(crate) fn report(run: &Run, findings: &[Finding]) -> String {
    const SHOWN: usize = 4;
    let seed = run.seed;
    let mut text =
        format!("seed {seed}: {} findings; again: TOLLGATE_SEED={seed} cargo test --test simulation\n", findings.len());
    for finding in findings.iter().take(SHOWN) {
        let Finding { rule, what, .. } = finding;
        let Some(call) = finding.call else {
            writeln!(text, "seed {seed}, {rule}: {what}").unwrap();
            continue;
        };
        let history = run.history_of(call);
        writeln!(text, "seed {seed}, {rule}: call {call}: {what}\n{history}").unwrap();
    }
    text
}
