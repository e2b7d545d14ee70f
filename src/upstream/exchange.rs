//! One try: send a request, wait for the answer, say what it is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use tokio::time::Instant;

use super::classify::{Meant, classify};
use super::decode::Decoder;
use super::endpoint::{Endpoint, ProviderKey};
use super::reader::{Collected, Reader};
use super::redact::Redactor;
use super::stream::{Committed, EventStream, LongStream};
use crate::api::Usage;
use crate::call::{Betas, Frame, FrameKind, FrameStream};
use crate::dialects::{Bridge, Fault, Flaw, Whole, told};
use crate::error::{Failure, FailureClass};
use crate::net::{NetError, RequestBody};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
static PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");

/// What is read of an error's body.
const ERROR_LIMIT: usize = 64 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// How long an error's body is waited for: the status has said enough.
const ERROR_WAIT: Duration = Duration::from_secs(2);

/// What is asked of a provider.
#[derive(Debug)]
pub struct Ask<'a> {
    pub endpoint: &'a Endpoint,
    pub address: &'a Uri,
    pub key: Option<&'a ProviderKey>,
    pub betas: &'a Betas,
    pub body: RequestBody,
    pub stream: bool,
    /// How the answer is read.
    pub bridge: &'a Bridge<'a>,
    /// We asked for usage where the client did not: a chunk that only carries it is withheld.
    pub withhold_usage: bool,
    /// Longest whole answer to hold, in bytes.
    pub response_limit: usize,
    /// The call's deadline.
    pub deadline: Instant,
}

/// An answer that is good as far as it can be known: whole, or a stream that has begun to say something.
#[derive(Debug)]
pub struct Answered {
    pub content_type: HeaderValue,
    pub upstream_id: Option<HeaderValue>,
    pub processing_ms: Option<HeaderValue>,
    pub rate_limits: Vec<(HeaderName, HeaderValue)>,
    pub body: Body,
    /// What is wrong with it, where the call minds.
    pub flawed: Option<Flawed>,
}

/// An answer that another candidate's may be better than.
#[derive(Debug, Clone, Copy)]
pub struct Flawed {
    pub flaw: Flaw,
    /// What it cost nevertheless.
    pub usage: Option<Usage>,
    pub text_bytes: usize,
}

/// See [`crate::call::ReplyBody`].
pub enum Body {
    /// `text_bytes`: the length of its text, where `usage` does not say what it was.
    Whole {
        bytes: Bytes,
        usage: Option<Usage>,
        text_bytes: usize,
        complete: bool,
    },
    Events(FrameStream),
    Long(FrameStream),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole { .. } => "Whole",
            Self::Events(_) => "Events",
            Self::Long(_) => "Long",
        })
    }
}

/// Makes one exchange. `on_sent` is called when the request is handed to a connection (twice where a reused connection
/// had died). Dropping the future, or the answer's stream, closes the connection.
pub async fn exchange(ask: Ask<'_>, on_sent: impl Fn()) -> Result<Answered, Failure> {
    let redactor = Redactor(ask.key.map(|key| Arc::clone(&key.secret)));
    try_exchange(&ask, &redactor, on_sent).await.map_err(|mut failure| {
        if let Some(refusal) = &mut failure.refusal {
            let told = [Some(&mut refusal.message), refusal.param.as_mut(), refusal.code.as_mut()];
            for text in told.into_iter().flatten() {
                *text = redactor.redact(text);
            }
        }
        failure.words = failure.words.map(|words| redactor.shortened(&words));
        // Whose fault it was is known only by what was said.
        if failure.class == FailureClass::CallerError && failure.refusal.is_none() {
            failure.class = FailureClass::ServerError;
        }
        failure
    })
}

async fn try_exchange(ask: &Ask<'_>, redactor: &Redactor, on_sent: impl Fn()) -> Result<Answered, Failure> {
    let timeouts = ask.endpoint.timeouts;
    let started = Instant::now();
    let end = started + timeouts.total;
    let answer_within = if ask.stream { timeouts.first_byte } else { timeouts.response };
    let request = || {
        on_sent();
        ask.endpoint.request(ask.address, ask.key, ask.betas, ask.stream, ask.body.clone())
    };
    let (answer, sent) = ask
        .endpoint
        .origin
        .send(request, answer_within, end.min(ask.deadline))
        .await
        .map_err(|error| not_answered(&error))?;
    let first_byte = ask.stream.then(|| sent + timeouts.first_byte);
    let (head, body) = answer.into_parts();
    if !ask.stream {
        body.gulp();
    }
    let decoder =
        Decoder::for_answer(&head.headers, ask.response_limit).map_err(|_| Failure::new(FailureClass::Malformed))?;
    let mut reader = Reader::new(body, decoder, first_byte, timeouts.idle, end, ask.deadline);
    if head.status != StatusCode::OK {
        return Err(refused(ask.bridge, head.status, &head.headers, reader).await);
    }
    let mut begun = begin(&mut reader).await?;
    // A mark that some servers put in front of what is UTF-8 anyway; nobody can read it as part of the text.
    if !ask.bridge.is_verbatim() && begun.starts_with(BYTE_ORDER_MARK) {
        begun = begun.slice(BYTE_ORDER_MARK.len()..);
    }
    let first = begun.trim_ascii_start().first();
    let is_json = matches!(first, Some(b'{' | b'['));
    // No event begins like that, but a page does: somebody on the way wants a login, or apologises.
    let is_page = first == Some(&b'<');
    let (body, flawed) = if ask.stream && !is_json && !is_page {
        let mut events =
            EventStream::new(reader, ask.bridge.events(now_seconds()), ask.withhold_usage, redactor.clone());
        let flawed = match events.commit(begun).await? {
            Committed::Nothing(usage) if ask.bridge.minds_empty() => {
                Some(Flawed { flaw: Flaw::Empty, usage, text_bytes: 0 })
            }
            Committed::Content | Committed::Nothing(_) => None,
        };
        (Body::Events(Box::pin(events)), flawed)
    } else if !is_json {
        return Err(Failure::new(FailureClass::Malformed).billable());
    } else {
        match reader.collect(begun, ask.response_limit).await? {
            Collected::Whole(bytes) => judge(ask.bridge, &bytes)?,
            Collected::TooLong(begun) => (long(ask.bridge, begun, reader)?, None),
        }
    };
    Ok(answered(ask.bridge, &head.headers, body, flawed))
}

/// The first piece that is not only white space: it tells JSON from a stream.
async fn begin(reader: &mut Reader) -> Result<Bytes, Failure> {
    let mut begun = Bytes::new();
    while begun.trim_ascii_start().is_empty() {
        let Some(piece) = reader.next().await.transpose()? else {
            return Err(Failure::new(FailureClass::Malformed).billable());
        };
        begun = if begun.is_empty() { piece } else { [begun, piece].concat().into() };
        if begun.len() > ERROR_LIMIT && begun.trim_ascii_start().is_empty() {
            return Err(Failure::new(FailureClass::Malformed).billable());
        }
    }
    Ok(begun)
}

fn judge(bridge: &Bridge<'_>, bytes: &Bytes) -> Result<(Body, Option<Flawed>), Failure> {
    match bridge.read_whole(bytes.clone(), now_seconds()) {
        Ok(whole) => {
            let (usage, text_bytes) = (whole.usage, whole.text_bytes);
            let flawed = whole.flaw.map(|flaw| Flawed { flaw, usage, text_bytes });
            Ok((whole.into(), flawed))
        }
        Err(Fault { class, refusal }) => {
            let words = told(class, bytes);
            let words = words.filter(|_| class != FailureClass::CallerError).map(Into::into);
            let failure = Failure { refusal: refusal.map(Box::new), words, ..Failure::new(class) };
            // What nobody can read may still have been paid for.
            Err(if class == FailureClass::Malformed { failure.billable() } else { failure })
        }
    }
}

/// An answer too long to hold can only pass as it is.
fn long(bridge: &Bridge<'_>, begun: Bytes, reader: Reader) -> Result<Body, Failure> {
    if !bridge.is_verbatim() {
        return Err(Failure::new(FailureClass::Malformed).billable());
    }
    Ok(Body::Long(Box::pin(LongStream::new(begun, reader))))
}

impl From<Whole> for Body {
    fn from(whole: Whole) -> Self {
        let Whole { bytes, events, usage, text_bytes, complete, flaw: _ } = whole;
        if !events {
            return Self::Whole { bytes, usage, text_bytes, complete };
        }
        let said = Frame { bytes, kind: FrameKind::Content, usage, text_bytes };
        Self::Events(Box::pin(futures_util::stream::iter([said, Frame::end(FrameKind::Done)])))
    }
}

/// Seconds since 1970, which stand in answers.
fn now_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

async fn refused(bridge: &Bridge<'_>, status: StatusCode, headers: &HeaderMap, mut reader: Reader) -> Failure {
    reader.expect_end(ERROR_WAIT);
    // An error without a readable body is told by its status.
    let body = match reader.collect(Bytes::new(), ERROR_LIMIT).await {
        Ok(Collected::Whole(body) | Collected::TooLong(body)) => body,
        Err(_) => Bytes::new(),
    };
    let meant = Meant { class: bridge.error_class(&body), retry_after: bridge.retry_after(&body) };
    classify(status, headers, &body, meant, SystemTime::now())
}

#[cold]
pub(super) fn not_answered(error: &NetError) -> Failure {
    tracing::debug!(error = error as &dyn std::error::Error, "attempt failed");
    match error {
        NetError::Dns(_) => Failure::new(FailureClass::Dns),
        NetError::Connect(_) | NetError::ConnectTimeout | NetError::Proxy(_) => Failure::new(FailureClass::Connect),
        NetError::Exhausted(_) => Failure::new(FailureClass::Exhausted),
        NetError::Tls(_) => Failure::new(FailureClass::Tls),
        NetError::AnswerTimeout => Failure::new(FailureClass::Timeout).billable(),
        NetError::Broken(Some(error)) if error.is_parse() => Failure::new(FailureClass::Malformed).billable(),
        NetError::Broken(_) => Failure::new(FailureClass::Reset).billable(),
    }
}

fn is_rate_limit(name: &str) -> bool {
    name.starts_with("x-ratelimit-") || name.starts_with("anthropic-ratelimit-")
}

fn content_type(body: &Body) -> HeaderValue {
    HeaderValue::from_static(if matches!(body, Body::Events(_)) { "text/event-stream" } else { "application/json" })
}

impl Answered {
    /// A whole answer for whom the head of a stream has left already: told as a stream. `Err`: it cannot be.
    pub fn as_stream(self, bridge: &Bridge<'_>) -> Result<Self, Failure> {
        let Body::Whole { bytes, .. } = &self.body else {
            return if matches!(self.body, Body::Events(_)) { Ok(self) } else { Err(too_late()) };
        };
        let body = bridge.as_stream(bytes, now_seconds()).map(Body::from).ok_or_else(too_late)?;
        Ok(Self { content_type: content_type(&body), body, ..self })
    }

    /// An answer that no provider was asked for.
    pub fn without_asking(whole: Whole) -> Self {
        let body = Body::from(whole);
        let content_type = content_type(&body);
        Self { content_type, upstream_id: None, processing_ms: None, rate_limits: Vec::new(), body, flawed: None }
    }
}

fn too_late() -> Failure {
    Failure::new(FailureClass::Malformed).billable()
}

/// The little of the provider's headers that may reach a client.
fn answered(bridge: &Bridge<'_>, headers: &HeaderMap, body: Body, flawed: Option<Flawed>) -> Answered {
    let own = content_type(&body);
    let theirs = headers.get(CONTENT_TYPE).filter(|_| bridge.is_verbatim());
    Answered {
        content_type: theirs.cloned().unwrap_or(own),
        upstream_id: headers.get(&X_REQUEST_ID).or_else(|| headers.get(&REQUEST_ID)).cloned(),
        processing_ms: headers.get(&PROCESSING_MS).cloned(),
        rate_limits: headers
            .iter()
            .filter(|(name, _)| is_rate_limit(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        body,
        flawed,
    }
}
