//! Steady calls: so many a second at fixed instants, whether or not earlier ones have been answered. Latency counts from
//! the instant at which a call was due.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::client::{Answer, Client, chat};

/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to call, what for, and how often.
#[derive(Clone)]
pub(crate) struct Steady {
    pub(crate) door: SocketAddr,
    pub(crate) model: &'static str,
    pub(crate) per_second: u32,
    /// Every second call asks for a stream.
    pub(crate) streams: bool,
    lines: Arc<Mutex<Vec<Client>>>,
    number: Arc<AtomicU64>,
}

/// How one call went.
#[derive(Debug, Clone)]
pub(crate) struct Went {
    pub(crate) due: Instant,
    pub(crate) took: Duration,
    /// A 200 that was whole, or what was wrong.
    pub(crate) fault: Option<String>,
    pub(crate) retry_after: bool,
}

impl Steady {
    pub(crate) fn new(door: SocketAddr, model: &'static str, per_second: u32) -> Self {
        Self { door, model, per_second, streams: false, lines: Arc::default(), number: Arc::new(1_000_000.into()) }
    }

    pub(crate) fn with_streams(self) -> Self {
        Self { streams: true, ..self }
    }

    /// Calls for `length` and waits for all that have begun.
    pub(crate) async fn run(&self, length: Duration) -> Vec<Went> {
        let calls = (length.as_secs_f64() * f64::from(self.per_second)) as u32;
        let begun = Instant::now();
        let mut under_way = JoinSet::new();
        for call in 0..calls {
            let due = begun + Duration::from_secs_f64(f64::from(call) / f64::from(self.per_second));
            sleep_until(due).await;
            let steady = self.clone();
            under_way.spawn(async move { steady.call(due).await });
        }
        let mut went = under_way.join_all().await;
        went.sort_by_key(|one| one.due);
        went
    }

    async fn call(&self, due: Instant) -> Went {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let stream = self.streams && number.is_multiple_of(2);
        let answered = timeout(PATIENCE, self.exchange(&chat(self.model, stream, number))).await;
        let (fault, retry_after) = match answered {
            Err(_) => (Some("no answer".to_owned()), false),
            Ok(Err(error)) => (Some(error.to_string()), false),
            Ok(Ok(answer)) => answer,
        };
        Went { due, took: due.elapsed(), fault, retry_after }
    }

    async fn exchange(&self, request: &[u8]) -> io::Result<(Option<String>, bool)> {
        let idle = self.lines.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut line = match idle {
            Some(line) => line,
            None => Client::connect(self.door).await?,
        };
        let Answer { end, head, body: said } = line.call(request).await?;
        let streamed = said.starts_with("data:") || said.starts_with(": ");
        let whole = if streamed { said.contains("[DONE]") } else { said.contains("\"choices\"") };
        let fault = match end.status {
            200 if whole && !said.contains("\"error\"") => None,
            status => Some(format!("{status}: {}", said.chars().take(200).collect::<String>())),
        };
        if !end.close {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
        Ok((fault, head.contains("\r\nretry-after: ")))
    }
}

/// The value under which this part of the latencies is.
pub(crate) fn quantile(went: &[Went], part: f64) -> Duration {
    let mut took: Vec<_> = went.iter().map(|one| one.took).collect();
    took.sort();
    let place = (took.len() as f64 * part).ceil() as usize;
    took.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

/// Those that failed.
pub(crate) fn faults(went: &[Went]) -> Vec<&str> {
    went.iter().filter_map(|one| one.fault.as_deref()).collect()
}

/// Says what the first failures were, for whoever has to find out why.
pub(crate) fn tell(went: &[Went]) {
    for fault in faults(went).into_iter().take(3) {
        eprintln!("    {fault}");
    }
}
