//! How providers stand at one moment, as data for whoever watches over the gateway.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::Stance;
use super::health::Found;
use super::keys::KeyStance;
use super::provider::{Provider, Target};

/// One provider with its configured models. Models that clients ask for by a name that nobody lists are not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSnapshot {
    pub name: Arc<str>,
    pub kind: &'static str,
    /// Of the breaker that opens when the provider cannot be reached, or fails its health checks.
    pub breaker: Stance,
    /// Attempts under way; counted where the provider has a limit of them.
    pub in_flight: Option<u32>,
    /// `None`: it is not checked.
    pub health: Option<HealthSnapshot>,
    pub models: Vec<ModelSnapshot>,
    /// In the order of the configuration; empty where it wants none.
    pub keys: Vec<KeyStance>,
}

/// What a provider's checks have found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthSnapshot {
    /// As the configuration calls it.
    pub check: &'static str,
    /// `None`: no check has ended yet.
    pub found: Option<Found>,
}

/// A model at its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSnapshot {
    pub name: Arc<str>,
    pub breaker: Stance,
    /// Over the last streams; `None` before the first.
    pub time_to_first_token_p95: Option<Duration>,
}

impl ProviderSnapshot {
    pub(super) fn of<'a>(provider: &Provider, targets: impl Iterator<Item = &'a Target>, now: Instant) -> Self {
        let model = |target: &Target| ModelSnapshot {
            name: Arc::clone(target.name.text()),
            breaker: target.breaker.stance(now),
            time_to_first_token_p95: target.first_tokens.p95(),
        };
        Self {
            name: Arc::clone(provider.name.text()),
            kind: provider.preset.kind,
            breaker: provider.breaker.stance(now),
            in_flight: provider.admission.in_flight(),
            health: provider
                .health
                .as_ref()
                .map(|health| HealthSnapshot { check: health.check(), found: health.found() }),
            models: targets.map(model).collect(),
            keys: provider.keys.as_ref().map(|keys| keys.stances(now)).unwrap_or_default(),
        }
    }
}
