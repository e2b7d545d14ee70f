//! `[cache]`: the exact cache.

use std::time::Duration;

use super::reader::Table;
use super::shape::Shape;
use super::values::positive_duration;

pub(super) static CACHE: Shape = Shape { name: "cache", keys: &["enabled", "ttl", "max_size", "scope"] };

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
        Self { enabled: false, ttl: Duration::from_secs(600), max_size: 256 << 20, scope: Scope::Team }
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

const SCOPES: &[(&str, Scope)] =
    &[("key", Scope::Key), ("user", Scope::User), ("team", Scope::Team), ("global", Scope::Global)];

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

#[cfg(test)]
mod tests {
    use super::super::testing::{fault_of, load, load_more};
    use super::*;

    #[test]
    fn the_table_alone_turns_the_cache_on() {
        assert!(!load_more("").config.cache.enabled);
        assert!(load_more("[cache]").config.cache.enabled);
        assert!(!load_more("[cache]\nenabled = false").config.cache.enabled);
    }

    #[test]
    fn an_override_alone_does_not() {
        let text = "auth.required = false\nproviders.local.kind = \"ollama\"";
        let cache = |name| load(text, &[(name, "true")]).map(|loaded| loaded.config.cache.enabled);
        assert_eq!(cache("TOLLGATE__CACHE__ENABLED"), Ok(true));
        let ttl = load(text, &[("TOLLGATE__CACHE__TTL", "1s")]).unwrap().config.cache;
        assert_eq!((ttl.enabled, ttl.ttl), (false, Duration::from_secs(1)));
    }

    #[test]
    fn scope_and_sizes_are_checked() {
        assert_eq!(load_more("[cache]\nscope = \"global\"").config.cache.scope, Scope::Global);
        assert!(fault_of("[cache]\nscope = \"teams\"").contains("did you mean `team`"));
        assert!(fault_of("[cache]\nmax_size = 0").contains("cache.max_size"));
        assert!(fault_of("[cache]\nttl = \"0s\"").contains("cache.ttl"));
    }
}
