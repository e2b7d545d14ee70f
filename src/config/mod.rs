//! The configuration as plain data, and the way from a file and the environment to it.
//!
//! Everything here is checked: names resolve, numbers are in range, secrets are present. No other room is imported,
//! and no other room's type is named.

mod auth;
mod cache;
mod limits;
mod log;
mod model;
mod presets;
mod prices;
mod provider;
mod server;

pub use auth::{Auth, Key};
pub use cache::{Cache, Scope};
pub use limits::{Limit, Limits, Rate, RequestLimit};
pub use log::{Log, LogFormat};
pub use model::{Model, Strategy, Target};
pub use presets::{AuthStyle, Dialect, PRESETS, Preset, UsageReport, preset};
pub use prices::Price;
pub use provider::{BaseUrl, Breaker, ModelRow, Provider, Timeouts};
pub use server::Server;

/// A whole configuration, ready to be run.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub server: Server,
    pub auth: Auth,
    pub limits: Limits,
    /// Sorted by name.
    pub providers: Vec<Provider>,
    /// In the order of the file.
    pub models: Vec<Model>,
    pub cache: Cache,
    pub log: Log,
}
