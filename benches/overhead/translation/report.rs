//! What translation costs, as a Markdown table and as JSON.

use std::path::Path;
use std::{fs, io};

use serde::Serialize;

use super::Measure;
use super::pair::Pair;
use crate::findings::{Findings, Raw};
use crate::machine::Machine;
use crate::peers::Kind;
use crate::statistics::Middle;
use crate::table::{align, show};

#[derive(Serialize)]
pub(crate) struct Report<'a> {
    machine: &'a Machine,
    figures: Vec<Row>,
    runs: &'a [Raw],
}

/// One pair.
#[derive(Serialize)]
struct Row {
    figure: &'static str,
    pair: String,
    us: Middle,
    /// Microseconds above pass-through.
    added_us: Option<Middle>,
    over_passed: Option<Middle>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(machine: &'a Machine, findings: &'a Findings) -> Self {
        let rows = |measure: Measure| Pair::ALL.into_iter().filter_map(move |pair| Row::new(measure, pair, findings));
        Self { machine, figures: Measure::ALL.into_iter().flat_map(rows).collect(), runs: &findings.raw }
    }

    pub(crate) fn table(&self) -> String {
        let head = ["figure", "door and provider", "us (interval)", "added, us", "over pass-through"];
        let rows = self.figures.iter().map(|row| {
            let shown = |middle: Option<Middle>| middle.map_or_else(String::new, show);
            [row.figure.to_owned(), row.pair.clone(), show(row.us), shown(row.added_us), shown(row.over_passed)]
        });
        align(&head.map(str::to_owned), &rows.collect::<Vec<_>>())
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, serde_json::to_string_pretty(self)?)
    }
}

impl Row {
    fn new(measure: Measure, pair: Pair, findings: &Findings) -> Option<Self> {
        let samples = &findings.samples;
        let (figure, floor) = (measure.of(pair), measure.of(Pair::PASSED));
        let translated = pair != Pair::PASSED;
        Some(Self {
            figure: measure.name(),
            pair: pair.name(),
            us: samples.middle(&figure, Kind::Tollgate)?,
            added_us: samples.difference(&figure, &floor, Kind::Tollgate).filter(|_| translated),
            over_passed: samples.ratio(&figure, Kind::Tollgate, &floor, Kind::Tollgate).filter(|_| translated),
        })
    }
}
