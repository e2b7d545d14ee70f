//! Bytes out: whole, or events as they come, with a comment line when nothing comes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::busy::BusyGuard;
use super::respond::error_event;
use super::streams::Stream;
use super::voice::Voice;
use crate::call::{Door, Frame as Event, FrameKind, FrameStream, Journal, Name, Reply, ReplyBody};
use crate::error::{GatewayError, Tried};
use crate::net::Alarm;

/// Says that the connection lives. One newline: with two, some clients would take it for an empty event.
const KEEP_ALIVE: &[u8] = b": tollgate\n";

/// The answer cannot be finished: the connection is cut, so that it is not taken for whole.
#[derive(Debug, Error)]
pub enum Cut {
    #[error("the provider's answer broke off")]
    Answer,
    #[error(transparent)]
    Page(#[from] axum::Error),
}

/// The body of every response. While it lives its connection counts as busy.
pub struct OutBody {
    kind: Kind,
    busy: Option<BusyGuard>,
}

enum Kind {
    Whole(Bytes),
    Events(Box<Events>),
    /// A long answer that is not a stream of events.
    Long(FrameStream),
    Page(axum::body::Body),
}

impl std::fmt::Debug for OutBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.kind {
            Kind::Whole(_) => "Whole",
            Kind::Events(_) => "Events",
            Kind::Long(_) => "Long",
            Kind::Page(_) => "Page",
        })
    }
}

impl Default for OutBody {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl From<Kind> for OutBody {
    fn from(kind: Kind) -> Self {
        Self { kind, busy: None }
    }
}

impl From<Bytes> for OutBody {
    fn from(bytes: Bytes) -> Self {
        Kind::Whole(bytes).into()
    }
}

impl From<Events> for OutBody {
    fn from(events: Events) -> Self {
        Kind::Events(Box::new(events)).into()
    }
}

impl From<axum::body::Body> for OutBody {
    fn from(page: axum::body::Body) -> Self {
        Kind::Page(page).into()
    }
}

impl OutBody {
    /// The same, and the connection is busy until it has been sent.
    pub(super) fn keeping(self, busy: BusyGuard) -> Self {
        Self { busy: Some(busy), ..self }
    }

    pub(super) fn long(frames: FrameStream) -> Self {
        Kind::Long(frames).into()
    }
}

impl Kind {
    /// Whether it comes bit by bit, from a provider that can be held back.
    fn flows(&self) -> bool {
        matches!(self, Self::Events(_) | Self::Long(_))
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        match self {
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Self::Events(events) => events.poll_bytes(cx).map(|bytes| bytes.map(Ok)),
            Self::Long(frames) => loop {
                match frames.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Event { kind: FrameKind::Error(_), .. })) => {
                        return Poll::Ready(Some(Err(Cut::Answer)));
                    }
                    Poll::Ready(Some(frame)) if frame.bytes.is_empty() => {}
                    other => return other.map(|frame| frame.map(|frame| Ok(frame.bytes))),
                }
            },
            // Trailers are none.
            Self::Page(page) => {
                Pin::new(page).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?.into_data().unwrap_or_default())))
            }
        }
    }

    /// The same in pieces, for the client of a stream of HTTP/2 that may let them wait.
    fn poll_pieces(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let polled = match (self, stream.next()) {
            (_, Some(piece)) => Poll::Ready(Some(Ok(piece))),
            (Self::Whole(bytes), None) => Poll::Ready((!bytes.is_empty()).then(|| Ok(stream.cut_whole(bytes)))),
            (kind, None) => kind.poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(stream.cut(bytes?)))),
        };
        stream.gave(matches!(polled, Poll::Ready(Some(_))));
        polled
    }
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Self { kind, busy } = &mut *self;
        let polled = match busy {
            Some(BusyGuard { stream: Some(stream), .. }) => kind.poll_pieces(stream, cx),
            Some(busy) if kind.flows() => {
                if busy.is_ahead() {
                    return Poll::Pending;
                }
                let polled = kind.poll_bytes(cx);
                if let Poll::Ready(Some(Ok(bytes))) = &polled {
                    busy.gave(bytes.len());
                }
                polled
            }
            _ => kind.poll_bytes(cx),
        };
        polled.map(|bytes| bytes.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Events(_) | Kind::Long(_) => false,
            Kind::Page(page) => page.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Events(_) | Kind::Long(_) => SizeHint::default(),
            Kind::Page(page) => page.size_hint(),
        }
    }
}

/// A reply that has not come yet.
pub(super) type Pending = Pin<Box<dyn Future<Output = Result<Box<Reply>, GatewayError>> + Send>>;

/// What a stream goes by besides its frames.
#[derive(Debug, Clone)]
pub(super) struct Rhythm {
    pub(super) voice: Voice,
    /// Comment lines fill silences of this length.
    pub(super) keepalive: Duration,
    /// Cancelled when the gateway gives up the calls that are left.
    pub(super) stop: CancellationToken,
    pub(super) journal: Arc<Journal>,
}

/// A stream of events to a client.
pub(super) struct Events {
    state: State,
    keepalive: Duration,
    last_sent: Instant,
    alarm: Alarm,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    journal: Arc<Journal>,
    voice: Voice,
    /// What was sent last, where an error goes on from there.
    last: Bytes,
}

enum State {
    /// The status has left with the first keep-alive; whatever comes, comes as events.
    Waiting(Pending),
    Flowing {
        frames: FrameStream,
        provider: Name,
    },
    Over,
}

impl Events {
    pub(super) fn flowing(frames: FrameStream, provider: Name, rhythm: Rhythm) -> Self {
        Self::new(State::Flowing { frames, provider }, rhythm, Instant::now())
    }

    /// Begins with a keep-alive at once.
    pub(super) fn waiting(reply: Pending, rhythm: Rhythm) -> Self {
        let now = Instant::now();
        let last_sent = now.checked_sub(rhythm.keepalive).unwrap_or(now);
        Self::new(State::Waiting(reply), rhythm, last_sent)
    }

    fn new(state: State, rhythm: Rhythm, last_sent: Instant) -> Self {
        let Rhythm { voice, keepalive, stop, journal } = rhythm;
        Self {
            state,
            keepalive,
            last_sent,
            alarm: Alarm::default(),
            stopped: Box::pin(stop.cancelled_owned()),
            journal,
            voice,
            last: Bytes::new(),
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let polled = match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Waiting(reply) => match reply.as_mut().poll(cx) {
                    Poll::Ready(reply) => match self.begin(reply) {
                        Some(event) => return Poll::Ready(Some(event)),
                        None => continue,
                    },
                    Poll::Pending => Poll::Pending,
                },
                State::Flowing { frames, .. } => frames.as_mut().poll_next(cx),
            };
            match polled {
                Poll::Ready(Some(Event { kind: FrameKind::Error(class), bytes: said, .. })) => {
                    let words = std::str::from_utf8(&said).ok().filter(|words| !words.is_empty()).map(Into::into);
                    let State::Flowing { provider, .. } = std::mem::replace(&mut self.state, State::Over) else {
                        continue;
                    };
                    let error =
                        GatewayError::StreamBroken(Tried { provider: Arc::clone(provider.text()), class, words });
                    return Poll::Ready(Some(error_event(&error, self.voice, &self.last)));
                }
                Poll::Ready(Some(frame)) if frame.bytes.is_empty() => {}
                Poll::Ready(Some(frame)) => {
                    self.last_sent = Instant::now();
                    if self.voice.door == Door::Responses {
                        self.last = frame.bytes.clone();
                    }
                    return Poll::Ready(Some(frame.bytes));
                }
                Poll::Ready(None) => self.state = State::Over,
                Poll::Pending => return self.poll_silence(cx),
            }
        }
    }

    /// The reply has come after the status had left. Returns an event if it is an error.
    fn begin(&mut self, reply: Result<Box<Reply>, GatewayError>) -> Option<Bytes> {
        let error = match reply.map(|reply| (reply.body, reply.served.provider)) {
            Ok((ReplyBody::Events(frames), provider)) => {
                self.state = State::Flowing { frames, provider };
                return None;
            }
            // A provider that answers a stream in one piece comes too late for one.
            Ok((ReplyBody::Whole(_) | ReplyBody::Long(_), provider)) => {
                let provider = Arc::clone(provider.text());
                GatewayError::StreamBroken(Tried {
                    provider,
                    class: crate::error::FailureClass::Malformed,
                    words: None,
                })
            }
            Err(error) => error,
        };
        self.state = State::Over;
        Some(error_event(&error, self.voice, &self.last))
    }

    /// Nothing to send: is it time for a comment, or for the end?
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.stopped.as_mut().poll(cx).is_ready() {
            self.journal.with(|notes| notes.given_up = true);
            self.state = State::Over;
            return Poll::Ready(Some(error_event(&GatewayError::ShuttingDown, self.voice, &self.last)));
        }
        ready!(self.alarm.poll(cx, self.last_sent + self.keepalive));
        self.last_sent = Instant::now();
        Poll::Ready(Some(Bytes::from_static(KEEP_ALIVE)))
    }
}
