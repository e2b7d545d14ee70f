//! A provider as it runs: its endpoint, keys, limits, breaker, and its models.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::InvalidUri;
use tokio::time::Instant;

use super::admission::Admission;
use super::breaker::{Breaker, Rule};
use super::first_token::FirstTokens;
use super::health::Health;
use super::keys::KeyPool;
use super::price::{Prices, WallClock};
use crate::call::Name;
use crate::config::{self, ModelRow, Paths, Preset, UsageReport};
use crate::dialects::Place;
use crate::error::{Failure, FailureClass};
use crate::net::{Connector, Origin};
use crate::telemetry::{BreakerLabels, Label, Metrics};
use crate::upstream::{Endpoint, ProviderKey, Timeouts};

/// Shared by all its targets.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: Name,
    pub(super) preset: &'static Preset,
    pub(super) endpoint: Endpoint,
    /// Of the doors whose address has no model's name in it.
    addresses: Arc<Addresses>,
    api_version: Box<str>,
    /// `None`: it wants no key.
    pub(super) keys: Option<Arc<KeyPool>>,
    pub(super) admission: Admission,
    /// Opens when the provider cannot be reached, or fails its health checks.
    pub(super) breaker: Arc<Breaker>,
    /// `None`: only calls find out.
    pub(super) health: Option<Arc<Health>>,
    /// An answer that begins later than that after its attempt counts against the model's breaker.
    pub(super) slow: Option<Duration>,
    pub(super) retries: u32,
    /// Usage has to be asked for on streams, and may be.
    pub(super) asks_usage: bool,
    rule: Rule,
    clock: WallClock,
}

/// Where a target is asked, door by door.
#[derive(Debug)]
pub(super) struct Addresses {
    pub(super) chat: Uri,
    pub(super) chat_stream: Option<Uri>,
    pub(super) completions: Option<Uri>,
    pub(super) responses: Option<Uri>,
    pub(super) embeddings: Option<Uri>,
    pub(super) count_tokens: Option<Uri>,
}

impl Addresses {
    fn new(endpoint: &Endpoint, paths: &Paths, model: &str, api_version: &str) -> Result<Self, InvalidUri> {
        let address = |path: &str| endpoint.address(path, model, api_version);
        Ok(Self {
            chat: address(paths.chat)?,
            chat_stream: paths.chat_stream.map(address).transpose()?,
            completions: paths.completions.map(|(path, _)| address(path)).transpose()?,
            responses: paths.responses.map(address).transpose()?,
            embeddings: paths.embeddings.map(address).transpose()?,
            count_tokens: paths.count_tokens.map(address).transpose()?,
        })
    }
}

/// One model at one provider: what a candidate is.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) provider: Arc<Provider>,
    /// As the configuration or the client names it.
    pub(super) name: Name,
    /// The name in metrics and logs: `other` for a model that is not listed.
    pub(super) label: Arc<str>,
    /// The provider's own name.
    pub(super) id: Box<str>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) prices: Arc<Prices>,
    pub(super) context: Option<u32>,
    pub(super) max_output: Option<u32>,
    pub(super) vision: bool,
    pub(super) tools: bool,
    pub(super) breaker: Arc<Breaker>,
    pub(super) first_tokens: FirstTokens,
}

/// A provider's settings cannot be turned into requests.
#[derive(Debug, thiserror::Error)]
#[error("provider {provider}: {what} cannot be sent in a request")]
pub struct RegistryError {
    provider: String,
    what: &'static str,
}

impl Provider {
    pub(super) fn new(
        config: &config::Provider,
        connector: Arc<Connector>,
        metrics: &Metrics,
        clock: WallClock,
    ) -> Result<Self, RegistryError> {
        let epoch = clock.now;
        let bad = |what| RegistryError { provider: config.name.clone(), what };
        let url = &config.base_url;
        let origin = Origin::new(connector, url.tls, &url.host, url.port, config.timeouts.connect)
            .map_err(|_| bad("its host"))?;
        let timeouts = Timeouts {
            first_byte: config.timeouts.first_byte,
            response: config.timeouts.response,
            idle: config.timeouts.idle,
            total: config.timeouts.total,
        };
        let preset = config.preset;
        let endpoint = Endpoint::new(Arc::new(origin), &url.path, timeouts, preset.dialect);
        let bad_path = |_| bad("the path of base_url or api_version");
        let addresses = Addresses::new(&endpoint, &preset.paths, "", &config.api_version).map_err(bad_path)?;
        let list = endpoint.address(preset.paths.models, "", &config.api_version).map_err(bad_path)?;
        let keys = config
            .api_keys
            .as_ref()
            .map(|keys| {
                keys.iter().map(|key| ProviderKey::new(preset.auth, key)).collect::<Result<_, _>>().map(KeyPool::new)
            })
            .transpose()
            .map_err(|_| bad("a key"))?;
        let rule = Rule { failures: config.breaker.failures, open: config.breaker.open };
        let name = Name::from(config.name.as_str());
        Ok(Self {
            breaker: breaker(rule, name.text(), "", metrics, epoch),
            health: config.health.map(|health| Arc::new(Health::new(health, list))),
            name,
            preset,
            endpoint,
            addresses: Arc::new(addresses),
            api_version: config.api_version.as_str().into(),
            keys,
            admission: Admission::new(config.limits, epoch),
            slow: config.breaker.slow,
            retries: config.retries,
            asks_usage: config.inject_usage && config.preset.usage == UsageReport::OnRequest,
            rule,
            clock,
        })
    }

    pub(super) fn listed(self: &Arc<Self>, row: &ModelRow, metrics: &Metrics) -> Target {
        let name = Name::from(row.name.as_str());
        Target {
            provider: Arc::clone(self),
            breaker: breaker(self.rule, self.name.text(), &name, metrics, self.clock.now),
            label: Arc::clone(name.text()),
            name,
            addresses: self.addresses(&row.id),
            id: row.id.as_str().into(),
            prices: Arc::new(Prices::new(&row.prices, self.clock)),
            context: row.context,
            max_output: row.max_output,
            vision: row.vision,
            tools: row.tools,
            first_tokens: FirstTokens::default(),
        }
    }

    /// Whether a failure is the key's own: the provider wants keys, and this is what it says of one.
    pub(super) fn blames_key(&self, class: FailureClass) -> bool {
        self.keys.is_some() && class.is_key_fault()
    }

    /// Lets the key of an attempt rest after a failure that is the key's own. One that goes out is told to whoever must
    /// do something about it.
    pub(super) fn rest_key(&self, place: usize, failure: &Failure, now: Instant) {
        let Some(out_for) = self.keys.as_ref().and_then(|keys| keys.rest(place, failure, now)) else { return };
        tracing::error!(
            provider.name = &*self.name,
            provider.key = key_id(&self.name, place),
            failure.class = failure.class.as_str(),
            out.seconds = out_for.as_secs(),
            "a key of this provider is refused and left out for a while"
        );
    }

    fn addresses(&self, model: &str) -> Arc<Addresses> {
        let paths = &self.preset.paths;
        if !paths.chat.contains("{id}") && !paths.embeddings.is_some_and(|path| path.contains("{id}")) {
            return Arc::clone(&self.addresses);
        }
        // An escaped name cannot spoil an address that was good without it.
        let own = Addresses::new(&self.endpoint, paths, model, &self.api_version);
        own.map_or_else(|_| Arc::clone(&self.addresses), Arc::new)
    }

    /// A model that the provider does not list: nothing is known of it, and it has no metrics of its own.
    pub(super) fn unlisted(self: &Arc<Self>, model: &str) -> Target {
        Target {
            provider: Arc::clone(self),
            name: model.into(),
            label: "other".into(),
            addresses: self.addresses(model),
            id: model.into(),
            prices: Arc::default(),
            context: None,
            max_output: None,
            vision: true,
            tools: true,
            breaker: Breaker::new(self.rule, prometheus_client::metrics::gauge::Gauge::default(), self.clock.now),
            first_tokens: FirstTokens::default(),
        }
    }
}

/// What a key is called: its number among its provider's, from 1, and nothing that is in it.
pub(super) fn key_id(provider: &str, place: usize) -> String {
    format!("{provider}#{}", place + 1)
}

fn breaker(rule: Rule, provider: &Arc<str>, model: &str, metrics: &Metrics, epoch: Instant) -> Arc<Breaker> {
    let labels = BreakerLabels { provider: Label(Arc::clone(provider)), model: Label(model.into()) };
    let gauge = metrics.breaker_state.get_or_create(&labels).clone();
    Breaker::new(rule, gauge, epoch)
}

impl Target {
    /// Where the door of the provider is; `None` where none is asked.
    pub(super) fn address(&self, place: Place, stream: bool) -> Option<&Uri> {
        let addresses = &*self.addresses;
        match place {
            Place::Chat => addresses.chat_stream.as_ref().filter(|_| stream).or(Some(&addresses.chat)),
            Place::Completions => addresses.completions.as_ref(),
            Place::Responses => addresses.responses.as_ref(),
            Place::Embeddings => addresses.embeddings.as_ref(),
            Place::CountTokens => addresses.count_tokens.as_ref(),
            Place::Nowhere => None,
        }
    }

    pub(super) fn open_until(&self, now: Instant) -> Option<Instant> {
        self.provider.breaker.closed_until(now).max(self.breaker.closed_until(now))
    }
}

/// How long until `until`.
pub(super) fn wait(until: Instant, now: Instant) -> Duration {
    until.saturating_duration_since(now)
}
