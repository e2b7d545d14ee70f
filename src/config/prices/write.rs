//! A model as a line of a price file.

use std::fmt::Write;

use super::model::PriceRow;
use super::rates::Rates;
use super::usd::usd_per_million;

/// The row of a model as [`super::file`] reads it, without aliases.
pub(super) fn row_line(name: &str, row: &PriceRow) -> String {
    let mut line = format!("{{ name = {}", quoted(name));
    let price = &row.price;
    if let Some(from) = price.from() {
        let _ = write!(line, ", from = \"{from}\"");
    }
    write_rates(&mut line, price.rates());
    if !price.tiers().is_empty() {
        line += ", tiers = [";
        for (place, tier) in price.tiers().iter().enumerate() {
            let _ = write!(line, "{}{{ above = {}", if place == 0 { "" } else { ", " }, tier.above);
            write_rates(&mut line, &tier.rates);
            line += " }";
        }
        line += "]";
    }
    for (key, count) in [("context", row.context), ("max_output", row.max_output)] {
        if let Some(count) = count {
            let _ = write!(line, ", {key} = {count}");
        }
    }
    for (key, able) in [("vision", row.vision), ("tools", row.tools)] {
        if !able {
            let _ = write!(line, ", {key} = false");
        }
    }
    for (key, text) in [("source", &row.source), ("checked", &row.checked)] {
        if let Some(text) = text {
            let _ = write!(line, ", {key} = {}", quoted(text));
        }
    }
    line + " }"
}

fn write_rates(line: &mut String, rates: &Rates) {
    for (dimension, pico) in rates.iter() {
        let _ = write!(line, ", {} = {}", dimension.key(), usd_per_million(pico));
    }
}

/// As TOML writes a text on one line.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
