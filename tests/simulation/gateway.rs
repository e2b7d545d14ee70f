//! One of three gateways: the real rooms behind the doors, built from one configuration.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tollgate::call::{Betas, CacheWish, Call, CallId, Caller, Door};
use tollgate::config::{Config, Env};
use tollgate::dialects::read_envelope;
use tollgate::gateway::call_service;
use tollgate::net::Connector;
use tollgate::routing::{KeyStance, ProviderSnapshot, Registry, Stance, WallClock};
use tollgate::server::CallService;
use tollgate::telemetry::Metrics;
use tollgate::usage::Meter;
use wildmatch::WildMatch;

use crate::wire::Network;

/// What all gateways are configured by.
pub(crate) const CONFIG: &str = r#"
[server]
keepalive = "3s"

[[auth.keys]]
id = "narrow"
secret = "narrow-key-0123456789"
limits = { requests = "60/m", burst = 5, concurrency = 4 }

[[auth.keys]]
id = "wide"
secret = "wide-key-0123456789"

[cache]
enabled = true
ttl = "20s"

[providers.alpha]
kind = "openai"
base_url = "http://alpha.test/v1"
timeouts = { connect = "1s", first_byte = "4s", response = "8s", idle = "5s", total = "30s" }
breaker = { failures = 3, open = "5s" }
retries = 1
models = [{ name = "m", input = 1.0, output = 2.0 }]

[providers.beta]
kind = "anthropic"
base_url = "http://beta.test"
api_keys = ["beta-key-1"]
timeouts = { connect = "1s", first_byte = "4s", response = "8s", idle = "5s", total = "30s" }
breaker = { failures = 3, open = "5s" }
retries = 1
models = [{ name = "m", input = 1.0, output = 2.0, max_output = 4096 }]

[providers.gamma]
kind = "openai"
base_url = "http://gamma.test/v1"
api_keys = ["gamma-key-1", "gamma-key-2"]
timeouts = { connect = "1s", first_byte = "4s", response = "8s", idle = "5s", total = "30s" }
breaker = { failures = 3, open = "5s" }
limits = { requests = "300/m", burst = 20, concurrency = 3 }
retries = 1
models = [{ name = "m", input = 1.0, output = 2.0 }]

[models.chat]
strategy = "ordered"
targets = ["alpha/m", "beta/m", "gamma/m"]

[models.turned]
strategy = "ordered"
targets = ["beta/m", "gamma/m", "alpha/m"]

[models.careful]
strategy = "ordered"
targets = ["gamma/m", "alpha/m", "beta/m"]
quality = { empty = true }
"#;

/// How the configuration says what the checks need to know of it.
pub(crate) mod configured {
    use std::time::Duration;

    pub(crate) const PROVIDERS: [&str; 3] = ["alpha", "beta", "gamma"];
    /// Models that all providers stand behind.
    pub(crate) const MODELS: [&str; 3] = ["chat", "turned", "careful"];
    /// The provider with limits of its own, and how many calls at once it takes.
    pub(crate) const LIMITED: (usize, usize) = (2, 3);
    /// The caller with limits, and how many calls at once it may make.
    pub(crate) const NARROW: (&str, usize) = ("narrow", 4);
    /// Its calls per second, and how many at once.
    pub(crate) const NARROW_RATE: (f64, f64) = (1.0, 5.0);
    pub(crate) const KEEPALIVE: Duration = Duration::from_secs(3);
    pub(crate) const CONNECT: Duration = Duration::from_secs(1);
    pub(crate) const IDLE: Duration = Duration::from_secs(5);
    pub(crate) const TOTAL: Duration = Duration::from_secs(30);
    /// Keys of each provider, at least one.
    pub(crate) const KEYS: [usize; 3] = [1, 1, 2];
    pub(crate) const RETRIES: usize = 1;
    /// Failures that open a breaker.
    pub(crate) const FAILURES: usize = 3;
}

/// A gateway without its doors: what they would do, `clients` do.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) network: Arc<Network>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) calls: CallService,
    config: Config,
}

/// What a client sends.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) door: Door,
    pub(crate) caller: &'static str,
    pub(crate) body: String,
    pub(crate) deadline: Option<Duration>,
}

impl Gateway {
    pub(crate) fn new(network: Network) -> Self {
        let config = Config::parse(CONFIG, "simulation.toml", &Env::default()).expect("the configuration is good");
        let config = config.config;
        let epoch = Instant::now();
        let network = Arc::new(network);
        let metrics = Arc::new(Metrics::new(|| 0));
        let connector = Arc::new(Connector::with_dialer(Arc::clone(&network) as Arc<_>));
        // One day for all runs.
        let time = "2026-11-21T00:00:00Z".parse().expect("a time");
        let clock = WallClock { now: epoch, time };
        let registry = Arc::new(Registry::new(&config, &connector, &metrics, clock).expect("the registry is good"));
        let calls = call_service(&config, Arc::clone(&registry), Meter::new(Arc::clone(&metrics)), epoch);
        Self { network, metrics, registry, calls, config }
    }

    /// What a door makes of a request.
    pub(crate) fn call(&self, request: &Request) -> Box<Call> {
        let arrived = Instant::now();
        let body = Bytes::from(request.body.clone());
        let envelope = read_envelope(request.door, &body).expect("requests are well-formed");
        let route = self.registry.resolve(&envelope.model).expect("only configured models are asked for");
        let deadlines = [request.deadline, route.deadline].into_iter().flatten();
        let caller = Caller {
            key: request.caller.into(),
            user: request.caller.into(),
            team: None,
            models: vec![WildMatch::new("*")],
        };
        Box::new(Call {
            id: CallId::new(),
            client_id: None,
            door: request.door,
            caller: Arc::new(caller),
            label: Arc::clone(&route.label),
            route_version: route.version,
            envelope,
            body,
            owns_body: true,
            cache: CacheWish::default(),
            betas: Betas::default(),
            strict: route.strict,
            asked: OnceLock::new(),
            arrived,
            read: arrived,
            deadline: arrived + deadlines.fold(self.config.server.deadline, Duration::min),
            hurried: request.deadline.is_some(),
            journal: Arc::default(),
        })
    }

    pub(crate) fn snapshot(&self) -> Vec<ProviderSnapshot> {
        self.registry.snapshot(Instant::now())
    }
}

/// The sum over the samples of `name` that have these labels.
pub(crate) fn sum(exposition: &str, name: &str, labels: &[&str]) -> f64 {
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let samples = exposition.lines().filter(of_name).filter(|line| labels.iter().all(|label| line.contains(label)));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Whether nothing that a gateway remembers keeps it from asking this provider.
pub(crate) fn is_ready(provider: &ProviderSnapshot) -> bool {
    let closed = |stance| stance == Stance::Closed;
    let has_key = provider.keys.is_empty() || provider.keys.contains(&KeyStance::Ready);
    closed(provider.breaker) && provider.models.iter().all(|model| closed(model.breaker)) && has_key
}
