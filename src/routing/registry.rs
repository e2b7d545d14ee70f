//! What is configured, by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use moka::sync::Cache;
use tokio::time::Instant;

use super::budget::RetryBudget;
use super::health::HealthChecks;
use super::plan::Facts;
use super::price::WallClock;
pub use super::provider::RegistryError;
use super::provider::{Provider, Target};
use super::snapshot::ProviderSnapshot;
use crate::config::{self, Config, ModelRow, OnFilter, Quality, Strategy};
use crate::net::Connector;
use crate::telemetry::Metrics;

/// Unlisted models that are remembered, so that their breakers mean something.
const UNLISTED: u64 = 1_000;
/// Longest name of a model that nobody lists.
const NAME_LIMIT: usize = 200;

/// All names that can be asked for, and everything behind them.
#[derive(Debug)]
pub struct Registry {
    /// Names under `[models]`, bare model names, and `provider/model`.
    routes: HashMap<Arc<str>, Arc<Route>>,
    /// The first two of these, in that order: what `/v1/models` tells.
    listed: Vec<Arc<str>>,
    providers: BTreeMap<Arc<str>, Arc<Provider>>,
    /// All that are configured, in the order of the file.
    targets: Vec<Arc<Target>>,
    unlisted: Cache<Box<str>, Arc<Route>>,
    pub(super) repeats: RetryBudget,
}

/// A name and its targets.
#[derive(Debug)]
pub struct Route {
    /// The name in metrics and logs: `other` where it is not configured.
    pub label: Arc<str>,
    /// Shortens the call's deadline.
    pub deadline: Option<Duration>,
    /// Calls are never sent to a provider whose format has no place for all that they ask for.
    pub strict: bool,
    /// Tells whether two routes would ask the same models at the same places: an unkeyed hash over targets, ids, kinds
    /// and addresses, equal on all nodes that are configured alike.
    pub version: [u8; 32],
    pub(super) strategy: Strategy,
    pub(super) quality: Quality,
    pub(super) on_filter: OnFilter,
    pub(super) targets: Vec<Arc<Target>>,
    /// Of the targets, in their order.
    pub(super) facts: Vec<Facts>,
    /// Targets are to be ranked by price, and one's depends on the day or on how long the prompt is.
    pub(super) varies: bool,
}

/// What a name under `[models]` may say of its calls.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    deadline: Option<Duration>,
    strict: bool,
    quality: Quality,
    on_filter: OnFilter,
}

impl Registry {
    /// Builds everything; nothing is called yet. Buckets are full at the clock's instant.
    pub fn new(
        config: &Config,
        connector: &Arc<Connector>,
        metrics: &Metrics,
        clock: WallClock,
    ) -> Result<Self, RegistryError> {
        let mut registry = Self {
            routes: HashMap::new(),
            listed: Vec::new(),
            providers: BTreeMap::new(),
            targets: Vec::new(),
            unlisted: Cache::new(UNLISTED),
            repeats: RetryBudget::new(clock.now),
        };
        let mut bare: BTreeMap<&str, Vec<Arc<Target>>> = BTreeMap::new();
        for described in &config.providers {
            let provider = Arc::new(Provider::new(described, Arc::clone(connector), metrics, clock)?);
            for row in &described.models {
                let target = Arc::new(provider.listed(row, metrics));
                registry.add(
                    &format!("{}/{}", &*provider.name, row.name),
                    Strategy::Ordered,
                    vec![Arc::clone(&target)],
                    Manner::default(),
                    config,
                );
                bare.entry(&row.name).or_default().push(Arc::clone(&target));
                registry.targets.push(target);
            }
            registry.providers.insert(Arc::clone(provider.name.text()), provider);
        }
        // Later names replace earlier ones: a name under `[models]` wins over a bare one, and both over a split one.
        for (name, targets) in bare {
            registry.add(name, Strategy::Cheapest, targets, Manner::default(), config);
            registry.listed.push(name.into());
        }
        for model in &config.models {
            let targets = model.targets.iter().filter_map(|target| registry.target(target, config, metrics)).collect();
            let manner = Manner {
                deadline: model.deadline,
                strict: model.strict,
                quality: model.quality,
                on_filter: model.on_filter,
            };
            registry.add(&model.name, model.strategy, targets, manner, config);
        }
        let named: Vec<Arc<str>> = config.models.iter().map(|model| model.name.as_str().into()).collect();
        registry.listed.retain(|name| !named.contains(name));
        registry.listed.splice(0..0, named);
        Ok(registry)
    }

    /// What stands behind a name. A model that its provider does not list passes, under the label `other`.
    pub fn resolve(&self, model: &str) -> Option<Arc<Route>> {
        if let Some(route) = self.routes.get(model) {
            return Some(Arc::clone(route));
        }
        if let Some(route) = self.unlisted.get(model) {
            return Some(route);
        }
        let (provider, name) = model.split_once('/')?;
        let provider = self.providers.get(provider)?;
        if !is_plain(name) {
            return None;
        }
        let target = Arc::new(provider.unlisted(name));
        let route = Arc::new(Route {
            label: Arc::clone(&target.label),
            deadline: None,
            strict: false,
            version: *blake3::hash(model.as_bytes()).as_bytes(),
            strategy: Strategy::Ordered,
            quality: Quality::default(),
            on_filter: OnFilter::default(),
            facts: vec![Facts::from(&*target)],
            varies: false,
            targets: vec![target],
        });
        self.unlisted.insert(model.into(), Arc::clone(&route));
        Some(route)
    }

    /// Names to show: those under `[models]`, then the bare listed models.
    pub fn listed(&self) -> &[Arc<str>] {
        &self.listed
    }

    /// How all providers stand, sorted by name.
    pub fn snapshot(&self, now: Instant) -> Vec<ProviderSnapshot> {
        let of = |provider: &Arc<Provider>| {
            let own = self.targets.iter().filter(|target| Arc::ptr_eq(&target.provider, provider));
            ProviderSnapshot::of(provider, own.map(|target| &**target), now)
        };
        self.providers.values().map(of).collect()
    }

    /// The checks that are wanted, one for each provider that has any: to be run beside the calls.
    pub fn health_checks(&self) -> impl Iterator<Item = HealthChecks> {
        self.providers.values().filter_map(HealthChecks::of)
    }

    /// Closes connections that have been idle too long.
    pub fn reap(&self, now: Instant) {
        for provider in self.providers.values() {
            provider.endpoint.origin().reap(now);
        }
    }

    /// Closes all idle connections: without a descriptor for a new one they are of no use to anybody.
    pub(super) fn make_room(&self) {
        for provider in self.providers.values() {
            provider.endpoint.origin().drop_idle();
        }
    }

    /// A configured target. One that its provider does not list is known by its name alone.
    fn target(&mut self, target: &config::Target, config: &Config, metrics: &Metrics) -> Option<Arc<Target>> {
        let name = format!("{}/{}", target.provider, target.model);
        if let Some(route) = self.routes.get(name.as_str()) {
            return route.targets.first().cloned();
        }
        let provider = self.providers.get(target.provider.as_str())?;
        let target = Arc::new(provider.listed(&ModelRow::unknown(&target.model), metrics));
        self.add(&name, Strategy::Ordered, vec![Arc::clone(&target)], Manner::default(), config);
        self.targets.push(Arc::clone(&target));
        Some(target)
    }

    fn add(&mut self, name: &str, strategy: Strategy, targets: Vec<Arc<Target>>, manner: Manner, config: &Config) {
        let name: Arc<str> = name.into();
        let version = version(&targets, config);
        let facts: Vec<Facts> = targets.iter().map(|target| Facts::from(&**target)).collect();
        let varies = strategy == Strategy::Cheapest && facts.iter().any(|facts| facts.varies);
        let Manner { deadline, strict, quality, on_filter } = manner;
        let label = Arc::clone(&name);
        let route = Route { label, deadline, strict, version, strategy, quality, on_filter, targets, facts, varies };
        self.routes.insert(name, Arc::new(route));
    }
}

fn version(targets: &[Arc<Target>], config: &Config) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    for target in targets {
        let provider = config.providers.iter().find(|provider| provider.name == *target.provider.name);
        let (kind, url) = provider.map_or(("", String::new()), |provider| {
            let url = &provider.base_url;
            (provider.preset.kind, format!("{} {} {} {}", url.tls, url.host, url.port, url.path))
        });
        for part in [&*target.provider.name, &target.name, &target.id, kind, &url] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    *hash.finalize().as_bytes()
}

/// A model's name as vendors write them. Anything else is not worth a provider's time, and could mean a path.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '@' | '+');
    !name.is_empty() && name.len() <= NAME_LIMIT && name.chars().all(allowed) && !name.contains("..")
}
