//! A call on its way in and a reply on its way out: the types that every room on the call's path shares.

mod price;

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::HeaderValue;
use smallvec::SmallVec;
use tokio::time::Instant;
use uuid::Uuid;
use uuid::fmt::Hyphenated;
use wildmatch::WildMatch;

use crate::api::chat::{ChatRequest, Format};
use crate::api::{Envelope, NanoUsd, Usage};
use crate::error::{FailureClass, Standing};

pub use price::{TokenPrice, TokenRates, TokenTier};

/// Whom a key stands for. Shared by all calls of the key.
#[derive(Debug)]
pub struct Caller {
    /// The key's id.
    pub key: Arc<str>,
    pub user: Arc<str>,
    pub team: Option<Arc<str>>,
    /// Globs on the model string as asked for.
    pub models: Vec<WildMatch>,
}

impl Caller {
    /// Permission is on the asked name: an alias grants its targets.
    pub fn may_use(&self, model: &str) -> bool {
        self.models.iter().any(|glob| glob.matches(model))
    }
}

/// What a call is known by, in headers, logs and records: a UUID v7, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallId([u8; Hyphenated::LENGTH]);

impl CallId {
    #[expect(clippy::new_without_default, reason = "no two are equal")]
    pub fn new() -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        Uuid::now_v7().hyphenated().encode_lower(&mut text);
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits and hyphens")
    }
}

/// A configured name, and the same as the value of a header.
#[derive(Debug, Clone)]
pub struct Name {
    text: Arc<str>,
    /// `None`: it holds what a header may not.
    header: Option<HeaderValue>,
}

impl Name {
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub fn header(&self) -> Option<HeaderValue> {
        self.header.clone()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self { text: text.into(), header: HeaderValue::from_str(text).ok() }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// The API that a call came in by. Decides the shape of errors and keeps cache entries apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    ChatCompletions,
    Completions,
    Responses,
    Embeddings,
    Messages,
    CountTokens,
}

impl Door {
    pub const ALL: [Self; 6] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Messages,
        Self::CountTokens,
    ];

    /// The label in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
        }
    }

    /// The only path at which it is.
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Embeddings => "/v1/embeddings",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
        }
    }

    /// The words that its clients know fields by.
    pub fn format(self) -> Format {
        match self {
            Self::ChatCompletions | Self::Embeddings => Format::OpenAiChat,
            Self::Completions => Format::OpenAiCompletions,
            Self::Responses => Format::OpenAiResponses,
            Self::Messages | Self::CountTokens => Format::Anthropic,
        }
    }
}

/// What the request's headers say about caching. They can only tighten what the configuration allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheWish {
    /// `no-store`, `off`: neither looked up nor kept.
    pub bypass: bool,
    /// `no-cache`, `refresh`: not looked up, but kept.
    pub refresh: bool,
    /// `max-age`: older entries are misses.
    pub max_age: Option<Duration>,
}

/// The client's headers that are handed on, each to providers of its own vendor's format.
#[derive(Debug, Clone, Default)]
pub struct Betas {
    /// `openai-beta`
    pub openai: Option<HeaderValue>,
    /// `anthropic-beta`
    pub anthropic: Option<HeaderValue>,
    /// `anthropic-version`
    pub anthropic_version: Option<HeaderValue>,
}

/// One call, checked and authenticated. Nothing in it decides a host, a URL or a header name that is sent upstream.
#[derive(Debug)]
pub struct Call {
    /// Ours.
    pub id: CallId,
    /// The client's own id, shortened: only logged.
    pub client_id: Option<Box<str>>,
    pub door: Door,
    pub caller: Arc<Caller>,
    /// The asked name where it is configured, else `other`: what logs and metrics may call it.
    pub label: Arc<str>,
    /// Tells whether two calls of one name would be answered by the same models at the same places.
    pub route_version: [u8; 32],
    pub envelope: Envelope,
    /// As received.
    pub body: Bytes,
    /// `body` is memory of its own. Otherwise it is a slice of the connection's buffer, and whoever keeps it copies it.
    pub owns_body: bool,
    pub cache: CacheWish,
    pub betas: Betas,
    /// What a provider's format has no place for is not dropped: such a provider is not asked.
    pub strict: bool,
    /// The request in the common form: filled when a provider of another format is asked.
    pub asked: OnceLock<Arc<ChatRequest>>,
    /// When the request's head had been read.
    pub arrived: Instant,
    /// When its body had been read.
    pub read: Instant,
    /// When an answer must have begun (a stream) or be whole: the shortest of the server's, the model's and the client's.
    pub deadline: Instant,
    /// The deadline is the client's own, shorter than the server's and the model's: nobody else is to blame for it.
    pub hurried: bool,
    pub journal: Arc<Journal>,
}

/// What happens to a call, noted where it happens and read where the call ends, even if it ends by being dropped.
#[derive(Debug, Default)]
pub struct Journal {
    notes: Mutex<Notes>,
}

/// See [`Journal`].
#[derive(Debug, Clone, Default)]
pub struct Notes {
    pub attempts: SmallVec<[AttemptNote; 2]>,
    /// The head of a stream has left: an answer that is not a stream comes too late.
    pub head_left: bool,
    /// The gateway gave the call up at its own end: nobody else is to blame.
    pub given_up: bool,
}

/// One attempt. The last one may be without an end: then it was under way when the call was dropped.
#[derive(Debug, Clone)]
pub struct AttemptNote {
    pub provider: Arc<str>,
    /// As the provider's list names it.
    pub model: Arc<str>,
    pub began: Instant,
    /// When the request had been handed to the connection.
    pub sent: Option<Instant>,
    /// When what makes it the answer had been read: the body of a whole answer, the first content of a stream.
    pub answered: Option<Instant>,
    pub end: Option<AttemptEnd>,
    /// What it is billed by; `None`: no price is known.
    pub price: Option<Arc<TokenPrice>>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    Answered,
    /// Answered, and broke off before the answer was whole.
    Broken(FailureClass),
    /// Answered, and passed over for its quality: billed at its own usage.
    PassedOver {
        usage: Option<Usage>,
        text_bytes: usize,
    },
    /// `billed`: the provider may charge for it.
    Failed {
        class: FailureClass,
        billed: bool,
    },
}

impl AttemptNote {
    fn serves(&self) -> bool {
        !matches!(self.end, Some(AttemptEnd::Failed { .. } | AttemptEnd::PassedOver { .. }))
    }
}

impl Journal {
    /// Notes are short and no lock is held over an await; a poisoned one still holds good notes.
    pub fn with<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.notes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl Notes {
    /// The attempt whose answer the client gets, or that was under way: not always the last, as an answer that was
    /// passed over may turn out to be the best there is.
    pub fn served(&self) -> Option<&AttemptNote> {
        self.attempts.iter().rev().find(|note| note.serves())
    }

    /// Says how the answer that the client gets ended.
    pub fn end_served(&mut self, end: AttemptEnd) {
        if let Some(served) = self.attempts.iter_mut().rev().find(|note| note.serves()) {
            served.end = Some(end);
        }
    }

    /// The gateway's own part of a call until `now`: from the request read to the first attempt's writing, and from the
    /// provider's answer to now. A call without an attempt is all ours.
    pub fn overhead(&self, read: Instant, now: Instant) -> Duration {
        let sent = self.attempts.first().and_then(|note| note.sent);
        let answered = self.attempts.last().and_then(|note| note.answered);
        match (sent, answered) {
            (Some(sent), Some(answered)) => {
                sent.saturating_duration_since(read) + now.saturating_duration_since(answered)
            }
            (Some(sent), None) => sent.saturating_duration_since(read),
            _ => now.saturating_duration_since(read),
        }
    }
}

/// An answer on its way to the client.
#[derive(Debug)]
pub struct Reply {
    /// The provider's.
    pub content_type: HeaderValue,
    pub body: ReplyBody,
    pub served: Served,
    pub cache: CacheStatus,
    /// How long the cached answer has been kept.
    pub cache_age: Option<Duration>,
    /// The caller's own limit, if it has one.
    pub standing: Option<Standing>,
    /// Known before the headers leave only for whole answers.
    pub usage: Option<Usage>,
    /// Bytes of text of a whole answer whose usage was not reported.
    pub text_bytes: usize,
    /// What the answer cost, where that is known before the headers leave.
    pub cost: Option<NanoUsd>,
    /// The gateway's own part of the call so far.
    pub overhead: Duration,
    /// Every choice ended by itself; only such answers are kept.
    pub complete: bool,
    /// Fields of the request that the provider's format has no place for, as `x-tollgate-dropped-params` names them.
    pub dropped: Option<HeaderValue>,
}

/// Who answered, and what of the provider's headers may pass.
#[derive(Debug, Clone)]
pub struct Served {
    pub provider: Name,
    pub model: Name,
    /// Attempts of this call, the one that answered included; 0 for a cached answer.
    pub attempts: u32,
    pub upstream_id: Option<HeaderValue>,
    pub processing_ms: Option<HeaderValue>,
    /// The provider's `x-ratelimit-*`, sent on where the caller has no limit of ours.
    pub rate_limits: Vec<(http::HeaderName, HeaderValue)>,
}

/// The value of `x-tollgate-cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheStatus {
    Hit,
    Miss,
    Refresh,
    Bypass,
    Off,
}

impl CacheStatus {
    /// In the order of their discriminants.
    pub const ALL: [Self; 5] = [Self::Hit, Self::Miss, Self::Refresh, Self::Bypass, Self::Off];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Refresh => "REFRESH",
            Self::Bypass => "BYPASS",
            Self::Off => "OFF",
        }
    }
}

pub enum ReplyBody {
    /// All of it.
    Whole(Bytes),
    /// Server-sent events. A failure is a last frame of kind [`FrameKind::Error`]; the stream then ends.
    Events(FrameStream),
    /// An answer too long to hold: its bytes as they come. It has no place for a late failure, so an
    /// [`FrameKind::Error`] frame means that the client's connection must be cut.
    Long(FrameStream),
}

impl ReplyBody {
    /// Puts something around the frames, if there are any.
    pub fn wrap(&mut self, around: impl FnOnce(FrameStream) -> FrameStream) {
        match self {
            Self::Whole(_) => {}
            Self::Events(frames) | Self::Long(frames) => {
                let inner = std::mem::replace(frames, Box::pin(futures_util::stream::empty()));
                *frames = around(inner);
            }
        }
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => f.debug_tuple("Whole").field(&bytes.len()).finish(),
            Self::Events(_) => f.write_str("Events"),
            Self::Long(_) => f.write_str("Long"),
        }
    }
}

/// Frames in order. Dropping the stream gives up the answer: the provider's connection closes.
pub type FrameStream = Pin<Box<dyn Stream<Item = Frame> + Send>>;

/// Whole events, one or several, ready to be written. In pass-through a slice of what the provider sent; whoever keeps
/// it longer than the call copies it.
#[derive(Debug, Clone)]
pub struct Frame {
    pub bytes: Bytes,
    pub kind: FrameKind,
    /// What the provider reports so far; a later report replaces it.
    pub usage: Option<Usage>,
    /// Bytes of text that the user reads in it: what an answer is billed by whose usage is never reported. Estimated
    /// where the events were not parsed.
    pub text_bytes: usize,
}

impl Frame {
    /// A frame that says how a stream ends, and nothing else.
    pub fn end(kind: FrameKind) -> Self {
        Self { bytes: Bytes::new(), kind, usage: None, text_bytes: 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Roles, comments, pings: nothing that the user reads.
    Lifecycle,
    /// Text, reasoning, a refusal or a tool call.
    Content,
    /// Only usage.
    Usage,
    /// The answer is broken; nothing follows. The frame's bytes are no event but what the provider said of it, if it did.
    Error(FailureClass),
    /// The answer is whole.
    Done,
}
