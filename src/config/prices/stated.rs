//! The keys of a price, as a price file and a provider's `models` have them.

use super::price::Tier;
use super::rates::{Dimension, Rates, with_rates};
use super::usd::pico_dollars;
use crate::config::reader::{Field, Table};
use crate::config::shape::Shape;

static TIER: Shape = Shape { name: "tiers", keys: &with_rates::<1, 12>(["above"]) };

/// What a row says of its price, in whole or in part.
#[derive(Debug, Clone)]
pub(in crate::config) struct Stated {
    pub(in crate::config) rates: Rates,
    /// `None`: nothing is said of any.
    pub(in crate::config) tiers: Option<Vec<Tier>>,
}

impl Stated {
    /// `None` where something is faulty, which is noted.
    pub(in crate::config) fn read(table: &Table<'_>) -> Option<Self> {
        let rates = read_rates(table);
        let tiers = table.get("tiers").map(|field| read_tiers(&field));
        Some(Self { rates: rates?, tiers: tiers.map_or(Some(None), |tiers| tiers.map(Some))? })
    }

    pub(in crate::config) fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.tiers.is_none()
    }
}

fn read_rates(table: &Table<'_>) -> Option<Rates> {
    let stated = Dimension::ALL.into_iter().filter_map(|dimension| Some((dimension, table.get(dimension.key())?)));
    let rates: Vec<_> = stated.map(|(dimension, field)| Some((dimension, read_usd(&field)?))).collect();
    rates.into_iter().collect()
}

fn read_usd(field: &Field<'_>) -> Option<u64> {
    let usd = field.decimal()?;
    pico_dollars(&usd).map_err(|problem| field.fault(format!("{usd} {problem}"))).ok()
}

fn read_tiers(field: &Field<'_>) -> Option<Vec<Tier>> {
    let items = field.list()?;
    let read: Vec<_> = items.iter().map(read_tier).collect();
    let tiers: Vec<Tier> = read.into_iter().collect::<Option<_>>()?;
    let unordered = tiers.windows(2).position(|pair| pair[0].above >= pair[1].above);
    if let Some(place) = unordered {
        items[place + 1].fault("`above` must be more than in the tier before it");
        return None;
    }
    Some(tiers)
}

fn read_tier(field: &Field<'_>) -> Option<Tier> {
    let table = field.table(&TIER)?;
    let above = table.require("above").and_then(|field| field.number(1));
    let rates = read_rates(&table);
    if rates.is_some_and(|rates| rates.is_empty()) {
        field.fault("a tier without a price says nothing");
        return None;
    }
    Some(Tier { above: above?, rates: rates? })
}
