//! `[cache]`: the exact cache.

use std::time::Duration;

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
