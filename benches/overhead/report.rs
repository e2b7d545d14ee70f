//! The findings as a Markdown table and as JSON.

use std::path::Path;
use std::{fs, io};

use clap::ValueEnum;
use serde::Serialize;

use crate::findings::{Findings, Raw};
use crate::machine::Machine;
use crate::peers::Kind;
use crate::rounds::{MEMORY, Rounds};
use crate::samples::Samples;
use crate::statistics::Middle;
use crate::table::{align, show};

#[derive(Serialize)]
pub(crate) struct Report<'a> {
    machine: &'a Machine,
    figures: Vec<Row>,
    runs: &'a [Raw],
}

/// One figure of one peer.
#[derive(Serialize)]
struct Row {
    figure: String,
    unit: &'static str,
    peer: Kind,
    value: Middle,
    over_nginx: Option<Middle>,
    over_bare: Option<Middle>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(machine: &'a Machine, rounds: &Rounds<'_>, findings: &'a Findings) -> Self {
        let measured = (rounds.scenarios.iter().flat_map(|scenario| &scenario.figures))
            .map(|figure| (&*figure.name, figure.unit, &*figure.against));
        let lives = rounds.lives.figures();
        let lived = lives.iter().map(|(figure, unit)| (&**figure, *unit, &**figure));
        let figures = (measured.chain(lived).chain([(MEMORY, "MB", MEMORY)]))
            .flat_map(|(figure, unit, against)| {
                let peers = Kind::value_variants().iter();
                peers.filter_map(move |&peer| Row::new(&findings.samples, figure, unit, against, peer))
            })
            .collect();
        Self { machine, figures, runs: &findings.raw }
    }

    pub(crate) fn table(&self) -> String {
        let head = ["figure", "unit", "peer", "median (interval)", "over nginx", "over bare"].map(str::to_owned);
        let rows = self.figures.iter().map(|row| {
            let ratio = |ratio: Option<Middle>| ratio.map_or_else(String::new, show);
            let (over_nginx, over_bare) = (ratio(row.over_nginx), ratio(row.over_bare));
            [row.figure.clone(), row.unit.to_owned(), row.peer.to_string(), show(row.value), over_nginx, over_bare]
        });
        align(&head, &rows.collect::<Vec<_>>())
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, serde_json::to_string_pretty(self)?)
    }
}

impl Row {
    /// `None` where the peer was not measured.
    fn new(samples: &Samples, figure: &str, unit: &'static str, against: &str, peer: Kind) -> Option<Self> {
        let over = |floor| samples.ratio(figure, peer, against, floor).filter(|_| floor != peer);
        Some(Self {
            figure: figure.to_owned(),
            unit,
            peer,
            value: samples.middle(figure, peer)?,
            over_nginx: over(Kind::Nginx),
            over_bare: over(Kind::Bare),
        })
    }
}
