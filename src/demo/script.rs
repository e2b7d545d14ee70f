//! The script of `tollgate mock --script FILE`: which providers there are, and how each behaves.
//!
//! `docs/mock.md` explains every key. A mistake in the file, an unknown key too, is refused with its line.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Rule, duration};

/// Providers to simulate.
#[derive(Debug, Clone)]
pub struct Script {
    /// What the rules' probabilities are drawn from; equal seeds give equal runs.
    pub seed: u64,
    /// At least one; names differ.
    pub providers: Vec<ProviderSpec>,
}

/// One `[[provider]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSpec {
    pub name: String,
    /// Port 0 takes a free one.
    #[serde(default = "free_port")]
    pub listen: SocketAddr,
    /// The `Authorization: Bearer` key that callers must bring; without it nobody needs one.
    pub key: Option<String>,
    /// The models it serves; an empty list serves whatever is asked for.
    #[serde(default)]
    pub models: Vec<String>,
    /// Silence before the head of each answer.
    #[serde(default, deserialize_with = "duration::read")]
    pub latency: Duration,
    /// Silence between two events of a stream.
    #[serde(default, deserialize_with = "duration::read")]
    pub pace: Duration,
    /// Words in an answer that `max_tokens` does not shorten.
    #[serde(default = "forty_words")]
    pub words: NonZeroU16,
    /// Tried in order; the first that fires shapes the answer.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

/// Why a script was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    provider: Vec<Spanned<ProviderSpec>>,
}

impl Script {
    /// Reads a script from its TOML text.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let at = |offset: usize, message: String| ScriptError { line: line_of(text, offset), message };
        let file: ScriptFile = toml::from_str(text)
            .map_err(|err| at(err.span().map_or(0, |span| span.start), err.message().to_owned()))?;
        if file.provider.is_empty() {
            return Err(at(text.len(), "no [[provider]] in the script".to_owned()));
        }
        let mut names = HashSet::new();
        for provider in &file.provider {
            let name = &provider.get_ref().name;
            if !names.insert(name) {
                return Err(at(provider.span().start, format!("a second provider named `{name}`")));
            }
        }
        Ok(Self { seed: file.seed, providers: file.provider.into_iter().map(Spanned::into_inner).collect() })
    }
}

impl ProviderSpec {
    /// A provider on a free loopback port that answers at once, always, and wants no key.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            listen: free_port(),
            key: None,
            models: Vec::new(),
            latency: Duration::ZERO,
            pace: Duration::ZERO,
            words: forty_words(),
            rules: Vec::new(),
        }
    }
}

fn free_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn forty_words() -> NonZeroU16 {
    const FORTY: NonZeroU16 = NonZeroU16::new(40).expect("40 is not 0");
    FORTY
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
