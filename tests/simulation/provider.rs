//! A simulated provider: listens, reads requests, and does with each what its weather says.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::time::sleep;

use crate::acts::{Act, Actor, Step, status};
use crate::history::{CallNumber, Event, History, Place};
use crate::http::{Request, read_request};
use crate::speech::{Format, Question};
use crate::weather::{Forecast, Sky};
use crate::wire::Line;

/// Shared by all gateways.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    place: Place,
    format: Format,
    /// Requests at once that it answers; 429 beyond.
    capacity: usize,
    forecast: Forecast,
    history: History,
    rng: Mutex<Rng>,
    under_way: AtomicUsize,
    exchanges: Mutex<Vec<Exchange>>,
}

/// One request that reached a provider, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) call: CallNumber,
    /// What came in its authentication header.
    pub(crate) key: Option<String>,
    /// `None`: it is still under way.
    pub(crate) ended: Option<Duration>,
    /// A whole answer in good time, as far as it is the provider's affair.
    pub(crate) good: bool,
    /// Of its whole answer.
    pub(crate) words: usize,
    /// Words that have left the provider.
    pub(crate) written: usize,
}

/// What a dial meets.
pub(crate) enum Reach {
    Open,
    Refused,
    NoName,
    Blackhole,
}

impl Provider {
    pub(crate) fn new(
        name: &'static str,
        place: Place,
        format: Format,
        forecast: Forecast,
        rng: &mut Rng,
        history: &History,
    ) -> Self {
        Self {
            name,
            place,
            format,
            capacity: rng.usize(5..16),
            forecast,
            history: history.clone(),
            rng: Mutex::new(rng.fork()),
            under_way: AtomicUsize::new(0),
            exchanges: Mutex::default(),
        }
    }

    pub(crate) fn host(&self) -> String {
        format!("{}.test", self.name)
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }

    /// Words that have left it for a call so far, over all exchanges.
    pub(crate) fn written(&self, call: CallNumber) -> usize {
        let exchanges = self.exchanges.lock().unwrap();
        exchanges.iter().filter(|exchange| exchange.call == call).map(|exchange| exchange.written).sum()
    }

    pub(crate) fn reach(&self) -> Reach {
        match self.forecast.at(self.history.now()) {
            Sky::Refused => Reach::Refused,
            Sky::NoName => Reach::NoName,
            Sky::Blackhole => Reach::Blackhole,
            _ => Reach::Open,
        }
    }

    /// Serves a connection until either side is tired of it.
    pub(crate) fn serve(
        self: Arc<Self>,
        pipe: DuplexStream,
        line: Arc<Line>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (mut reader, mut writer) = tokio::io::split(pipe);
        async move {
            let mut patience = Duration::from_secs(60);
            loop {
                let request = tokio::select! {
                    biased;
                    request = read_request(&mut reader) => request,
                    () = sleep(patience) => None,
                };
                let Some(Request { key, body }) = request else { return };
                let (act, busy) = self.choose(Question::read(&body), key.as_deref());
                let exchange = self.begin(key, &act, &line);
                let keeps = tokio::select! {
                    biased;
                    keeps = self.play(act.steps, exchange, &line, &mut writer) => Some(keeps),
                    // Nobody sends ahead: what ends here is the connection.
                    _ = reader.read_u8() => None,
                };
                self.end(exchange, line.call(), keeps.is_none());
                drop(busy);
                if keeps != Some(true) {
                    return;
                }
                patience = self.patience();
            }
        }
    }

    /// How long it keeps an idle connection. Some are closed about when the next request comes.
    fn patience(&self) -> Duration {
        let mut rng = self.rng.lock().unwrap();
        if rng.u8(..4) == 0 { Duration::from_millis(rng.u64(1..3_000)) } else { Duration::from_secs(60) }
    }

    fn begin(&self, key: Option<String>, act: &Act, line: &Line) -> usize {
        let call = line.call();
        let mut exchanges = self.exchanges.lock().unwrap();
        exchanges.push(Exchange { call, key, ended: None, good: act.good, words: act.words, written: 0 });
        let (provider, exchange, act) = (self.place, exchanges.len() - 1, act.name.clone());
        self.history.note(Event::Heard { call, provider, exchange, wire: line.wire, act });
        exchange
    }

    fn end(&self, exchange: usize, call: CallNumber, gone: bool) {
        let mut exchanges = self.exchanges.lock().unwrap();
        exchanges[exchange].ended = Some(self.history.now());
        self.history.note(Event::Over { call, provider: self.place, exchange, gone });
    }

    /// Returns whether the connection takes another request.
    async fn play(
        &self,
        steps: Vec<Step>,
        exchange: usize,
        line: &Line,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> bool {
        for step in steps {
            match step {
                Step::Wait(time) => sleep(time).await,
                Step::Write { bytes, words } => {
                    if writer.write_all(&bytes).await.is_err() {
                        // The other half tells that it is gone.
                        return std::future::pending().await;
                    }
                    self.exchanges.lock().unwrap()[exchange].written += words;
                }
                Step::Stall => return std::future::pending().await,
                Step::Close => return false,
                Step::Reset => {
                    line.reset();
                    return false;
                }
            }
        }
        true
    }

    /// Decides what is done, and takes a place among those that are answered at once.
    fn choose(self: &Arc<Self>, question: Question, key: Option<&str>) -> (Act, Busy) {
        let mut rng = self.rng.lock().unwrap();
        let sky = self.forecast.at(self.history.now()).for_one(&mut rng);
        let tag = format!("{}.{}", self.name, self.exchanges.lock().unwrap().len());
        let busy = Busy(Arc::clone(self));
        let act = if self.under_way.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            status(self.format, 429, Some(1))
        } else if question.mistake {
            Act { good: true, ..status(self.format, 400, None) }
        } else {
            Actor { format: self.format, tag, question, key, rng: &mut rng }.act(sky)
        };
        (act, busy)
    }
}

/// A place among those that are answered at once.
struct Busy(Arc<Provider>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
