//! What the mock says: an answer of about 1.3 KB in one piece, or a stream of events, one write each.

use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::ask::StreamAsk;
use crate::clock::now_ns;

/// Before the instant at which a chunk was written, in its content.
pub(crate) const WRITTEN_AT: &str = " t=";

const USAGE: &str = r#"{"prompt_tokens":180,"completion_tokens":120,"total_tokens":300,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}"#;
const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
    transfer-encoding: chunked\r\n\r\n";
const END_OF_BODY: &[u8] = b"0\r\n\r\n";

/// The answer to a call that does not stream, head included.
pub(super) static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let content = "Tollgates were once the way a road was paid for. ".repeat(12);
    let body = format!(
        r#"{{"id":"chatcmpl-mock0000000000000000000000","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{USAGE},"service_tier":"default","system_fingerprint":"fp_mock"}}"#
    );
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_mock\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
});

/// Says the role, the chunks of content, why it stopped, the usage if asked for, and `[DONE]`.
pub(super) async fn stream(stream: &mut TcpStream, ask: StreamAsk) -> io::Result<()> {
    stream.write_all(STREAM_HEAD).await?;
    let mut event = Event::default();
    stream.write_all(event.delta(r#"{"role":"assistant","content":"","refusal":null}"#, "null")).await?;
    let mut pace = Pace::new(ask.gap);
    for chunk in 0..ask.chunks {
        if chunk > 0 {
            pace.wait(stream).await?;
        }
        stream.write_all(event.content(now_ns())).await?;
    }
    stream.write_all(event.delta("{}", r#""stop""#)).await?;
    if ask.usage {
        stream.write_all(event.usage()).await?;
    }
    stream.write_all(event.done()).await?;
    stream.write_all(END_OF_BODY).await
}

/// One event as one chunk of the body; the buffers are kept from event to event.
#[derive(Default)]
struct Event {
    text: Vec<u8>,
    framed: Vec<u8>,
}

impl Event {
    fn content(&mut self, written_ns: u64) -> &[u8] {
        self.chunk(format_args!(
            r#"[{{"index":0,"delta":{{"content":"{WRITTEN_AT}{written_ns}"}},"logprobs":null,"finish_reason":null}}]"#
        ))
    }

    fn delta(&mut self, delta: &str, finish: &str) -> &[u8] {
        self.chunk(format_args!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]"#))
    }

    fn usage(&mut self) -> &[u8] {
        self.chunk(format_args!(r#"[],"usage":{USAGE}"#))
    }

    fn done(&mut self) -> &[u8] {
        self.data(format_args!("[DONE]"))
    }

    /// `choices` and what comes after them.
    fn chunk(&mut self, choices: std::fmt::Arguments<'_>) -> &[u8] {
        self.data(format_args!(
            r#"{{"id":"chatcmpl-mock0000000000000000000000","object":"chat.completion.chunk","created":1750000000,"model":"gpt-4o-mini","system_fingerprint":"fp_mock","choices":{choices}}}"#
        ))
    }

    fn data(&mut self, data: std::fmt::Arguments<'_>) -> &[u8] {
        self.text.clear();
        self.framed.clear();
        write!(self.text, "data: {data}\n\n").expect("a vector takes every byte");
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
