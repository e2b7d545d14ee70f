//! A stream of events from a provider as a stream of frames.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;

use super::reader::Reader;
use super::redact::Redactor;
use super::sse::EventEnds;
use crate::api::Usage;
use crate::call::{Frame, FrameKind};
use crate::dialects::openai_chat::Seen;
use crate::dialects::{Events, Passing};
use crate::error::{Failure, FailureClass};

/// The longest event; a line that never ends must not fill the memory. Pictures come in one event, and the last event of
/// a Responses stream repeats the whole answer.
const EVENT_LIMIT: usize = 8 << 20;
/// How long a connection may stay open behind the end of an answer.
const AFTER_DONE: Duration = Duration::from_secs(1);

/// Frames of a provider's stream, in the door's form. Ends with [`FrameKind::Done`], possibly with more frames behind it, or with
/// [`FrameKind::Error`].
pub(super) struct EventStream {
    reader: Reader,
    ends: EventEnds,
    events: Events,
    /// The beginning of an event that is not whole yet, copied.
    begun: BytesMut,
    ready: VecDeque<Frame>,
    /// The client did not ask for usage; we did.
    withhold_usage: bool,
    redactor: Redactor,
    done: bool,
    over: bool,
}

/// What a stream has come to at its commit point.
#[derive(Debug, Clone, Copy)]
pub(super) enum Committed {
    /// Or a refusal.
    Content,
    /// It ended without any, with this usage.
    Nothing(Option<Usage>),
}

/// Of events that have not been seen.
const NOTHING: Seen = Seen { kind: FrameKind::Lifecycle, usage: None, text_bytes: 0 };

/// Adds an event to those that leave with it.
fn join(all: &mut Seen, one: Seen) {
    if one.kind == FrameKind::Content {
        all.kind = FrameKind::Content;
    }
    all.usage = one.usage.or(all.usage);
    all.text_bytes += one.text_bytes;
}

impl EventStream {
    pub(super) fn new(reader: Reader, events: Events, withhold_usage: bool, redactor: Redactor) -> Self {
        Self {
            reader,
            ends: EventEnds::default(),
            events,
            begun: BytesMut::new(),
            ready: VecDeque::new(),
            withhold_usage,
            redactor,
            done: false,
            over: false,
        }
    }

    /// Reads up to the commit point: the first content, or a whole stream that has none. Everything that was read is
    /// kept for the client. `Err`: the stream broke before, and another provider may answer.
    pub(super) async fn commit(&mut self, first: Bytes) -> Result<Committed, Failure> {
        self.feed(first);
        let (mut looked_at, mut held) = (0, 0);
        loop {
            for frame in self.ready.iter().skip(looked_at) {
                match frame.kind {
                    FrameKind::Content => {
                        self.reader.commit();
                        return Ok(Committed::Content);
                    }
                    FrameKind::Done => {
                        self.reader.commit();
                        if self.events.is_refused() {
                            return Ok(Committed::Content);
                        }
                        let usage = self.ready.iter().filter_map(|frame| frame.usage).last();
                        return Ok(Committed::Nothing(usage));
                    }
                    FrameKind::Error(class) => {
                        let refusal = self.events.take_refusal().map(Box::new);
                        let words = std::str::from_utf8(&frame.bytes).ok().filter(|words| !words.is_empty());
                        let words = words.filter(|_| refusal.is_none()).map(Into::into);
                        return Err(Failure { refusal, words, ..Failure::new(class).billable() });
                    }
                    FrameKind::Lifecycle | FrameKind::Usage => held += frame.bytes.len(),
                }
            }
            looked_at = self.ready.len();
            // What is held is bounded like one event.
            if held > EVENT_LIMIT {
                return Err(Failure::new(FailureClass::Malformed).billable());
            }
            match self.reader.next().await {
                Some(Ok(piece)) => self.feed(piece),
                Some(Err(failure)) if !self.events.is_whole() => return Err(failure),
                _ => self.finish(),
            }
        }
    }

    /// Cuts a piece into events and judges them. Neighbours become one frame: a slice of the piece where they pass as they
    /// are, else what was written in their place.
    fn feed(&mut self, mut piece: Bytes) {
        if !self.begun.is_empty() {
            let Some(end) = self.ends.next(&piece) else {
                return self.keep(&piece);
            };
            self.begun.extend_from_slice(&piece.split_to(end));
            let event = self.take_begun();
            self.read_alone(event);
        }
        // What has been judged and has not left: `plain` bytes of the piece, or what was written; never both.
        let mut plain = 0;
        let (mut passed, mut written) = (NOTHING, NOTHING);
        let mut at = 0;
        while !self.over
            && let Some(length) = self.ends.next(&piece[at..])
        {
            let (seen, passing) = self.events.read(&piece[at..at + length]);
            at += length;
            let goes_on = matches!(seen.kind, FrameKind::Lifecycle | FrameKind::Content);
            if passing == Passing::Written && goes_on {
                self.emit_plain(piece.split_to(plain), &mut passed);
                piece.advance(at - plain);
                (plain, at) = (0, 0);
                join(&mut written, seen);
                continue;
            }
            self.emit_written(&mut written);
            if goes_on && seen.usage.is_none() {
                plain = at;
                join(&mut passed, seen);
                continue;
            }
            self.emit_plain(piece.split_to(plain), &mut passed);
            let event = piece.split_to(at - plain);
            self.emit(event, seen);
            (plain, at) = (0, 0);
        }
        self.emit_plain(piece.split_to(plain), &mut passed);
        self.emit_written(&mut written);
        if !self.over && !piece.is_empty() {
            self.keep(&piece);
        }
    }

    /// An event that came in several pieces.
    fn read_alone(&mut self, event: Bytes) {
        let (seen, passing) = self.events.read(&event);
        let event = if passing == Passing::Written { self.events.take_written() } else { event };
        self.emit(event, seen);
    }

    fn emit_written(&mut self, written: &mut Seen) {
        let bytes = self.events.take_written();
        let seen = std::mem::replace(written, NOTHING);
        if !bytes.is_empty() || seen.usage.is_some() {
            self.emit(bytes, seen);
        }
    }

    fn emit_plain(&mut self, bytes: Bytes, merged: &mut Seen) {
        let seen = std::mem::replace(merged, NOTHING);
        if !bytes.is_empty() {
            self.ready.push_back(frame(bytes, seen));
        }
    }

    fn emit(&mut self, event: Bytes, seen: Seen) {
        let mut frame = frame(event, seen);
        match seen.kind {
            FrameKind::Usage if self.withhold_usage => frame.bytes = Bytes::new(),
            FrameKind::Error(_) => {
                let words = self.events.take_words().map(|words| self.redactor.shortened(&words));
                frame.bytes = words.map(|words| Bytes::from(String::from(words))).unwrap_or_default();
                self.over = true;
            }
            FrameKind::Done if self.done => frame.kind = FrameKind::Lifecycle,
            FrameKind::Done => {
                self.done = true;
                self.reader.expect_end(AFTER_DONE);
            }
            _ => {}
        }
        // Other formats have no event for the end: the connection closes, soon.
        if self.events.ends_silently() && self.events.is_whole() {
            self.reader.expect_end(AFTER_DONE);
        }
        self.ready.push_back(frame);
    }

    /// Keeps the beginning of an event until the rest comes.
    fn keep(&mut self, piece: &[u8]) {
        if self.begun.len() + piece.len() > EVENT_LIMIT {
            return self.break_off(FailureClass::Malformed);
        }
        self.begun.extend_from_slice(piece);
    }

    /// An event whose end has come. What is left of its memory goes with it: a long one's is not kept for the next.
    fn take_begun(&mut self) -> Bytes {
        std::mem::take(&mut self.begun).freeze()
    }

    /// The provider's bytes have ended.
    fn finish(&mut self) {
        let rest = self.take_begun();
        // Half an event behind a whole answer is nothing, and must not become part of what follows.
        let is_lost = self.events.is_whole() && self.events.is_half(&rest);
        if !rest.is_empty() && !is_lost {
            // The blank line behind the last event is often missing. Half an event is kept from the client: what
            // follows it, an error, would become part of it.
            let (seen, passing) = self.events.read(&rest);
            let event = if passing == Passing::Written { self.events.take_written() } else { rest };
            if self.events.is_whole() || matches!(seen.kind, FrameKind::Error(_)) {
                self.emit(event, seen);
            }
        }
        if self.over {
            return;
        }
        if !self.events.is_whole() {
            return self.break_off(FailureClass::Truncated);
        }
        if !self.done {
            self.done = true;
            self.ready.push_back(Frame { bytes: self.events.end(), ..Frame::end(FrameKind::Done) });
        }
        self.over = true;
    }

    fn break_off(&mut self, class: FailureClass) {
        self.ready.push_back(Frame::end(FrameKind::Error(class)));
        self.over = true;
    }
}

impl Stream for EventStream {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        let this = &mut *self;
        loop {
            if let Some(frame) = this.ready.pop_front() {
                return Poll::Ready(Some(frame));
            }
            if this.over {
                return Poll::Ready(None);
            }
            match ready!(this.reader.poll_next(cx)) {
                Some(Ok(piece)) => this.feed(piece),
                // Behind the end nothing can break any more.
                Some(Err(failure)) if !this.events.is_whole() => this.break_off(failure.class),
                Some(Err(_)) | None => this.finish(),
            }
        }
    }
}

/// The bytes of an answer that is too long to hold.
pub(super) struct LongStream {
    begun: Option<Bytes>,
    reader: Reader,
    over: bool,
}

impl LongStream {
    pub(super) fn new(begun: Bytes, mut reader: Reader) -> Self {
        reader.commit();
        Self { begun: Some(begun), reader, over: false }
    }
}

impl Stream for LongStream {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        if let Some(begun) = self.begun.take() {
            return Poll::Ready(Some(raw(begun)));
        }
        if self.over {
            return Poll::Ready(None);
        }
        let end = match ready!(self.reader.poll_next(cx)) {
            Some(Ok(piece)) => return Poll::Ready(Some(raw(piece))),
            Some(Err(failure)) => FrameKind::Error(failure.class),
            None => FrameKind::Done,
        };
        self.over = true;
        Poll::Ready(Some(Frame::end(end)))
    }
}

fn raw(bytes: Bytes) -> Frame {
    Frame { text_bytes: bytes.len(), bytes, kind: FrameKind::Content, usage: None }
}

fn frame(bytes: Bytes, seen: Seen) -> Frame {
    Frame { bytes, kind: seen.kind, usage: seen.usage, text_bytes: seen.text_bytes }
}
