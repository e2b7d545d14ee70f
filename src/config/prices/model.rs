//! One model of a kind of provider, as a price table knows it.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::price::Price;
use crate::config::ModelRow;

/// A model, under all its names and on all days.
#[derive(Debug, Clone)]
pub struct PricedModel {
    pub name: String,
    /// Other names that the vendor has for it.
    pub aliases: Vec<String>,
    /// Earliest first. Never empty.
    pub rows: Vec<PriceRow>,
    /// The file that it stands in; `None`: compiled in.
    pub file: Option<Arc<Path>>,
}

/// What is said of a model from one day on.
#[derive(Debug, Clone)]
pub struct PriceRow {
    pub price: Price,
    /// Where the price was looked up.
    pub source: Option<Arc<str>>,
    /// In which month, such as `2026-11`.
    pub checked: Option<Arc<str>>,
    /// Tokens of prompt and answer together.
    pub context: Option<u32>,
    /// Most tokens of one answer.
    pub max_output: Option<u32>,
    pub vision: bool,
    pub tools: bool,
}

impl PricedModel {
    /// The name, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    /// The row that holds on a day: the last that has begun by then. `None` where the first begins later.
    pub fn on(&self, day: Date) -> Option<&PriceRow> {
        self.rows.iter().rev().find(|row| row.price.from() <= Some(day))
    }

    /// The model as a provider lists it under one of its names. What it can do is what its last row says.
    pub(in crate::config) fn listed_as(&self, name: &str) -> ModelRow {
        let last = self.rows.last().expect("a model has a row");
        ModelRow {
            name: name.to_owned(),
            id: name.to_owned(),
            prices: self.rows.iter().map(|row| row.price.clone()).collect(),
            context: last.context,
            max_output: last.max_output,
            vision: last.vision,
            tools: last.tools,
        }
    }
}
