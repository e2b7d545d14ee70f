//! The configuration as plain data, and the way from a file and the environment to it.
//!
//! Everything here is checked: names resolve, numbers are in range, secrets are present. No other room is imported,
//! and no other room's type is named.
//!
//! The way: [`Config::load`] finds the file, `document` parses it and expands its strings, `overrides` layers the
//! environment over it, and each concern reads its own table through `reader`, which notes every fault and goes on.

use std::sync::Arc;

mod admin;
mod auth;
mod cache;
mod document;
mod env;
mod expand;
mod faults;
mod limits;
mod lines;
mod load;
mod log;
mod model;
mod overrides;
mod presets;
mod prices;
mod provider;
mod quality;
mod reader;
mod secret;
mod server;
mod shape;
mod suggest;
#[cfg(test)]
mod testing;
mod values;

pub use admin::Admin;
pub use auth::{Auth, Key};
pub use cache::{Cache, Scope};
pub use env::Env;
pub use faults::{Fault, Faults, Place};
pub use limits::{Limit, Limits, Rate, RequestLimit};
pub use load::{DEFAULT_FILE, Loaded};
pub use log::{Log, LogFormat};
pub use model::{Model, OnFilter, Strategy, Target};
pub use presets::{
    AuthStyle, Dialect, LimitName, PRESETS, Paths, Preset, Quirks, ReasoningMember, UsageReport, preset,
};
pub use prices::{
    Dimension, ImportError, Price, PriceRow, PriceTable, PricedModel, Rates, Tier, import_litellm, usd_per_million,
};
pub use provider::{BaseUrl, Breaker, Check, Health, ModelRow, Provider, Timeouts};
pub use quality::Quality;
pub use server::Server;

/// A whole configuration, ready to be run.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub server: Server,
    pub auth: Auth,
    pub admin: Admin,
    pub limits: Limits,
    /// Sorted by name.
    pub providers: Vec<Provider>,
    /// What models cost; the providers' rows have their prices from it where they do not say their own.
    pub prices: Arc<PriceTable>,
    /// In the order of the file.
    pub models: Vec<Model>,
    pub cache: Cache,
    pub log: Log,
}
