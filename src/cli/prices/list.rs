//! `tollgate prices list`

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde::Serialize;

use super::super::{ConfigFile, failed, faulty, say};
use super::{kind, origin, today};
use crate::config::{Dimension, Env, PriceRow, PriceTable, PricedModel, Rates, usd_per_million};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only models of this kind of provider
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<&'static str>,
    /// json has all there is, csv all but the tiers, and a table what fits
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

impl Options {
    pub(super) fn or(self, before: ConfigFile) -> Self {
        Self { config: self.config.or(before), ..self }
    }
}

pub(super) fn run(options: &Options, env: &Env) -> ExitCode {
    let table = match PriceTable::load(options.config.path.as_deref(), env) {
        Ok(table) => table,
        Err(faults) => return faulty(&faults),
    };
    let today = today();
    let models = table.iter().filter(|(kind, _)| options.kind.is_none_or(|only| only == *kind));
    let rows: Vec<_> = models.flat_map(|(kind, model)| Row::all(kind, model, today)).collect();
    match options.format {
        Format::Table => aligned(&rows).iter().for_each(|line| say(line)),
        Format::Csv => csv(&rows).iter().for_each(|line| say(line)),
        Format::Json => match serde_json::to_string_pretty(&Rows { data: &rows }) {
            Ok(text) => say(&text),
            Err(error) => return failed(&error),
        },
    }
    ExitCode::SUCCESS
}

#[derive(Serialize)]
struct Rows<'a> {
    data: &'a [Row<'a>],
}

/// A model from one day on. Prices are USD per million tokens as decimal texts; what is left out is not there.
#[derive(Serialize)]
struct Row<'a> {
    kind: &'a str,
    model: &'a str,
    aliases: &'a [String],
    from: Option<String>,
    /// On this day.
    holds: bool,
    prices: Prices<'a>,
    tiers: Vec<Tier<'a>>,
    context: Option<u32>,
    max_output: Option<u32>,
    vision: bool,
    tools: bool,
    source: Option<&'a str>,
    checked: Option<&'a str>,
    origin: String,
    version: String,
}

#[derive(Serialize)]
struct Tier<'a> {
    above: u64,
    prices: Prices<'a>,
}

struct Prices<'a>(&'a Rates);

impl Serialize for Prices<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(dimension, pico)| (dimension.key(), usd_per_million(pico))))
    }
}

impl<'a> Row<'a> {
    fn all(kind: &'a str, model: &'a PricedModel, today: Date) -> impl Iterator<Item = Self> {
        let holding = model.on(today).map(|row| row.price.from());
        model.rows.iter().map(move |row| Self::of(kind, model, row, holding == Some(row.price.from())))
    }

    fn of(kind: &'a str, model: &'a PricedModel, row: &'a PriceRow, holds: bool) -> Self {
        let tier = |tier: &'a crate::config::Tier| Tier { above: tier.above, prices: Prices(&tier.rates) };
        Self {
            kind,
            model: &model.name,
            aliases: &model.aliases,
            from: row.price.from().map(|day| day.to_string()),
            holds,
            prices: Prices(row.price.rates()),
            tiers: row.price.tiers().iter().map(tier).collect(),
            context: row.context,
            max_output: row.max_output,
            vision: row.vision,
            tools: row.tools,
            source: row.source.as_deref(),
            checked: row.checked.as_deref(),
            origin: origin(model),
            version: row.price.version(),
        }
    }

    fn usd(&self, dimension: Dimension) -> String {
        self.prices.0.get(dimension).map(usd_per_million).unwrap_or_default()
    }
}

fn aligned(rows: &[Row<'_>]) -> Vec<String> {
    const HEAD: [&str; 9] =
        ["KIND", "MODEL", "FROM", "INPUT", "OUTPUT", "CACHE_READ", "CACHE_WRITE", "TIER_ABOVE", "VERSION"];
    /// Of the columns, those of numbers, which end below each other.
    const NUMBERS: std::ops::RangeInclusive<usize> = 3..=7;
    let cells = rows.iter().map(|row| {
        let usd = |dimension| row.usd(dimension);
        [
            row.kind.to_owned(),
            row.model.to_owned(),
            row.from.clone().unwrap_or_default(),
            usd(Dimension::Input),
            usd(Dimension::Output),
            usd(Dimension::CacheRead),
            usd(Dimension::CacheWrite),
            row.tiers.first().map(|tier| tier.above.to_string()).unwrap_or_default(),
            row.version.clone(),
        ]
    });
    let lines: Vec<_> = std::iter::once(HEAD.map(str::to_owned)).chain(cells).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);
    let line = |cells: &[String; HEAD.len()]| {
        let padded =
            cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| match NUMBERS.contains(&column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}

fn csv(rows: &[Row<'_>]) -> Vec<String> {
    let keys = Dimension::ALL.map(Dimension::key).join(",");
    let head = format!("kind,model,aliases,from,holds,{keys},context,max_output,source,checked,origin,version");
    let count = |count: Option<u32>| count.map(|count| count.to_string()).unwrap_or_default();
    let line = |row: &Row<'_>| {
        let mut cells = vec![row.kind.to_owned(), row.model.to_owned(), row.aliases.join(" ")];
        cells.extend([row.from.clone().unwrap_or_default(), row.holds.to_string()]);
        cells.extend(Dimension::ALL.map(|dimension| row.usd(dimension)));
        cells.extend([count(row.context), count(row.max_output)]);
        cells.extend([row.source, row.checked].map(|text| text.unwrap_or_default().to_owned()));
        cells.extend([row.origin.clone(), row.version.clone()]);
        cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",")
    };
    std::iter::once(head).chain(rows.iter().map(line)).collect()
}

/// As RFC 4180 has it.
fn quoted(cell: &str) -> String {
    match cell.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}
