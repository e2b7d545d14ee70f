//! The composition root: builds every part from a configuration, introduces the parts to each other, owns the background
//! tasks, and ends in good order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;
use wildmatch::WildMatch;

use crate::admin::{Admin, Secret, random_secret};
use crate::cache::ExactCache;
use crate::call::Caller;
use crate::config::{self, Config, Limit};
use crate::keys::Directory;
use crate::layers::{Auth, CacheLayer, LimitLayer, Limits, MeterLayer};
use crate::net::{Connector, ProxyEnv, raise_descriptors};
use crate::routing::{Dispatcher, Registry, RegistryError, WallClock};
use crate::server::{Addresses, AdminDoor, CallService, ClientDoor, Doors, Drain, Patience, Ready, serve};
use crate::telemetry::Metrics;
use crate::usage::Meter;

/// Connections that may wait in the kernel's queue.
const BACKLOG: u32 = 4096;
/// Connections on the admin door.
const ADMIN_CONNECTIONS: usize = 256;
/// Descriptors for all that is no connection: listeners, files, timers.
const OTHER_DESCRIPTORS: u64 = 32;
/// How often idle connections and forgotten addresses are looked for.
const TIDY: Duration = Duration::from_secs(5);
/// How long calls have to say that they are given up.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the gateway did not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("no randomness to be had from the system")]
    Random,
}

/// A gateway that runs. Dropping it leaves its tasks running; end it with [`Gateway::shut_down`].
#[derive(Debug)]
pub struct Gateway {
    listen: SocketAddr,
    admin_listen: SocketAddr,
    /// What opens the admin API, where the configuration does not say.
    made_secret: Option<SecretString>,
    drain_for: Duration,
    clients: Drain,
    admin: Drain,
    /// Gives up the calls that are left.
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Gateway {
    /// Binds both doors and serves them, on the runtime that this is called on. `dropped_logs` is what the metrics tell of lost log lines.
    pub fn start(
        config: &Config,
        proxy: ProxyEnv,
        dropped_logs: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let (listener, listen) = bind(config.server.listen)?;
        let (admin_listener, admin_listen) = bind(config.server.admin_listen)?;
        let (clients, admin) = (Drain::default(), Drain::default());
        let stop = CancellationToken::new();

        let clock = WallClock::read();
        let metrics = Arc::new(Metrics::new(dropped_logs));
        let connector = Arc::new(Connector::new(proxy));
        let registry = Arc::new(Registry::new(config, &connector, &metrics, clock)?);
        let meter = Meter::new(Arc::clone(&metrics));
        let addresses = Arc::new(Addresses::new(config.server.per_ip, config.server.trusted_proxies.clone()));
        let begun = clients.begin.clone();
        let ready: Ready = Arc::new(move || !begun.is_cancelled());
        let doors = Doors {
            auth: auth(config)?,
            calls: call_service(config, Arc::clone(&registry), meter.clone(), clock.now),
            registry: Arc::clone(&registry),
            meter,
            server: config.server.clone(),
            addresses: Arc::clone(&addresses),
            ready: Arc::clone(&ready),
            stop: stop.clone(),
        };

        let room = Room::within(raise_descriptors(), config.server.max_connections);
        if room.clients < config.server.max_connections {
            tracing::info!(
                connections = room.clients,
                "this process may not open enough files for server.max_connections; so many clients at once (see ulimit -n)"
            );
        }
        let tasks = TaskTracker::new();
        let patience = Patience { header: config.server.header_timeout, write: config.server.write_timeout };
        let client_door = ClientDoor::new(Arc::new(doors));
        tasks.spawn(serve(listener, client_door, room.clients, patience, clients.clone()));
        let (secret, made_secret) = admin_secret(&config.admin)?;
        let admin_door = AdminDoor::new(metrics, ready, Admin::new(secret, Arc::clone(&registry)));
        tasks.spawn(serve(admin_listener, admin_door, room.admin, patience, admin.clone()));
        for checks in registry.health_checks() {
            tasks.spawn(stop.clone().run_until_cancelled_owned(checks.run()));
        }
        tasks.spawn(tidy(registry, addresses, stop.clone()));
        Ok(Self { listen, admin_listen, made_secret, drain_for: config.server.drain, clients, admin, stop, tasks })
    }

    /// The bound address of the client door.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The bound address of the admin door.
    pub fn admin_listen(&self) -> SocketAddr {
        self.admin_listen
    }

    /// The secret of the admin door that was made at the start, for whoever started it to tell; `None` where one is
    /// configured.
    pub fn made_secret(&self) -> Option<&SecretString> {
        self.made_secret.as_ref()
    }

    /// Takes no more calls, lets those under way end for as long as `server.drain` says, gives up the rest, and returns
    /// when every task has ended. The admin door answers until then: not ready.
    pub async fn shut_down(self) {
        self.clients.begin.cancel();
        self.clients.connections.close();
        if tokio::time::timeout(self.drain_for, self.clients.connections.wait()).await.is_err() {
            tracing::warn!(connections = self.clients.connections.len(), "the drain time is over; calls are given up");
        }
        self.stop.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, self.clients.connections.wait()).await;
        self.admin.begin.cancel();
        self.admin.connections.close();
        let _ = tokio::time::timeout(LAST_WORDS, self.admin.connections.wait()).await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// How many connections the doors may have at once.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    clients: usize,
    admin: usize,
}

impl Room {
    /// What there are descriptors for: a client's call needs one more for its provider, and the admin door must open when
    /// the other one is full. A client that waits in the kernel's queue is served; one without a provider is not.
    fn within(descriptors: Option<u64>, clients: usize) -> Self {
        let all = descriptors
            .map_or(usize::MAX, |all| usize::try_from(all.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(usize::MAX));
        let admin = ADMIN_CONNECTIONS.min(all / 8).max(1);
        Self { clients: clients.min((all.saturating_sub(admin) / 2).max(1)), admin }
    }
}

/// The layers of a call, outermost first, around the providers of `registry`. Buckets are full at `epoch`.
pub fn call_service(config: &Config, registry: Arc<Registry>, meter: Meter, epoch: Instant) -> CallService {
    let service = ServiceBuilder::new()
        .layer(MeterLayer(meter))
        .layer(LimitLayer(Arc::new(limits(config, epoch))))
        .layer(CacheLayer(cache(config.cache)))
        .service(Dispatcher::new(registry, config.server.response_limit));
    CallService::new(service)
}

fn limits(config: &Config, epoch: Instant) -> Limits {
    let keys = config.auth.keys.iter().map(|key| (key.id.as_str(), key.user.as_str(), key.limits));
    let anonymous = (!config.auth.required).then_some((ANONYMOUS, ANONYMOUS, Limit::default()));
    Limits::new(config.limits.global, config.limits.per_user, keys.chain(anonymous), epoch)
}

fn cache(config: config::Cache) -> Option<ExactCache> {
    config.enabled.then(|| ExactCache::new(config.max_size, config.scope, config.ttl))
}

/// Who calls without a key.
const ANONYMOUS: &str = "anonymous";

fn auth(config: &Config) -> Result<Auth, StartError> {
    let hash_key = hash_key()?;
    let callers = config.auth.keys.iter().map(|key| {
        let caller = Caller {
            key: key.id.as_str().into(),
            user: key.user.as_str().into(),
            team: key.team.as_deref().map(Into::into),
            models: key.models.iter().map(|glob| WildMatch::new(glob)).collect(),
        };
        (key.secret.expose_secret(), Arc::new(caller))
    });
    let directory = Directory::new(hash_key, callers);
    let anonymous = (!config.auth.required).then(|| {
        let models = vec![WildMatch::new("*")];
        Arc::new(Caller { key: ANONYMOUS.into(), user: ANONYMOUS.into(), team: None, models })
    });
    Ok(Auth::new(Arc::new(directory), anonymous))
}

/// The admin door's secret, and once more in clear if it was made here.
fn admin_secret(config: &config::Admin) -> Result<(Secret, Option<SecretString>), StartError> {
    let hash_key = hash_key()?;
    let hashed = |secret: &SecretString| Secret::new(hash_key, secret.expose_secret());
    match &config.secret {
        Some(secret) => Ok((hashed(secret), None)),
        None => {
            let made = random_secret().map_err(|_| StartError::Random)?;
            Ok((hashed(&made), Some(made)))
        }
    }
}

fn hash_key() -> Result<[u8; 32], StartError> {
    let mut hash_key = [0; 32];
    getrandom::fill(&mut hash_key).map_err(|_| StartError::Random)?;
    Ok(hash_key)
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for connections of the last run to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    listen().map_err(|source| StartError::Listen { address, source })
}

/// Closes what has been idle and forgets who has not been seen, until the end.
async fn tidy(registry: Arc<Registry>, addresses: Arc<Addresses>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TIDY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        registry.reap(Instant::now());
        addresses.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_finds_a_descriptor_for_its_provider() {
        let room = |descriptors, clients| {
            let Room { clients, admin } = Room::within(descriptors, clients);
            (clients, admin)
        };
        assert_eq!(room(None, 10_000), (10_000, 256));
        assert_eq!(room(Some(1 << 20), 10_000), (10_000, 256));
        assert_eq!(room(Some(1_024), 10_000), (434, 124));
        assert_eq!(room(Some(256), 100), (98, 28));
        assert_eq!(room(Some(256), 7), (7, 28));
        assert_eq!(room(Some(10), 100), (1, 1));
    }
}
