//! One run: everything that a seed decides, played to its end.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Handle};
use tokio::time::{Instant, sleep, sleep_until};

use crate::ask::{Ask, Leave};
use crate::clients::{Client, End, Told};
use crate::gateway::{Gateway, configured, is_ready};
use crate::history::{CallNumber, Entry, History, Place};
use crate::provider::{Exchange, Provider};
use crate::speech::{Format, words};
use crate::weather::{Forecast, Outage};
use crate::wire::Network;

/// How long clients come, and the weather changes.
const LENGTH: Duration = Duration::from_secs(90);
/// After which nothing that a gateway remembers may keep it from asking: longer than a key is out, a breaker open and a
/// provider's word for coming back.
const REST: Duration = Duration::from_secs(900);
/// Longer than connections idle.
const IDLE: Duration = Duration::from_secs(20);
/// As the gateway's own task does it.
const TIDY: Duration = Duration::from_secs(5);

/// Everything that is known of a run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// In the order of their numbers.
    pub(crate) calls: Vec<Told>,
    /// From here on calls were made one gateway after the other, when all was well again.
    pub(crate) epilogue: CallNumber,
    pub(crate) probes: Vec<Probe>,
    /// By provider.
    pub(crate) exchanges: Vec<Vec<Exchange>>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) left: Vec<Left>,
    /// Tasks that were not there at the beginning.
    pub(crate) tasks: usize,
}

/// What a gateway has at the end.
#[derive(Debug, Clone)]
pub(crate) struct Left {
    /// Connections, when the idle ones had been closed.
    pub(crate) open: usize,
    pub(crate) ready: [bool; 3],
    pub(crate) metrics: String,
}

/// A call of the epilogue, and how it has to end.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) call: CallNumber,
    pub(crate) expected: End,
    pub(crate) why: &'static str,
}

impl Run {
    /// The whole history, as text.
    pub(crate) fn history(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            writeln!(text, "{entry}").unwrap();
        }
        for told in &self.calls {
            // Bodies hold the time of day.
            let (Told { number, replied, end, .. }, words) = (told, words(&told.read));
            writeln!(text, "{number} {end:?} {replied:?} {} bytes {words:?}", told.read.len()).unwrap();
        }
        text
    }

    /// What happened to one call.
    pub(crate) fn history_of(&self, call: CallNumber) -> String {
        let own = self.entries.iter().filter(|entry| entry.event.call() == Some(call));
        own.map(|entry| format!("{entry}\n")).collect()
    }
}

/// Plays a seed, on a runtime of its own in this thread.
pub(crate) fn play(seed: u64) -> Run {
    // The gateways draw their jitter from this thread's generator.
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run(seed))
}

struct World {
    gateways: Vec<Arc<Gateway>>,
    providers: Vec<Arc<Provider>>,
    history: History,
}

async fn run(seed: u64) -> Run {
    let mut rng = Rng::with_seed(seed);
    let began = Instant::now();
    let history = History::new(began);
    let outage = Outage::draw(&mut rng, LENGTH);
    let formats = [Format::OpenAi, Format::Anthropic, Format::OpenAi];
    let providers: Vec<_> = configured::PROVIDERS
        .iter()
        .zip(formats)
        .enumerate()
        .map(|(place, (name, format))| {
            let forecast = Forecast::draw(&mut rng, LENGTH, outage);
            Arc::new(Provider::new(name, place, format, forecast, &mut rng, &history))
        })
        .collect();
    let wires = Arc::<AtomicUsize>::default();
    let gateways: Vec<_> =
        (0..3).map(|place| Arc::new(Gateway::new(Network::new(place, &providers, &history, &wires)))).collect();
    let baseline = Handle::current().metrics().num_alive_tasks();
    let world = World { gateways, providers, history };

    let tidying = tokio::spawn(tidy(world.gateways.clone()));
    let mut calls = world.crowd(&mut rng, began, outage).await;
    let epilogue = calls.len();
    sleep(REST).await;
    let probes = world.probe(&mut calls).await;
    sleep(IDLE).await;
    tidying.abort();
    let _ = tidying.await;
    let left = world.gateways.iter().map(|gateway| gateway.left()).collect();
    // Providers notice that connections have been closed.
    sleep(Duration::from_secs(1)).await;
    let tasks = Handle::current().metrics().num_alive_tasks() - baseline;
    let exchanges = world.providers.iter().map(|provider| provider.exchanges()).collect();
    Run { seed, calls, epilogue, probes, exchanges, entries: world.history.take(), left, tasks }
}

async fn tidy(gateways: Vec<Arc<Gateway>>) {
    let mut ticks = tokio::time::interval(TIDY);
    loop {
        ticks.tick().await;
        gateways.iter().for_each(|gateway| gateway.registry.reap(Instant::now()));
    }
}

impl World {
    fn client(&self, gateway: Place, number: CallNumber) -> Client {
        let gateway = Arc::clone(&self.gateways[gateway]);
        Client { gateway, providers: self.providers.clone(), history: self.history.clone(), number }
    }

    /// Everybody who comes while the weather changes; where all providers fail at once, many come at once.
    async fn crowd(&self, rng: &mut Rng, began: Instant, outage: Option<Outage>) -> Vec<Told> {
        let mut asks = Vec::new();
        for gateway in 0..self.gateways.len() {
            for _ in 0..rng.usize(20..90) {
                asks.push(Ask::draw(rng, gateway, asks.len(), LENGTH));
            }
            let rush = outage.filter(|_| rng.bool());
            for _ in 0..rush.map_or(0, |_| rng.usize(20..60)) {
                let at = rush.map_or(Duration::ZERO, |outage| outage.from);
                let drawn = Ask::draw(rng, gateway, asks.len(), LENGTH);
                asks.push(Ask { at, caller: "wide", deadline: None, leave: Leave::Never, ..drawn });
            }
        }
        let calls = asks.into_iter().enumerate().map(|(number, ask)| {
            let client = self.client(ask.gateway, number);
            tokio::spawn(async move {
                sleep_until(began + ask.at).await;
                client.call(ask).await
            })
        });
        let calls: Vec<_> = calls.collect();
        join_all(calls).await.into_iter().map(Result::unwrap).collect()
    }

    /// When all is well again: does every gateway take as many calls at once as it should, and no more?
    async fn probe(&self, calls: &mut Vec<Told>) -> Vec<Probe> {
        let mut probes = Vec::new();
        for gateway in 0..self.gateways.len() {
            let plain = |model| Ask { model, ..Ask::plain(gateway, 0) };
            let mut rounds: Vec<(Vec<Ask>, Option<End>, &'static str)> =
                configured::MODELS.iter().map(|model| (vec![plain(model)], None, "all providers are well")).collect();
            let (limited, places) = configured::LIMITED;
            let alone = ["alpha/m", "beta/m", "gamma/m"];
            rounds.extend(alone.iter().map(|model| (vec![plain(model)], None, "this provider is well")));
            let crowd = vec![plain(alone[limited]); places + 1];
            rounds.push((crowd, Some(End::Failed("all_limited")), "a provider's places are free, and no more"));
            let (caller, places) = configured::NARROW;
            let crowd = vec![Ask { caller, ..plain("chat") }; places + 1];
            rounds.push((crowd, Some(End::Failed("rate_limited")), "a caller's places are free, and no more"));
            for (asks, last, why) in rounds {
                let count = asks.len();
                let numbered = asks.into_iter().enumerate().map(|(place, ask)| {
                    let number = calls.len() + place;
                    let ask = Ask { at: self.history.now(), nonce: 1_000_000 + number, ..ask };
                    self.client(gateway, number).call(ask)
                });
                let told = join_all(numbered).await;
                for (place, told) in told.into_iter().enumerate() {
                    let expected = last.filter(|_| place + 1 == count).unwrap_or(End::Whole);
                    probes.push(Probe { call: told.number, expected, why });
                    calls.push(told);
                }
            }
        }
        probes
    }
}

impl Gateway {
    fn left(&self) -> Left {
        let snapshot = self.snapshot();
        let ready = std::array::from_fn(|place| is_ready(&snapshot[place]));
        Left { open: self.network.open(), ready, metrics: self.metrics.encode() }
    }
}
