//! All models with a price, by kind of provider and name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use super::model::PricedModel;
use crate::config::ModelRow;

/// A price table. Shared, and never changed once it is read.
#[derive(Debug, Default)]
pub struct PriceTable(BTreeMap<&'static str, Kind>);

/// The models of one kind of provider. No name stands for two of them.
#[derive(Debug, Default, Clone)]
pub(super) struct Kind {
    /// In the order of the file.
    models: Vec<Arc<PricedModel>>,
    /// Names and aliases.
    places: HashMap<String, usize>,
}

static PUBLISHED: LazyLock<Arc<PriceTable>> = LazyLock::new(|| {
    let table = PriceTable::parse_published(include_str!("../../../config/prices.toml"));
    Arc::new(table.expect("the compiled-in table is checked by a test"))
});

impl PriceTable {
    /// What vendors publish, as it was when this was built.
    pub fn published() -> Arc<Self> {
        Arc::clone(&PUBLISHED)
    }

    /// The model that a kind of provider knows by this name or alias.
    pub fn find(&self, kind: &str, name: &str) -> Option<&PricedModel> {
        self.0.get(kind)?.find(name)
    }

    /// All models, by kind, and within it in the order of their file.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &PricedModel)> {
        self.0.iter().flat_map(|(kind, models)| models.models.iter().map(|model| (*kind, &**model)))
    }

    /// What a provider of this kind lists unless it is told otherwise: every name of every model.
    pub(in crate::config) fn listing(&self, kind: &str) -> Vec<ModelRow> {
        let models = self.0.get(kind).map_or(&[][..], |kind| &kind.models);
        models.iter().flat_map(|model| model.names().map(|name| model.listed_as(name))).collect()
    }

    pub(super) fn kind(&mut self, kind: &'static str) -> &mut Kind {
        self.0.entry(kind).or_default()
    }

    /// This table, and `own` over it: a model of `own` takes the place of those that any of its names stood for, whole.
    /// Aliases of what it replaces find it from then on, so that none goes on at the old price.
    pub(super) fn under(&self, own: Self) -> Self {
        let mut all = Self(self.0.clone());
        for (kind, models) in own.0 {
            all.kind(kind).put_over(&models);
        }
        all
    }
}

impl Kind {
    pub(super) fn find(&self, name: &str) -> Option<&PricedModel> {
        self.places.get(name).map(|place| &*self.models[*place])
    }

    /// The model of this very name, for more to be said of it.
    pub(super) fn named(&mut self, name: &str) -> Option<&mut PricedModel> {
        let place = *self.places.get(name)?;
        let model = Arc::make_mut(&mut self.models[place]);
        (model.name == name).then_some(model)
    }

    /// Adds a model, of which no name may be known yet.
    pub(super) fn push(&mut self, model: PricedModel) {
        for name in model.names() {
            self.places.insert(name.to_owned(), self.models.len());
        }
        self.models.push(Arc::new(model));
    }

    /// Adds an alias to the model of that name.
    pub(super) fn add_alias(&mut self, name: &str, alias: &str) {
        let Some(place) = self.places.get(name).copied() else { return };
        self.places.insert(alias.to_owned(), place);
        Arc::make_mut(&mut self.models[place]).aliases.push(alias.to_owned());
    }

    fn put_over(&mut self, own: &Self) {
        let mut models: Vec<PricedModel> = own.models.iter().map(|model| (**model).clone()).collect();
        for theirs in &self.models {
            let replacing = own.places.get(&theirs.name);
            let aliases = theirs.aliases.iter().filter(|alias| !own.places.contains_key(*alias)).cloned();
            match replacing {
                Some(place) => models[*place].aliases.extend(aliases),
                None => models.push(PricedModel { aliases: aliases.collect(), ..(**theirs).clone() }),
            }
        }
        *self = Self::default();
        models.into_iter().for_each(|model| self.push(model));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::civil::date;

    use super::*;
    use crate::config::prices::Dimension;
    use crate::config::{Env, preset};

    fn table(text: &str) -> PriceTable {
        PriceTable::parse(text, Path::new("p.toml"), &Env::default()).unwrap()
    }

    fn input(table: &PriceTable, name: &str) -> Option<u64> {
        Some(table.find("openai", name)?.rows[0].price.rate(None, Dimension::Input))
    }

    #[test]
    fn every_published_model_is_of_a_known_kind_and_in_range() {
        let table = PriceTable::published();
        let mut count = 0;
        for (kind, model) in table.iter() {
            let name = &model.name;
            assert!(preset(kind).is_some(), "{kind} is no kind");
            for row in &model.rows {
                assert!(row.checked.is_some() && row.source.is_some(), "{kind}: nobody knows where {name} is from");
                let price = &row.price;
                for tier in std::iter::once(None).chain(price.tiers().iter().map(Some)) {
                    let of = |dimension| price.rate(tier, dimension);
                    assert!(of(Dimension::CacheRead) <= of(Dimension::Input), "{name}: a cached token costs more");
                    assert!(of(Dimension::CacheWrite) >= of(Dimension::Input), "{name}: writing costs less");
                    assert!(of(Dimension::CacheWrite1h) >= of(Dimension::CacheWrite), "{name}: longer costs less");
                    assert!(of(Dimension::Input) >= price.rate(None, Dimension::Input), "{name}: longer costs less");
                }
                let above = price.tiers().last().map_or(0, |tier| tier.above);
                assert!(row.context.is_none_or(|context| u64::from(context) > above), "{name}: a tier nobody reaches");
                let shortest = if price.rate(None, Dimension::Output) == 0 { 512 } else { 4096 };
                assert!(row.context.is_none_or(|context| context >= shortest), "{name}");
                assert!(row.max_output <= row.context || row.context.is_none(), "{name}");
            }
            count += model.names().count();
        }
        assert!(count >= 250, "only {count} names");
    }

    #[test]
    fn a_name_is_found_whichever_of_the_models_it_is() {
        let table = PriceTable::published();
        let mini = table.find("openai", "gpt-4o-mini").unwrap();
        let dated = table.find("openai", "gpt-4o-mini-2024-07-18").unwrap();
        assert_eq!((&mini.name, &dated.name), (&dated.name, &mini.name));
        assert!(table.find("openai", "gpt-4o-mini-").is_none() && table.find("ollama", "gpt-4o-mini").is_none());
        let listed = table.listing("openai");
        let row = listed.iter().find(|row| row.name == "gpt-4o-mini-2024-07-18").unwrap();
        assert_eq!((row.id.as_str(), &row.prices), ("gpt-4o-mini-2024-07-18", &vec![mini.rows[0].price.clone()]));
        assert!(table.listing("ollama").is_empty());
    }

    #[test]
    fn the_last_row_that_has_begun_holds() {
        let text = "[openai]\nmodels = [\n\
                    { name = \"m\", from = \"2026-12-01\", input = 2, output = 2, context = 9000 },\n\
                    { name = \"m\", input = 1, output = 1 },\n\
                    { name = \"late\", from = \"2027-01-01\", input = 1, output = 1 } ]";
        let table = table(text);
        let on = |name, day| {
            let row = table.find("openai", name).unwrap().on(day)?;
            Some(row.price.rate(None, Dimension::Input))
        };
        assert_eq!(on("m", date(2020, 1, 1)), Some(1_000_000));
        assert_eq!(on("m", date(2026, 11, 30)), Some(1_000_000));
        assert_eq!(on("m", date(2026, 12, 1)), Some(2_000_000));
        assert_eq!(on("late", date(2026, 12, 31)), None);
        let row = table.listing("openai").remove(0);
        assert_eq!((row.prices.len(), row.context), (2, Some(9000)));
    }

    #[test]
    fn a_row_of_ones_own_replaces_the_model_whole_and_its_aliases_follow() {
        let theirs = table(
            "[openai]\nmodels = [\n\
             { name = \"a\", aliases = [\"a-1\", \"a-2\"], input = 1, output = 1, cache_read = 0.5, context = 9000 },\n\
             { name = \"a\", from = \"2027-01-01\", input = 5, output = 5 },\n\
             { name = \"b\", aliases = [\"b-1\", \"b-2\"], input = 1, output = 1 },\n\
             { name = \"c\", input = 1, output = 1 } ]\n[groq]\nmodels = [{ name = \"a\", input = 1, output = 1 }]",
        );
        let own = table(
            "[openai]\nmodels = [ { name = \"a\", aliases = [\"b-1\"], input = 2, output = 2 },\n\
                         { name = \"new\", aliases = [\"c\"], input = 3, output = 3 } ]\n\
                         [ollama]\nmodels = [{ name = \"mine\", input = 4, output = 4 }]",
        );
        let all = theirs.under(own);
        for (name, usd) in [("a", 2), ("a-1", 2), ("a-2", 2), ("b-1", 2), ("b", 1), ("b-2", 1), ("new", 3), ("c", 3)] {
            assert_eq!(input(&all, name), Some(usd * 1_000_000), "{name}");
        }
        let a = all.find("openai", "a").unwrap();
        assert_eq!((a.rows.len(), a.rows[0].context, a.aliases.join(" ").as_str()), (1, None, "b-1 a-1 a-2"));
        assert_eq!(a.rows[0].price.rates().get(Dimension::CacheRead), None);
        assert!(all.find("groq", "a").is_some() && all.find("ollama", "mine").is_some());
        assert_eq!(all.listing("openai").len(), 8);
    }
}
