//! What models cost: the table of published prices, a file of the operator's own over it, and what a price consists of.
//!
//! A price file is `config/prices.toml`, which is compiled in, or one like it ([`mod@file`]). A model has one row, or
//! several from different days on, and is found by its name or an alias of it ([`PriceTable::find`]). Which row holds on
//! a day is the reader's to say: this room knows no time.

mod file;
mod litellm;
mod model;
mod price;
mod rates;
mod setting;
mod stated;
mod table;
mod usd;
mod write;

pub use litellm::{ImportError, import_litellm};
pub use model::{PriceRow, PricedModel};
pub use price::{Price, Tier};
pub(super) use rates::with_rates;
pub use rates::{Dimension, Rates};
pub(super) use stated::Stated;
pub use table::PriceTable;
pub use usd::usd_per_million;
