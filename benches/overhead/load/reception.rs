//! What is noted of one answer while it arrives.

use memchr::memmem;

use super::Stream;
use super::door::Door;
use super::response::End;
use super::tally::Tally;
use crate::clock::now_ns;
use crate::mock::WRITTEN_AT;

/// Bytes of a failed answer that are told.
const OPENING: usize = 200;

/// One answer, from the instant at which its call was due.
pub(super) struct Reception {
    begun_ns: u64,
    door: Door,
    stream: Option<Stream>,
    opening: Vec<u8>,
    /// The start of an event whose end has not come.
    held: Vec<u8>,
    first_token_ns: Option<u64>,
    transits_ns: Vec<u64>,
    done: bool,
}

impl Reception {
    pub(super) fn new(begun_ns: u64, door: Door, stream: Option<Stream>) -> Self {
        Self {
            begun_ns,
            door,
            stream,
            opening: Vec::new(),
            held: Vec::new(),
            first_token_ns: None,
            transits_ns: Vec::new(),
            done: false,
        }
    }

    /// Takes the next bytes of the body, which have just come.
    pub(super) fn take(&mut self, body: &[u8]) {
        let room = OPENING - self.opening.len();
        self.opening.extend_from_slice(&body[..body.len().min(room)]);
        if self.stream.is_none() {
            return;
        }
        let now = now_ns();
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(body);
        let mut read = 0;
        while let Some(length) = memmem::find(&held[read..], b"\n\n") {
            self.event(&held[read..][..length], now);
            read += length + 2;
        }
        held.drain(..read);
        self.held = held;
    }

    fn event(&mut self, event: &[u8], now: u64) {
        if self.door.is_end(event) {
            self.done = true;
        } else if self.door.is_new(event)
            && let Some(written) = written_at(event)
        {
            self.first_token_ns.get_or_insert(now);
            self.transits_ns.push(now.saturating_sub(written));
        }
    }

    /// Whether any content has come.
    pub(super) fn has_content(&self) -> bool {
        self.first_token_ns.is_some()
    }

    /// Counts the answer, as good only if it is a 200 and, of a stream, all of it.
    pub(super) fn end(self, end: End, tally: &mut Tally) {
        if let Some(fault) = self.fault(end) {
            tally.fail(&fault);
            return;
        }
        tally.call(now_ns() - self.begun_ns);
        if let Some(first) = self.first_token_ns {
            tally.stream(first - self.begun_ns, &self.transits_ns);
        }
    }

    /// What is wrong with the answer.
    pub(super) fn fault(&self, end: End) -> Option<String> {
        let chunks = self.transits_ns.len();
        let fault = match self.stream {
            _ if end.status != 200 => format!("status {}", end.status),
            Some(asked) if chunks as u64 != asked.chunks => format!("{chunks} chunks instead of {}", asked.chunks),
            Some(_) if !self.done => "a stream without its end".to_owned(),
            _ => return None,
        };
        Some(format!("{fault}: {}", String::from_utf8_lossy(&self.opening)))
    }
}

/// The instant that the mock put into a chunk.
fn written_at(event: &[u8]) -> Option<u64> {
    let value = &event[memmem::find(event, WRITTEN_AT.as_bytes())? + WRITTEN_AT.len()..];
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}
