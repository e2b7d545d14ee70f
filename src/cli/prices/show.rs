//! `tollgate prices show`

use std::process::ExitCode;

use clap::Args;
use jiff::civil::Date;

use super::super::{ConfigFile, complain, faulty, say};
use super::{kind, origin, today};
use crate::config::{Dimension, Env, Price, PriceRow, PriceTable, PricedModel, Provider, usd_per_million};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The model, by its name or an alias
    #[arg(value_name = "MODEL")]
    model: String,
    /// Only of this kind of provider
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<&'static str>,
    /// Only what holds on this day, such as 2026-12-01 [default: what holds today, and what is to come]
    #[arg(long, value_name = "DATE")]
    at: Option<Date>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Options {
    pub(super) fn or(self, before: ConfigFile) -> Self {
        Self { config: self.config.or(before), ..self }
    }

    fn is_of(&self, kind: &str) -> bool {
        self.kind.is_none_or(|only| only == kind)
    }
}

pub(super) fn run(options: &Options, env: &Env) -> ExitCode {
    let table = match PriceTable::load(options.config.path.as_deref(), env) {
        Ok(table) => table,
        Err(faults) => return faulty(&faults),
    };
    let mut blocks: Vec<String> = Vec::new();
    for (kind, model) in table.iter().filter(|(kind, _)| options.is_of(kind)) {
        if model.names().any(|name| name == options.model) {
            blocks.push(described(kind, model, options.at));
        }
    }
    // A configuration that cannot run has nobody who bills.
    let providers = options.config.load(env).map(|loaded| loaded.config.providers).unwrap_or_default();
    for provider in providers.iter().filter(|provider| options.is_of(provider.preset.kind)) {
        blocks.extend(own_price(provider, &options.model, &table, options.at));
    }
    if blocks.is_empty() {
        complain(&format!("tollgate: no price is known for {}", options.model));
        return ExitCode::FAILURE;
    }
    say(&blocks.join("\n\n"));
    ExitCode::SUCCESS
}

fn described(kind: &str, model: &PricedModel, at: Option<Date>) -> String {
    let mut lines = vec![format!("{kind}: {} ({})", model.name, origin(model))];
    if !model.aliases.is_empty() {
        lines.push(format!("  also called {}", model.aliases.join(", ")));
    }
    let shown = chosen(&model.rows, |row| row.price.from(), at);
    if shown.is_empty() {
        lines.push("  no price on that day".to_owned());
    }
    for row in shown {
        lines.extend(of_price(&row.price));
        lines.extend(of_row(row));
    }
    lines.join("\n")
}

/// What a provider says of the model itself, over all that the table says.
fn own_price(provider: &Provider, name: &str, table: &PriceTable, at: Option<Date>) -> Option<String> {
    let row = provider.models.iter().find(|row| row.name == name || row.id == name)?;
    let published = table.find(provider.preset.kind, &row.id).or_else(|| table.find(provider.preset.kind, &row.name));
    let published = published.map(|model| model.rows.iter().map(|row| &row.price)).into_iter().flatten();
    if row.prices.is_empty() || row.prices.iter().eq(published) {
        return None;
    }
    let mut lines = vec![format!("provider {}: {} (its own `models`)", provider.name, row.name)];
    lines.extend(chosen(&row.prices, Price::from, at).into_iter().flat_map(of_price));
    Some(lines.join("\n"))
}

/// Of what holds one after the other: what holds on a day, or from today on.
fn chosen<T>(all: &[T], from: impl Fn(&T) -> Option<Date>, at: Option<Date>) -> Vec<&T> {
    let day = at.unwrap_or_else(today);
    let begun = all.partition_point(|one| from(one) <= Some(day));
    let last = if at.is_some() { begun } else { all.len() };
    all[begun.saturating_sub(1)..last].iter().collect()
}

fn of_price(price: &Price) -> Vec<String> {
    let since = price.from().map_or_else(String::new, |day| format!("from {day} on, "));
    let mut lines = vec![format!("  {since}version {}, USD per million tokens:", price.version())];
    if !price.tiers().is_empty() {
        let above = price.tiers().iter().map(|tier| format!("{:>18}", format!("above {}", tier.above)));
        lines.push(format!("    {:<17}{:>12}{}", "", "any length", above.collect::<String>()));
    }
    for dimension in Dimension::ALL {
        let said = |rates: &crate::config::Rates| rates.get(dimension).is_some();
        let usd = |tier| usd_per_million(price.rate(tier, dimension));
        let tiers = price.tiers().iter().map(|tier| format!("{:>18}", usd(Some(tier)))).collect::<String>();
        let usual = match said(price.rates()) || price.tiers().iter().any(|tier| said(&tier.rates)) {
            true => String::new(),
            false => dimension.billed_as().map_or_else(String::new, |usual| format!("  as {}", usual.key())),
        };
        lines.push(format!("    {:<17}{:>12}{tiers}{usual}", dimension.key(), usd(None)));
    }
    lines
}

fn of_row(row: &PriceRow) -> Vec<String> {
    let count = |count: Option<u32>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let able = |able| if able { "yes" } else { "no" };
    let mut lines = vec![
        format!("    context {}, max_output {}", count(row.context), count(row.max_output)),
        format!("    vision {}, tools {}", able(row.vision), able(row.tools)),
    ];
    if let Some(source) = &row.source {
        let checked = row.checked.as_deref().map_or_else(String::new, |month| format!(", checked {month}"));
        lines.push(format!("    source {source}{checked}"));
    }
    lines
}
