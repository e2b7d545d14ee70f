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
    keys: &["name", "id", "input", "output", "cache_read", "cache_write", "context", "max_output", "vision", "tools"],
};

impl ModelRow {
    /// A model of which nothing is known but its name.
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: name.to_owned(),
            price: None,
            context: None,
            max_output: None,
            vision: true,
            tools: true,
        }
    }

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
    let (input, output) = (usd("input"), usd("output"));
    let (cache_read, cache_write) = (usd("cache_read"), usd("cache_write"));
    let own = input.is_some() || output.is_some();
    let faulty = [input, output, cache_read, cache_write].contains(&Some(None));
    let input = input.flatten().or(published.map(|price| price.input));
    let output = output.flatten().or(published.map(|price| price.output));
    // The published prices of a cache belong to the published price of a fresh token.
    let inherited = published.filter(|_| !own);
    let (cache_read, cache_write) = (cache_read.flatten(), cache_write.flatten());
    match (input, output) {
        (Some(input), Some(output)) => Some(Price {
            input,
            output,
            cache_read: cache_read.or(inherited.and_then(|price| price.cache_read)),
            cache_write: cache_write.or(inherited.and_then(|price| price.cache_write)),
        }),
        (None, None) if cache_read.is_none() && cache_write.is_none() => None,
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
    pico_dollars(&usd).map_err(|problem| field.fault(format!("{usd} {problem}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{fault_of, load_more};
    use super::*;

    fn file(row: &str) -> String {
        format!("[providers.a]\nkind = \"openai\"\nmodels = [{{ {row} }}]")
    }

    fn row(row: &str) -> ModelRow {
        load_more(&file(row)).config.providers.remove(0).models.remove(0)
    }

    #[test]
    fn a_row_takes_what_it_leaves_out_from_the_published_one() {
        let mini = row("name = \"gpt-4o-mini\", max_output = 99");
        let price = Price { input: 150_000, output: 600_000, cache_read: Some(75_000), cache_write: None };
        assert_eq!((mini.price, mini.context, mini.max_output), (Some(price), Some(128_000), Some(99)));
    }

    #[test]
    fn the_id_goes_before_the_name() {
        let row = row("name = \"gpt-4o\", id = \"gpt-4o-mini\"");
        assert_eq!((row.name.as_str(), row.id.as_str()), ("gpt-4o", "gpt-4o-mini"));
        assert_eq!(row.price.map(|price| price.input), Some(150_000));
    }

    #[test]
    fn an_own_price_is_exact_and_does_not_inherit_the_prices_of_the_cache() {
        let price = row("name = \"gpt-4o-mini\", input = 0.1").price;
        let expected = Price { input: 100_000, output: 600_000, cache_read: None, cache_write: None };
        assert_eq!(price, Some(expected));
    }

    #[test]
    fn a_model_without_a_price_is_kept_and_noted() {
        let loaded = load_more(&file("name = \"mine\", vision = false"));
        let row = &loaded.config.providers[0].models[0];
        assert_eq!((row.price, row.vision, row.tools), (None, false, true));
        assert!(loaded.notices.iter().any(|text| text.contains("no price is known for mine")));
    }

    #[test]
    fn prices_and_bounds_that_cannot_be_are_refused() {
        for (row, problem) in [
            ("name = \"m\", input = -1, output = 1", "input: -1 is not a price"),
            ("name = \"m\", input = nan, output = 1", "input: NaN is not a price"),
            ("name = \"m\", input = 1, output = inf", "output: inf is not a price"),
            ("name = \"m\", input = 10000.5, output = 1", "input: 10000.5 is not a price"),
            ("name = \"m\", input = \"1\", output = 1", "input: expected a number"),
            ("name = \"m\", input = 1", "a price needs both"),
            ("name = \"m\", cache_read = 1", "a price needs both"),
            ("name = \"m\", cache_write = 1", "a price needs both"),
            ("name = \"m\", input = 1, output = 1, cache_write = -1", "cache_write: -1 is not a price"),
            ("name = \"m\", context = 0", "context: 0 is too small"),
            ("name = \"\"", "name: must not be empty"),
            ("id = \"m\"", "`name` is missing"),
        ] {
            let fault = fault_of(&file(row));
            assert!(fault.contains("providers.a.models[0]") && fault.contains(problem), "{fault}");
        }
    }
}
