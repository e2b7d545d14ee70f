//! `[cache]`: the exact cache.

use std::time::Duration;

use super::reader::Table;
use super::shape::Shape;
use super::values::positive_duration;

pub(super) static CACHE: Shape = Shape {
    name: "cache",
    keys: &["enabled", "ttl", "max_size", "scope"],
};

/// `[cache]`.
#[derive(Debug, Clone, Copy)]
pub struct Cache {
    pub enabled: bool,
    pub ttl: Duration,
    /// Bytes of all entries together.
    pub max_size: u64,
    pub scope: Scope,
}

impl Default for Cache {
    /// What holds without the table: off.
    fn default() -> Self {
        Self {
            enabled: false,
            ttl: Duration::from_secs(600),
            max_size: 256 << 20,
            scope: Scope::Team,
        }
    }
}

/// Who shares answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Key,
    User,
    /// A caller without a team shares with its user only.
    Team,
    Global,
}

const SCOPES: &[(&str, Scope)] = &[
    ("key", Scope::Key),
    ("user", Scope::User),
    ("team", Scope::Team),
    ("global", Scope::Global),
];

impl Cache {
    /// A table in the file that does not say `enabled` means on; without one, overrides alone do not turn it on.
    pub(super) fn read(top: &Table<'_>) -> Self {
        let mut cache = Self::default();
        let Some(table) = top.table("cache", &CACHE) else {
            return cache;
        };
        cache.enabled = top.document.origins.contains_key("cache");
        table.set("enabled", &mut cache.enabled, |field| field.flag());
        table.set("ttl", &mut cache.ttl, |field| field.parse(positive_duration));
        table.set("max_size", &mut cache.max_size, |field| field.size());
        table.set("scope", &mut cache.scope, |field| field.choice(SCOPES));
        cache
    }
}
