//! How the mock says it: an answer in one write, or a stream of events, one write each.

use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Voice;
use super::ask::StreamAsk;
use crate::clock::now_ns;

/// Before the instant at which a chunk was written, in its content.
pub(crate) const WRITTEN_AT: &str = " t=";

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
    transfer-encoding: chunked\r\n\r\n";
const END_OF_BODY: &[u8] = b"0\r\n\r\n";

/// The answer to a call that does not stream, head included.
pub(super) fn whole(voice: Voice) -> &'static [u8] {
    static ALL: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| Voice::ALL.map(with_head));
    &ALL[voice as usize]
}

fn with_head(voice: Voice) -> Vec<u8> {
    let body = voice.whole();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_mock\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// Says what a stream begins with, the chunks of content, and what it ends with.
pub(super) async fn stream(stream: &mut TcpStream, voice: Voice, ask: StreamAsk) -> io::Result<()> {
    stream.write_all(STREAM_HEAD).await?;
    let mut event = Event::default();
    for text in voice.opening() {
        stream.write_all(event.framed(|out| out.extend_from_slice(text.as_bytes()))).await?;
    }
    let mut pace = Pace::new(ask.gap);
    for chunk in 0..ask.chunks {
        if chunk > 0 {
            pace.wait(stream).await?;
        }
        let written_ns = now_ns();
        let content = event.framed(|out| voice.content(format_args!("{WRITTEN_AT}{written_ns}"), out));
        stream.write_all(content).await?;
    }
    for text in voice.closing(ask.usage) {
        stream.write_all(event.framed(|out| out.extend_from_slice(text.as_bytes()))).await?;
    }
    stream.write_all(END_OF_BODY).await
}

/// One event as one chunk of the body; the buffers are kept from event to event.
#[derive(Default)]
struct Event {
    text: Vec<u8>,
    framed: Vec<u8>,
}

impl Event {
    fn framed(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        self.text.clear();
        self.framed.clear();
        write(&mut self.text);
        write!(self.framed, "{:x}\r\n", self.text.len()).expect("a vector takes every byte");
        self.framed.extend_from_slice(&self.text);
        self.framed.extend_from_slice(b"\r\n");
        &self.framed
    }
}

/// Waits between chunks.
struct Pace(Option<Interval>);

impl Pace {
    fn new(gap: Duration) -> Self {
        Self((!gap.is_zero()).then(|| {
            let mut interval = interval_at(Instant::now() + gap, gap);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        }))
    }

    /// An error as soon as the other side goes away, or sends what it should not: streams are held for minutes.
    async fn wait(&mut self, stream: &TcpStream) -> io::Result<()> {
        match &mut self.0 {
            Some(interval) => tokio::select! {
                _ = interval.tick() => Ok(()),
                _ = stream.readable() => Err(io::ErrorKind::ConnectionReset.into()),
            },
            // Other streams have their turn: no gateway should find several chunks of one in a single read.
            None => {
                yield_now().await;
                Ok(())
            }
        }
    }
}
