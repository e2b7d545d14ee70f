//! What a request asks of the mock. It is found by a byte search near both ends of the body: gateways that write the
//! body anew move things, and a quarter of a megabyte of prompt lies between.

use std::io;
use std::time::Duration;

use memchr::memmem;

use super::Voice;

/// In the instructions, before the number of a stream's chunks and before its pace: that text comes to a provider of
/// any format as it was.
pub(crate) const CHUNKS: &str = "chunks=";
pub(crate) const PACE: &str = "gap_us=";

/// Bytes searched at either end of a body.
const EDGE: usize = 1024;

/// How the request is framed, and what its path says.
pub(super) struct Head {
    pub(super) length: usize,
    body: usize,
    pub(super) voice: Voice,
    /// Gemini has a path for streams.
    streams: bool,
}

impl Head {
    /// `None` while the head is not complete.
    pub(super) fn read(received: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = memmem::find(received, b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&received[..end]).map_err(io::Error::other)?;
        let body = (head.split("\r\n").filter_map(|line| line.split_once(':')))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, length)| length.trim().parse().ok())
            .ok_or_else(|| io::Error::other("the mock takes requests with a Content-Length only"))?;
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (voice, streams) = (Voice::at(path), path.contains(":stream"));
        Ok(Some(Self { length: end + 4, body, voice, streams }))
    }

    /// Where the body ends.
    pub(super) fn end(&self) -> usize {
        self.length + self.body
    }
}

/// The kind of answer.
pub(super) enum Ask {
    Whole,
    Stream(StreamAsk),
}

/// A stream of so many chunks of content, `gap` apart.
pub(super) struct StreamAsk {
    pub(super) chunks: u64,
    pub(super) gap: Duration,
    /// `stream_options.include_usage`.
    pub(super) usage: bool,
}

impl Ask {
    pub(super) fn read(head: &Head, body: &[u8]) -> Self {
        let edges = Edges::of(body);
        if !head.streams && !edges.flag("\"stream\":") {
            return Self::Whole;
        }
        Self::Stream(StreamAsk {
            chunks: edges.number(CHUNKS).unwrap_or(100),
            gap: Duration::from_micros(edges.number(PACE).unwrap_or(0)),
            usage: edges.flag("\"include_usage\":"),
        })
    }
}

struct Edges<'a>([&'a [u8]; 2]);

impl<'a> Edges<'a> {
    fn of(body: &'a [u8]) -> Self {
        let (front, rest) = body.split_at(body.len().min(EDGE));
        Self([front, &rest[rest.len().saturating_sub(EDGE)..]])
    }

    /// What follows `name`, without blanks before it.
    fn after(&self, name: &str) -> Option<&'a [u8]> {
        (self.0.iter())
            .find_map(|edge| Some(&edge[memmem::find(edge, name.as_bytes())? + name.len()..]))
            .map(<[u8]>::trim_ascii_start)
    }

    fn flag(&self, name: &str) -> bool {
        self.after(name).is_some_and(|value| value.starts_with(b"true"))
    }

    fn number(&self, name: &str) -> Option<u64> {
        let value = self.after(name)?;
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
    }
}
