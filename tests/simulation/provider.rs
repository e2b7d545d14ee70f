//! A simulated provider: listens, reads requests, and does with each what its weather says.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::time::sleep;

use crate::history::{CallNumber, Event, History, Place};
use crate::speech::{Answer, Format, Question, babble, error_body, error_event};
use crate::weather::{Forecast, Sky};
use crate::wire::Line;

/// The key that is refused when one is.
const REVOKED: &str = "gamma-key-1";

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

/// One thing that happens on the provider's side.
enum Step {
    Wait(Duration),
    Write {
        bytes: Vec<u8>,
        words: usize,
    },
    /// Nothing more, until the gateway closes.
    Stall,
    Close,
    Reset,
}

/// What is done with a request.
struct Act {
    name: String,
    good: bool,
    words: usize,
    steps: Vec<Step>,
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
                let Some((head, body)) = request else { return };
                let question = Question::read(&body);
                let key = key(&head);
                let (act, busy) = self.choose(&question, key.as_deref());
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
    fn choose(self: &Arc<Self>, question: &Question, key: Option<&str>) -> (Act, Busy) {
        let mut rng = self.rng.lock().unwrap();
        let sky = self.forecast.at(self.history.now()).for_one(&mut rng);
        let busy = Busy(Arc::clone(self));
        let act = if self.under_way.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.status(429, Some(1))
        } else if question.mistake {
            Act { good: true, ..self.status(400, None) }
        } else {
            self.act(sky, question, key, &mut rng)
        };
        (act, busy)
    }

    fn act(&self, sky: Sky, question: &Question, key: Option<&str>, rng: &mut Rng) -> Act {
        let plain = |name: &str, steps| Act { name: name.to_owned(), good: false, words: 0, steps };
        let quick = Step::Wait(Duration::from_millis(rng.u64(5..200)));
        match sky {
            // What is open still works where only the name is gone, as it does in clear weather.
            Sky::Clear | Sky::NoName | Sky::Mixed => self.answer(Manner::Good, question, rng),
            Sky::KeyRevoked if key == Some(REVOKED) => self.status(401, None),
            Sky::KeyRevoked => self.answer(Manner::Good, question, rng),
            Sky::Slow => self.answer(Manner::Slow, question, rng),
            Sky::Speechless => self.answer(Manner::Good, &Question { words: 0, ..*question }, rng),
            Sky::Cuts => self.answer(Manner::Cut, question, rng),
            Sky::Stalls => self.answer(Manner::Stall, question, rng),
            Sky::ErrorsInside => self.answer(Manner::ErrorInside, question, rng),
            Sky::Babble => self.babble(question),
            Sky::Refused | Sky::Resets if rng.bool() => plain("resets", vec![quick, Step::Reset]),
            Sky::Refused | Sky::Resets => plain("closes", vec![quick, Step::Close]),
            Sky::Blackhole | Sky::Silent => plain("is silent", vec![Step::Stall]),
            Sky::Errors(code) => self.status(code, None),
            Sky::Unavailable(seconds) => self.status(503, Some(seconds)),
            Sky::Limited(seconds) => self.status(429, seconds),
            Sky::Garbage if rng.bool() => {
                plain("speaks no HTTP", vec![quick, write("SSH-2.0-OpenSSH_9.6\r\n".into()), Step::Close])
            }
            Sky::Garbage => {
                plain("shows a page", vec![quick, write(whole(200, "text/html", "", "<html>hello</html>"))])
            }
        }
    }

    fn status(&self, code: u16, retry_after: Option<u64>) -> Act {
        let wait = retry_after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
        let answer = whole(code, "application/json", &wait, &error_body(self.format));
        let steps = vec![Step::Wait(Duration::from_millis(20)), write(answer)];
        Act { name: format!("says {code}, come back in {retry_after:?} s"), good: false, words: 0, steps }
    }

    fn babble(&self, question: &Question) -> Act {
        let (kind, sign) =
            if question.stream { ("text/event-stream", babble(self.format)) } else { ("application/json", " ") };
        let mut steps = vec![write(head(200, kind, "transfer-encoding: chunked\r\n"))];
        for _ in 0..100 {
            steps.push(Step::Wait(Duration::from_secs(1)));
            steps.push(write(chunk(sign)));
        }
        steps.push(Step::Stall);
        Act { name: "babbles".to_owned(), good: false, words: 0, steps }
    }

    fn answer(&self, manner: Manner, question: &Question, rng: &mut Rng) -> Act {
        let exchange = self.exchanges.lock().unwrap().len();
        let answer = Answer {
            format: self.format,
            tag: format!("{}.{exchange}", self.name),
            words: question.words,
            filler: question.filler,
            tell_usage: question.tell_usage,
            done: rng.u8(..8) > 0,
        };
        let latency = match manner {
            Manner::Slow => rng.u64(2_000..12_000),
            _ => rng.u64(20..400),
        };
        let mut steps = vec![Step::Wait(Duration::from_millis(latency))];
        let told = if question.stream {
            self.stream(&answer, manner, rng, &mut steps)
        } else {
            self.body(&answer, manner, rng, &mut steps)
        };
        let name = format!("{manner:?} after {latency} ms: {told}");
        Act { name, good: manner == Manner::Good, words: question.words, steps }
    }

    fn body(&self, answer: &Answer, manner: Manner, rng: &mut Rng, steps: &mut Vec<Step>) -> &'static str {
        if manner == Manner::ErrorInside {
            steps.push(write(whole(200, "application/json", "", &error_body(self.format))));
            return "an error for an answer";
        }
        let mut bytes = whole(200, "application/json", "", &answer.whole());
        match manner {
            Manner::Cut | Manner::Stall => {
                bytes.truncate(rng.usize(1..bytes.len()));
                steps.push(write(bytes));
                steps.push(breaking(manner, rng));
                "a part of a body"
            }
            _ => {
                steps.push(Step::Write { bytes, words: answer.words });
                "a body"
            }
        }
    }

    fn stream(&self, answer: &Answer, manner: Manner, rng: &mut Rng, steps: &mut Vec<Step>) -> &'static str {
        let mut events = answer.events();
        let chunked = rng.u8(..4) > 0;
        let framing = if chunked { "transfer-encoding: chunked\r\n" } else { "connection: close\r\n" };
        let frame = |event: &str| if chunked { chunk(event) } else { event.as_bytes().to_vec() };
        steps.push(write(head(200, "text/event-stream", framing)));
        // A flood comes at once.
        let pace = if answer.filler > 0 { 0 } else { rng.u64(0..300) };
        let is_whole = matches!(manner, Manner::Good | Manner::Slow);
        let half = if is_whole {
            None
        } else {
            // Only up to where nothing is missing any more.
            events.truncate(rng.usize(..=answer.words + 1));
            events.pop()
        };
        for (event, is_word) in &events {
            steps.push(Step::Write { bytes: frame(event), words: usize::from(*is_word) });
            steps.push(Step::Wait(Duration::from_millis(pace)));
        }
        if manner == Manner::ErrorInside {
            steps.push(write(frame(&error_event(self.format))));
            steps.push(Step::Stall);
            return "an error in a stream";
        }
        if !is_whole {
            if let Some((event, _)) = half {
                steps.push(write(frame(&event[..event.len() / 2])));
            }
            steps.push(breaking(manner, rng));
            return "a part of a stream";
        }
        match rng.u8(..8) {
            0 => {
                steps.push(Step::Stall);
                "a stream, and the connection stays open"
            }
            _ if chunked => {
                steps.push(write(chunk("")));
                "a stream"
            }
            _ => {
                steps.push(Step::Close);
                "a stream that ends with its connection"
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    Slow,
    Cut,
    Stall,
    ErrorInside,
}

fn breaking(manner: Manner, rng: &mut Rng) -> Step {
    match manner {
        Manner::Stall => Step::Stall,
        _ if rng.bool() => Step::Reset,
        _ => Step::Close,
    }
}

/// A place among those that are answered at once.
struct Busy(Arc<Provider>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn write(bytes: Vec<u8>) -> Step {
    Step::Write { bytes, words: 0 }
}

fn head(code: u16, kind: &str, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {code} Whatever\r\ncontent-type: {kind}\r\n{more}\r\n").into_bytes()
}

fn whole(code: u16, kind: &str, more: &str, body: &str) -> Vec<u8> {
    let mut bytes = head(code, kind, &format!("content-length: {}\r\n{more}", body.len()));
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

/// An empty one is the last.
fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

fn key(head: &str) -> Option<String> {
    let header = |name| head.lines().find_map(|line| line.strip_prefix(name));
    header("authorization: Bearer ").or(header("x-api-key: ")).map(str::to_owned)
}

/// Head and body; `None`: the connection has ended.
async fn read_request(reader: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if reader.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).expect("a head is text").to_lowercase();
    let head = head.replace("authorization: bearer", "authorization: Bearer");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("requests have a length");
    let length: usize = length.parse().expect("a length is a number");
    while read.len() < end + length {
        if reader.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, read[end..].to_vec()))
}
