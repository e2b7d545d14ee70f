//! What is expected: a file with a table for each sort of figure, written whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::{fs, io};

use crate::figure::{Figure, Sort};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/guards/expected.toml");
const HEAD: &str = "\
# What `cargo bench --bench guards` holds figures against: it fails where one is above by more than 8 % (instructions) or
# 25 % (the rest). Written by `cargo bench --bench guards -- --accept`; say in the commit why.
";

pub(crate) const HOW_TO_ACCEPT: &str = "If that is the price of something worth it: `cargo bench --bench guards -- --accept`, and commit \
     benches/guards/expected.toml with the reason.";

/// Values by table and name.
#[derive(Debug, Default)]
pub(crate) struct Expected(BTreeMap<String, BTreeMap<String, f64>>);

impl Expected {
    pub(crate) fn read() -> io::Result<Self> {
        let explain = |error: &dyn std::fmt::Display| io::Error::other(format!("{FILE}: {error}"));
        let text = fs::read_to_string(FILE).map_err(|error| explain(&error))?;
        Ok(Self(toml::from_str(&text).map_err(|error| explain(&error))?))
    }

    pub(crate) fn write(figures: &[Figure]) -> io::Result<()> {
        let mut text = HEAD.to_owned();
        for sort in Sort::ALL {
            write!(text, "\n[{}]\n", sort.table()).expect("a string takes every character");
            for Figure { name, value, .. } in figures.iter().filter(|figure| figure.sort == sort) {
                writeln!(text, "\"{name}\" = {}", sort.show(*value)).expect("a string takes every character");
            }
        }
        fs::write(FILE, text)
    }

    /// What is wrong with those figures that are too high, or that nothing is known about.
    pub(crate) fn exceeded(&self, figures: &[Figure]) -> impl Iterator<Item = String> {
        figures.iter().filter_map(|figure| {
            let Figure { sort, name, at_least, .. } = figure;
            let Some(expected) = self.of(figure) else {
                return Some(format!("{}, {name}: nothing is expected", sort.table()));
            };
            let rise = at_least / expected - 1.0;
            // Not a number is no pass.
            if rise <= sort.slack() {
                return None;
            }
            let (rise, slack) = (100.0 * rise, 100.0 * sort.slack());
            let (at_least, expected) = (sort.show(*at_least), sort.show(expected));
            let table = sort.table();
            Some(format!("{table}, {name}: at least {at_least}, {rise:+.1} % to {expected}; {slack:.0} % would pass"))
        })
    }

    fn of(&self, figure: &Figure) -> Option<f64> {
        self.0.get(figure.sort.table())?.get(&figure.name).copied()
    }

    pub(crate) fn table(&self, figures: &[Figure]) -> String {
        let mut text = format!("{:<13} {:<34} {:>9} {:>9} {:>8}\n", "", "", "expected", "measured", "change");
        for figure in figures {
            let Figure { sort, name, value, at_least } = figure;
            let expected = self.of(figure);
            let above = |value: f64| expected.map(|expected| value / expected - 1.0);
            let change = above(*value).map_or_else(String::new, |rise| format!("{:+.1} %", 100.0 * rise));
            let hint = match (above(*at_least), above(*value)) {
                (Some(rise), _) if rise > sort.slack() => "  too high",
                (_, Some(rise)) if rise < -sort.slack() => "  far below: hold it with --accept",
                _ => "",
            };
            let expected = expected.map_or_else(|| "-".to_owned(), |expected| sort.show(expected));
            let (table, value) = (sort.table(), sort.show(*value));
            writeln!(text, "{table:<13} {name:<34} {expected:>9} {value:>9} {change:>8}{hint}")
                .expect("a string takes every character");
        }
        text
    }
}
