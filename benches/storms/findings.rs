//! What the storms have found, beside what was asked for.

use std::io;

use crate::table::align;

#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

#[derive(Debug)]
struct Finding {
    storm: String,
    figure: String,
    found: String,
    asked: String,
    kept: bool,
}

impl Findings {
    /// `found` may be at most `most`.
    pub(crate) fn at_most(&mut self, storm: &str, figure: &str, found: f64, most: f64, unit: &str) {
        let asked = format!("at most {most}{unit}");
        self.note(storm, figure, format!("{found:.3}{unit}"), asked, found <= most);
    }

    /// Both must be the same.
    pub(crate) fn exactly(&mut self, storm: &str, figure: &str, found: u64, wanted: u64) {
        self.note(storm, figure, found.to_string(), wanted.to_string(), found == wanted);
    }

    pub(crate) fn note(&mut self, storm: &str, figure: &str, found: String, asked: String, kept: bool) {
        let verdict = if kept { "kept" } else { "BROKEN" };
        eprintln!("  {storm}: {figure}: {found} ({asked}): {verdict}");
        self.0.push(Finding { storm: storm.to_owned(), figure: figure.to_owned(), found, asked, kept });
    }

    pub(crate) fn table(&self) -> String {
        let rows: Vec<_> = self
            .0
            .iter()
            .map(|one| {
                let verdict = if one.kept { "kept" } else { "BROKEN" };
                [one.storm.clone(), one.figure.clone(), one.found.clone(), one.asked.clone(), verdict.to_owned()]
            })
            .collect();
        align(&["storm", "figure", "found", "asked", "verdict"].map(str::to_owned), &rows)
    }

    pub(crate) fn verdict(&self) -> io::Result<()> {
        match self.0.iter().filter(|one| !one.kept).count() {
            0 => Ok(()),
            broken => Err(io::Error::other(format!("{broken} of {} are not kept", self.0.len()))),
        }
    }
}
