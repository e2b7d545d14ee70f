//! Simulated providers: raw sockets that play what a script makes of each request.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::voice::Voice;

const BACKLOG: u32 = 4096;
/// What the kernel holds for a provider whose reader has stopped. Left to itself it is megabytes for each connection,
/// and all of a machine's connections share what there is.
const SEND_BUFFER: u32 = 64 << 10;

pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Heard>,
    serving: JoinHandle<()>,
}

/// What a provider has seen.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    calls: AtomicU64,
    /// Calls by their numbers.
    numbers: Mutex<HashSet<u64>>,
    /// Calls whose answer has not ended.
    open: AtomicU64,
    /// When the other side closed a connection on which an answer was due, by the call's number.
    left: Mutex<HashMap<u64, Instant>>,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) stream: bool,
    /// The digits that follow `number ` in the prompt.
    pub(crate) number: u64,
}

/// One step of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Say(Bytes),
    Pause(Duration),
    /// Nothing more, until the other side closes.
    Stall,
    /// The same bytes over and over, as fast as they go.
    Flood(Bytes),
    /// The connection is reset.
    Reset,
}

impl Provider {
    pub(crate) fn start(script: impl Fn(Asked) -> Vec<Step> + Send + Sync + 'static) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let heard = Arc::<Heard>::default();
        let serving = tokio::spawn(accept(listener, Arc::new(script), Arc::clone(&heard)));
        Ok(Self { address, heard, serving })
    }

    /// One that answers whatever it is asked.
    pub(crate) fn good(voice: Voice) -> io::Result<Self> {
        Self::start(move |asked| answer(voice, asked))
    }

    pub(crate) fn calls(&self) -> u64 {
        self.heard.calls.load(Ordering::Relaxed)
    }

    /// Calls whose answer has not ended.
    pub(crate) fn open(&self) -> u64 {
        self.heard.open.load(Ordering::Relaxed)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Heard {
    /// When the other side closed the connection of the call with this number.
    pub(crate) fn left(&self, number: u64) -> Option<Instant> {
        self.places().get(&number).copied()
    }

    /// Whether the call with this number has come.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Script = Arc<dyn Fn(Asked) -> Vec<Step> + Send + Sync>;

async fn accept(listener: TcpListener, script: Script, heard: Arc<Heard>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&heard)))),
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Answers the requests of one connection until one of the two sides closes it.
async fn serve(mut stream: TcpStream, script: Script, heard: Arc<Heard>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    while let Some(asked) = hear(&mut stream, &mut received).await? {
        heard.calls.fetch_add(1, Ordering::Relaxed);
        heard.open.fetch_add(1, Ordering::Relaxed);
        heard.numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(asked.number);
        let played = play(&mut stream, script(asked)).await;
        heard.open.fetch_sub(1, Ordering::Relaxed);
        if played.is_err() {
            heard.places().insert(asked.number, Instant::now());
            return played;
        }
    }
    Ok(())
}

/// An error: the other side has closed, or we have.
async fn play(stream: &mut TcpStream, steps: Vec<Step>) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Say(bytes) => stream.write_all(&bytes).await?,
            Step::Pause(length) => tokio::select! {
                () = sleep(length) => {}
                closed = closed(stream) => return Err(closed),
            },
            Step::Stall => return Err(closed(stream).await),
            Step::Flood(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Step::Reset => {
                stream.set_zero_linger()?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
    }
    Ok(())
}

/// Waits for the other side to close; what it sends meanwhile would be wrong.
async fn closed(stream: &TcpStream) -> io::Error {
    match stream.readable().await {
        Ok(()) => io::ErrorKind::ConnectionReset.into(),
        Err(error) => error,
    }
}

/// The next request; `None`: the other side has closed instead.
async fn hear(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    loop {
        if let Some((asked, length)) = read(received) {
            received.drain(..length);
            return Ok(Some(asked));
        }
        if stream.read_buf(received).await? == 0 {
            return Ok(None);
        }
    }
}

/// A request that is whole, and its length.
fn read(received: &[u8]) -> Option<(Asked, usize)> {
    let head = memmem::find(received, b"\r\n\r\n")? + 4;
    let fields = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
    let length = fields.lines().find_map(|field| field.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let end = head + length.unwrap_or_default();
    let body = received.get(head..end)?;
    let stream = memmem::find(body, b"\"stream\":true").is_some();
    let number = memmem::find(body, b"number ").map_or(0, |at| {
        let digits = body[at + 7..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    });
    Some((Asked { stream, number }, end))
}

const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// What a good provider says.
pub(crate) fn answer(voice: Voice, asked: Asked) -> Vec<Step> {
    if !asked.stream {
        return vec![Step::Say(whole(voice))];
    }
    let said = [begun(voice), content(voice, " carriages"), ended(voice)].concat();
    vec![Step::Say(said.into())]
}

/// A whole answer, head included.
pub(crate) fn whole(voice: Voice) -> Bytes {
    let body = voice.whole();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into()
}

/// The head of a stream and the events before the first content.
pub(crate) fn begun(voice: Voice) -> Vec<u8> {
    let events: Vec<u8> = voice.opening().into_iter().flat_map(|event| chunk(event.as_bytes())).collect();
    [STREAM_HEAD.as_bytes(), &events].concat()
}

/// One event with content, in a chunk of its own.
pub(crate) fn content(voice: Voice, text: &str) -> Vec<u8> {
    chunk(&event(voice, text))
}

pub(crate) fn event(voice: Voice, text: &str) -> Vec<u8> {
    let mut event = Vec::new();
    voice.content(format_args!("{text}"), &mut event);
    event
}

/// The events and the framing that end a stream.
pub(crate) fn ended(voice: Voice) -> Vec<u8> {
    let events = voice.closing(true).into_iter().flat_map(|event| chunk(event.as_bytes()));
    events.chain(*b"0\r\n\r\n").collect()
}

pub(crate) fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// An error answer.
pub(crate) fn refusal(status: &str, headers: &str) -> Step {
    let body = r#"{"error":{"message":"not now","type":"server_error","param":null,"code":null}}"#;
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    Step::Say(answer.into())
}
