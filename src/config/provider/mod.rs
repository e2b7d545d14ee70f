//! `[providers.NAME]`: where calls go, and what may be expected there.

mod all;
mod base_url;
mod health;
mod read;
mod row;

use std::time::Duration;

use secrecy::SecretString;

use super::limits::Limit;
use super::presets::Preset;

pub(super) use all::{Listing, Providers, Reading};
pub use base_url::BaseUrl;
pub use health::{Check, Health};
pub use row::ModelRow;

/// A provider that can be used: one whose `api_keys` were all empty is not in the list.
#[derive(Debug, Clone)]
pub struct Provider {
    pub name: String,
    pub preset: &'static Preset,
    pub base_url: BaseUrl,
    /// Azure's, as its addresses name it.
    pub api_version: String,
    /// `None`: the provider wants no key. Never empty.
    pub api_keys: Option<Vec<SecretString>>,
    pub timeouts: Timeouts,
    pub limits: Limit,
    pub breaker: Breaker,
    /// `None`: nobody looks whether it is there but calls.
    pub health: Option<Health>,
    /// Repeats of a candidate in one call, once no untried candidate is ready.
    pub retries: u32,
    /// Whether usage may be asked for on streams where the client did not (presets with usage on request).
    pub inject_usage: bool,
    pub models: Vec<ModelRow>,
}

/// How long one attempt may take, phase by phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS together.
    pub connect: Duration,
    /// A stream's first byte of body.
    pub first_byte: Duration,
    /// The head of a non-streamed answer.
    pub response: Duration,
    /// Silence between two reads of a body.
    pub idle: Duration,
    /// The whole attempt, body included.
    pub total: Duration,
}

impl Timeouts {
    /// Those of vendors.
    pub(super) const USUAL: Self = Self {
        connect: Duration::from_secs(2),
        first_byte: Duration::from_secs(15),
        response: Duration::from_secs(120),
        idle: Duration::from_secs(120),
        total: Duration::from_secs(600),
    };

    /// Those of servers on the user's own machines. The first call finds the model on the disk: Ollama sends no byte
    /// while it loads, and begins anew each time when whoever asked for it has left. Without a graphics card a long prompt
    /// takes as long, and a whole answer longer.
    pub(super) const LOCAL: Self =
        Self { first_byte: Duration::from_secs(120), response: Duration::from_secs(300), ..Self::USUAL };
}

/// When a breaker opens, and for how long at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Consecutive failures; at least 1. Fewer never open it.
    pub failures: u32,
    pub open: Duration,
    /// An answer that begins later than that is a slow one; `None`: none is.
    pub slow: Option<Duration>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 3, open: Duration::from_secs(60), slow: None }
    }
}
