//! One row of a provider's `models`.

use super::super::prices::{Dimension, Price, PriceTable, Stated, with_rates};
use super::super::reader::{Field, Table};
use super::super::shape::Shape;

/// One model that a provider lists.
#[derive(Debug, Clone)]
pub struct ModelRow {
    /// The name that `[models]` and clients use.
    pub name: String,
    /// The provider's own name for it; the name where the file does not say.
    pub id: String,
    /// Earliest first; each holds until the next. Empty: unknown, cost is null.
    pub prices: Vec<Price>,
    /// Tokens of prompt and answer together.
    pub context: Option<u32>,
    /// Most tokens of one answer.
    pub max_output: Option<u32>,
    pub vision: bool,
    pub tools: bool,
}

static ROW: Shape = Shape {
    name: "providers.models",
    keys: &with_rates::<7, 18>(["name", "id", "tiers", "context", "max_output", "vision", "tools"]),
};

impl ModelRow {
    /// A model of which nothing is known but its name.
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: name.to_owned(),
            prices: Vec::new(),
            context: None,
            max_output: None,
            vision: true,
            tools: true,
        }
    }

    /// What the row leaves out is taken, field by field, from the published row of its id, else of its name.
    pub(super) fn read(field: &Field<'_>, kind: &str, prices: &PriceTable) -> Option<Self> {
        let table = field.table(&ROW)?;
        let id = table.get("id").and_then(|field| field.filled());
        let name = table.require("name").and_then(|field| field.filled());
        let id = id.or(name).unwrap_or_default();
        let published = |wanted: &str| prices.find(kind, wanted).map(|model| model.listed_as(wanted));
        let published = published(id).or_else(|| published(name?));
        let published = published.unwrap_or_else(|| Self::unknown(id));
        let mut row = Self {
            name: name.unwrap_or_default().to_owned(),
            id: id.to_owned(),
            prices: read_prices(&table, published.prices),
            ..published
        };
        table.set("context", &mut row.context, |field| field.number(1).map(Some));
        table.set("max_output", &mut row.max_output, |field| field.number(1).map(Some));
        table.set("vision", &mut row.vision, |field| field.flag());
        table.set("tools", &mut row.tools, |field| field.flag());
        name.map(|_| row)
    }
}

/// The prices of a row: its own where it has both of input and output, else the published ones with what the row says
/// instead.
fn read_prices(table: &Table<'_>, published: Vec<Price>) -> Vec<Price> {
    let Some(own) = Stated::read(table) else {
        return Vec::new();
    };
    if own.is_empty() {
        return published;
    }
    if let Some(price) = Price::new(None, own.rates, own.tiers.clone().unwrap_or_default()) {
        return vec![price];
    }
    if published.is_empty() {
        let message = "a price needs both `input` and `output`, and the price table does not know this model";
        table.document.fault(&table.path, message, None);
    }
    published.iter().filter_map(|published| own_over(&own, published)).collect()
}

fn own_over(own: &Stated, published: &Price) -> Option<Price> {
    let fresh = [Dimension::Input, Dimension::Output];
    let rates = *published.rates();
    // The published prices of a cache, and all others, belong to the published price of a fresh token.
    let (rates, tiers) = match fresh.into_iter().any(|dimension| own.rates.get(dimension).is_some()) {
        true => (rates.iter().filter(|(dimension, _)| fresh.contains(dimension)).collect(), Vec::new()),
        false => (rates, published.tiers().to_vec()),
    };
    Price::new(published.from(), own.rates.or(rates), own.tiers.clone().unwrap_or(tiers))
}

#[cfg(test)]
mod tests {
    use super::super::super::prices::Rates;
    use super::super::super::testing::{fault_of, load_more};
    use super::*;

    fn file(row: &str) -> String {
        format!("[providers.a]\nkind = \"openai\"\nmodels = [{{ {row} }}]")
    }

    fn row(row: &str) -> ModelRow {
        load_more(&file(row)).config.providers.remove(0).models.remove(0)
    }

    fn rates(input: u64, output: u64, cache_read: Option<u64>) -> Rates {
        let cache_read = cache_read.map(|pico| (Dimension::CacheRead, pico));
        [(Dimension::Input, input), (Dimension::Output, output)].into_iter().chain(cache_read).collect()
    }

    #[test]
    fn a_row_takes_what_it_leaves_out_from_the_published_one() {
        for name in ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"] {
            let mini = row(&format!("name = \"{name}\", max_output = 99"));
            assert_eq!(mini.prices[0].rates(), &rates(150_000, 600_000, Some(75_000)));
            assert_eq!((mini.name.as_str(), mini.context, mini.max_output), (name, Some(128_000), Some(99)));
        }
    }

    #[test]
    fn the_id_goes_before_the_name() {
        let row = row("name = \"gpt-4o\", id = \"gpt-4o-mini\"");
        assert_eq!((row.name.as_str(), row.id.as_str()), ("gpt-4o", "gpt-4o-mini"));
        assert_eq!(row.prices[0].rates().get(Dimension::Input), Some(150_000));
    }

    #[test]
    fn an_own_price_is_exact_and_does_not_inherit_the_prices_of_the_cache() {
        let prices = row("name = \"gpt-4o-mini\", input = 0.1").prices;
        assert_eq!((prices.len(), prices[0].rates()), (1, &rates(100_000, 600_000, None)));
        let long = row("name = \"gpt-5.4\", output = 1");
        assert!(long.prices[0].tiers().is_empty(), "nor the tiers");
    }

    #[test]
    fn one_price_of_a_published_row_can_be_replaced_alone() {
        let long = row("name = \"gpt-5.4\", cache_read = 0.01").prices.remove(0);
        assert_eq!(long.rates(), &rates(2_500_000, 15_000_000, Some(10_000)));
        assert_eq!(long.tiers()[0].above, 272_000);
        let flat = row("name = \"gpt-5.4\", tiers = []").prices.remove(0);
        assert_eq!((flat.rates(), flat.tiers()), (&rates(2_500_000, 15_000_000, Some(250_000)), &[][..]));
    }

    #[test]
    fn an_own_price_may_have_all_that_a_price_file_has() {
        let own = row("name = \"mine\", input = 1, output = 2, audio_input = 3, tiers = [{ above = 9, input = 4 }]");
        let price = &own.prices[0];
        assert_eq!(price.rate(None, Dimension::AudioInput), 3_000_000);
        assert_eq!(price.rate(price.tiers().first(), Dimension::Input), 4_000_000);
        let fault = fault_of(&file("name = \"m\", input = 1, output = 1, tiers = [{ above = 9, input = 20000 }]"));
        assert!(fault.contains("providers.a.models[0].tiers[0].input: 20000 is not a price"), "{fault}");
    }

    #[test]
    fn a_model_without_a_price_is_kept_and_noted() {
        let loaded = load_more(&file("name = \"mine\", vision = false"));
        let row = &loaded.config.providers[0].models[0];
        assert_eq!((row.prices.len(), row.vision, row.tools), (0, false, true));
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
