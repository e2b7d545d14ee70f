//! One row of a provider's `models`.

use super::super::prices::{Price, pico_dollars, published_models};
use super::super::reader::{Field, Table};
use super::super::shape::Shape;

/// One model that a provider lists.
#[derive(Debug, Clone)]
pub struct ModelRow {
    /// The name that `[models]` and clients use.
    pub name: String,
    /// The provider's own name for it; the name where the file does not say.
    pub id: String,
    /// `None`: unknown, cost is null.
    pub price: Option<Price>,
    /// Tokens of prompt and answer together.
    pub context: Option<u32>,
    /// Most tokens of one answer.
    pub max_output: Option<u32>,
    pub vision: bool,
    pub tools: bool,
}

static ROW: Shape = Shape {
    name: "providers.models",
    keys: &[
        "name",
        "id",
        "input",
        "output",
        "cache_read",
        "context",
        "max_output",
        "vision",
        "tools",
    ],
};

impl ModelRow {
    /// What the row leaves out is taken, field by field, from the published row of its id, else of its name.
    pub(super) fn read(field: &Field<'_>, kind: &str) -> Option<Self> {
        let table = field.table(&ROW)?;
        let id = table.get("id").and_then(|field| field.filled());
        let name = table.require("name").and_then(|field| field.filled());
        let id = id.or(name).unwrap_or_default();
        let published = |wanted: &str| published_models(kind).iter().find(|row| row.name == wanted);
        let published = published(id).or_else(|| published(name?));
        let mut row = Self {
            name: name.unwrap_or_default().to_owned(),
            id: id.to_owned(),
            price: read_price(&table, published.and_then(|row| row.price)),
            context: published.and_then(|row| row.context),
            max_output: published.and_then(|row| row.max_output),
            vision: published.is_none_or(|row| row.vision),
            tools: published.is_none_or(|row| row.tools),
        };
        table.set("context", &mut row.context, |field| field.number(1).map(Some));
        table.set("max_output", &mut row.max_output, |field| field.number(1).map(Some));
        table.set("vision", &mut row.vision, |field| field.flag());
        table.set("tools", &mut row.tools, |field| field.flag());
        name.map(|_| row)
    }
}

fn read_price(table: &Table<'_>, published: Option<Price>) -> Option<Price> {
    let usd = |key| table.get(key).map(|field| read_usd(&field));
    let (input, output, cache_read) = (usd("input"), usd("output"), usd("cache_read"));
    let own = input.is_some() || output.is_some();
    let faulty = [input, output, cache_read].contains(&Some(None));
    let input = input.flatten().or(published.map(|price| price.input));
    let output = output.flatten().or(published.map(|price| price.output));
    // The published price of a cached token belongs to the published price of a fresh one.
    let inherited = published.filter(|_| !own).and_then(|price| price.cache_read);
    let cache_read = cache_read.flatten();
    match (input, output) {
        (Some(input), Some(output)) => Some(Price {
            input,
            output,
            cache_read: cache_read.or(inherited),
        }),
        (None, None) if cache_read.is_none() => None,
        _ if faulty => None,
        _ => {
            let message = "a price needs both `input` and `output`, and the price table does not know this model";
            table.document.fault(&table.path, message, None);
            None
        }
    }
}

fn read_usd(field: &Field<'_>) -> Option<u64> {
    let usd = field.decimal()?;
    pico_dollars(&usd)
        .map_err(|problem| field.fault(format!("{usd} {problem}")))
        .ok()
}
