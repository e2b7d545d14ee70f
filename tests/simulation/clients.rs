//! Clients: they call, read what comes, and note how it ends. What the doors do beside that, they do.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, sleep, sleep_until};
use tollgate::call::{CacheStatus, FrameKind, FrameStream, Reply, ReplyBody};
use tower::ServiceExt;

use crate::ask::{Ask, Leave};
use crate::gateway::{Gateway, configured, is_ready};
use crate::history::{CALL, CallNumber, Event, History};
use crate::provider::Provider;
use crate::speech::words;

/// A call from its client's side.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) number: CallNumber,
    pub(crate) ask: Ask,
    pub(crate) arrived: Duration,
    pub(crate) deadline: Duration,
    /// Which providers the gateway would have asked when the call arrived.
    pub(crate) ready: [bool; 3],
    /// When there was an answer, or the beginning of one.
    pub(crate) replied: Option<Replied>,
    /// What the client has read.
    pub(crate) read: Vec<u8>,
    pub(crate) paused: Duration,
    pub(crate) ended: Duration,
    pub(crate) end: End,
}

#[derive(Debug, Clone)]
pub(crate) struct Replied {
    pub(crate) at: Duration,
    pub(crate) provider: String,
    pub(crate) attempts: u32,
    pub(crate) cached: bool,
    pub(crate) streamed: bool,
}

/// How a call ended, as its client knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    /// An error before anything of an answer, by its outcome.
    Failed(&'static str),
    /// An error in the midst of an answer.
    Broken,
    /// The client left.
    Left,
    /// The answer's frames were against their own rules.
    Odd(&'static str),
}

impl End {
    /// What the record has to say.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Self::Whole => "ok",
            Self::Failed(outcome) => outcome,
            Self::Broken => "stream_broken",
            Self::Left => "client_gone",
            Self::Odd(what) => what,
        }
    }
}

/// Somebody who calls.
pub(crate) struct Client {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) providers: Vec<Arc<Provider>>,
    pub(crate) history: History,
    pub(crate) number: CallNumber,
}

impl Client {
    /// Makes the call, at once.
    pub(crate) async fn call(self, ask: Ask) -> Told {
        let (call, gateway) = (self.number, ask.gateway);
        let shown = format!("{ask:?}");
        self.history.note(Event::Arrived { call, gateway, ask: shown });
        let told = CALL.scope(call, self.ask(ask)).await;
        self.history.note(Event::Ended { call, end: format!("{:?}", told.end) });
        told
    }

    async fn ask(&self, ask: Ask) -> Told {
        let request = self.gateway.call(&ask.request());
        let snapshot = self.gateway.snapshot();
        let mut told = Told {
            number: self.number,
            arrived: self.history.now(),
            deadline: self.history.now() + request.deadline.duration_since(Instant::now()),
            ready: std::array::from_fn(|place| is_ready(&snapshot[place])),
            replied: None,
            read: Vec::new(),
            paused: Duration::ZERO,
            ended: Duration::ZERO,
            end: End::Left,
            ask,
        };
        let leaving = match told.ask.leave {
            Leave::After(time) => Instant::now() + time,
            _ => Instant::now() + Duration::from_secs(10_000),
        };
        let end = tokio::select! {
            biased;
            // First: nobody leaves before the call has begun.
            end = self.converse(request, &mut told) => Some(end),
            () = sleep_until(leaving) => None,
        };
        told.end = match end {
            Some(end) => end,
            // Whoever leaves behind the end has missed nothing.
            None => told.end,
        };
        told.ended = self.history.now();
        told
    }

    async fn converse(&self, request: Box<tollgate::call::Call>, told: &mut Told) -> End {
        let journal = Arc::clone(&request.journal);
        let stream = told.ask.stream;
        let head_leaves = Instant::now() + configured::KEEPALIVE;
        let mut pending = Box::pin(self.gateway.calls.clone().oneshot(request));
        let reply = tokio::select! {
            biased;
            reply = &mut pending => reply,
            // As at the doors: the status leaves, and only a stream may follow.
            () = sleep_until(head_leaves), if stream => {
                journal.with(|notes| notes.head_left = true);
                pending.await
            }
        };
        match reply {
            Ok(reply) => self.read(*reply, told).await,
            Err(error) => End::Failed(error.outcome()),
        }
    }

    async fn read(&self, reply: Reply, told: &mut Told) -> End {
        let (provider, attempts) = (reply.served.provider.to_string(), reply.served.attempts);
        self.history.note(Event::Replied { call: self.number, provider: provider.clone(), attempts });
        let streamed = !matches!(reply.body, ReplyBody::Whole(_));
        let cached = reply.cache == CacheStatus::Hit;
        told.replied = Some(Replied { at: self.history.now(), provider, attempts, cached, streamed });
        match reply.body {
            ReplyBody::Whole(bytes) => {
                told.read.extend_from_slice(&bytes);
                End::Whole
            }
            ReplyBody::Events(frames) => self.read_frames(frames, told).await,
            ReplyBody::Long(_) => End::Odd("nothing is that long here"),
        }
    }

    async fn read_frames(&self, mut frames: FrameStream, told: &mut Told) -> End {
        let leave_at = match told.ask.leave {
            Leave::AtFrame(frame) => frame,
            _ => usize::MAX,
        };
        let mut read = 0;
        while read < leave_at {
            let Some(frame) = frames.next().await else {
                return if told.end == End::Left { End::Odd("a stream that just ends") } else { told.end };
            };
            read += 1;
            match (frame.kind, told.end) {
                (_, End::Broken) => return End::Odd("something behind an error"),
                (FrameKind::Done, End::Whole) => return End::Odd("two ends"),
                (FrameKind::Error(_), End::Whole) => return End::Odd("an error behind the end"),
                (FrameKind::Content, End::Whole) => return End::Odd("content behind the end"),
                (FrameKind::Done, _) => told.end = End::Whole,
                (FrameKind::Error(_), _) => told.end = End::Broken,
                (FrameKind::Lifecycle | FrameKind::Content | FrameKind::Usage, _) => {}
            }
            if told.end != End::Broken {
                told.read.extend_from_slice(&frame.bytes);
                self.history.note(Event::Read { call: self.number, bytes: frame.bytes.len() });
            }
            if let Some((every, pause)) = told.ask.pauses
                && read.is_multiple_of(every)
            {
                self.pause(pause, told).await;
            }
        }
        told.end
    }

    async fn pause(&self, pause: Duration, told: &mut Told) {
        sleep(pause).await;
        told.paused += pause;
        if told.ask.filler == 0 {
            return;
        }
        let written: usize = self.providers.iter().map(|provider| provider.written(self.number)).sum();
        let read = words(&told.read).len();
        // Of what an earlier attempt has said nothing arrives: only a single attempt can be judged.
        if told.replied.as_ref().is_some_and(|replied| replied.attempts == 1) {
            let ahead = written.saturating_sub(read) * told.ask.filler;
            self.history.note(Event::Paused { call: self.number, ahead });
        }
    }
}
