//! Replies and errors as HTTP. The one place where an error gets a status.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::body::{Events, OutBody, Rhythm};
use super::voice::Voice;
use crate::api::ErrorBody;
use crate::call::{Reply, ReplyBody};
use crate::error::{GatewayError, Standing};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// Names of the headers that are ours.
pub(super) mod names {
    use http::HeaderName;

    pub(in crate::server) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    pub(in crate::server) const SHORT_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
    pub(super) const DROPPED: HeaderName = HeaderName::from_static("x-tollgate-dropped-params");
    pub(super) const UPSTREAM_ID: HeaderName = HeaderName::from_static("x-tollgate-upstream-id");
    pub(super) const PROVIDER: HeaderName = HeaderName::from_static("x-tollgate-provider");
    pub(super) const MODEL: HeaderName = HeaderName::from_static("x-tollgate-model");
    pub(super) const ATTEMPTS: HeaderName = HeaderName::from_static("x-tollgate-attempts");
    pub(super) const CACHE: HeaderName = HeaderName::from_static("x-tollgate-cache");
    pub(super) const CACHE_AGE: HeaderName = HeaderName::from_static("x-tollgate-cache-age");
    pub(super) const COST_USD: HeaderName = HeaderName::from_static("x-tollgate-cost-usd");
    pub(super) const OVERHEAD_US: HeaderName = HeaderName::from_static("x-tollgate-overhead-us");
    pub(super) const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
    pub(super) const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
    pub(super) const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
    pub(super) const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
    pub(super) const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
    pub(super) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
}

/// The texts of one response's headers, written one after the other into memory that they share.
struct Texts(BytesMut);

impl Texts {
    /// `text` has nothing in it that a header may not hold.
    fn value(&mut self, text: impl Display) -> HeaderValue {
        write!(self.0, "{text}").expect("the buffer grows");
        HeaderValue::from_maybe_shared(self.0.split().freeze()).expect("digits and letters")
    }

    fn number(&mut self, number: impl itoa::Integer) -> HeaderValue {
        self.value(itoa::Buffer::new().format(number))
    }
}

/// An answer.
pub(super) fn reply(reply: Box<Reply>, rhythm: Rhythm) -> Response<OutBody> {
    let reply = *reply;
    let mut headers = HeaderMap::with_capacity(20);
    let mut texts = Texts(BytesMut::with_capacity(128));
    headers.insert(CONTENT_TYPE, reply.content_type);
    protect(&mut headers);
    let served = reply.served;
    for (name, value) in [(names::PROVIDER, served.provider.header()), (names::MODEL, served.model.header())] {
        // A configured name may hold what a header may not; then the header is left out.
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers.insert(names::ATTEMPTS, texts.number(served.attempts));
    headers.insert(names::CACHE, HeaderValue::from_static(reply.cache.as_str()));
    if let Some(age) = reply.cache_age {
        headers.insert(names::CACHE_AGE, texts.number(age.as_secs()));
    }
    if let Some(id) = served.upstream_id {
        headers.insert(names::UPSTREAM_ID, id);
    }
    if let Some(millis) = served.processing_ms {
        headers.insert(names::PROCESSING_MS, millis);
    }
    match &reply.standing {
        Some(standing) => rate_limit(&mut headers, &mut texts, standing),
        None => headers.extend(served.rate_limits),
    }
    if let Some(dropped) = reply.dropped {
        headers.insert(names::DROPPED, dropped);
    }
    if let Some(cost) = reply.cost {
        headers.insert(names::COST_USD, texts.value(cost));
    }
    headers.insert(names::OVERHEAD_US, texts.number(reply.overhead.as_micros()));
    let body = match reply.body {
        ReplyBody::Whole(bytes) => bytes.into(),
        ReplyBody::Events(frames) => Events::flowing(frames, served.provider, rhythm).into(),
        ReplyBody::Long(frames) => OutBody::long(frames),
    };
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// The head of a stream whose reply has not come: nothing in it depends on a provider.
pub(super) fn waiting(events: Events) -> Response<OutBody> {
    let mut response = Response::new(OutBody::from(events));
    response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    protect(response.headers_mut());
    response
}

/// An error in the door's shape.
#[cold]
pub(super) fn error(error: &GatewayError, voice: Voice) -> Response<OutBody> {
    let told = Told::of(error);
    let message = error.to_string();
    let mut response = told_in(told.status, voice.error(told.status, &told.body(&message)).into());
    let headers = response.headers_mut();
    if let Some(wait) = told.retry_after {
        // Rounded up: who comes earlier is refused again.
        headers.insert(
            RETRY_AFTER,
            wait.as_secs_f64().ceil().max(1.0).to_string().parse().unwrap_or(HeaderValue::from_static("1")),
        );
        headers.insert(names::RETRY_AFTER_MS, u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1).into());
    }
    if let GatewayError::RateLimited(refused) = error
        && let Some(standing) = &refused.standing
    {
        rate_limit(headers, &mut Texts(BytesMut::new()), standing);
    }
    if matches!(error, GatewayError::BodyTooLarge { .. } | GatewayError::BodyTimeout) {
        // The rest of the body is not read, so nothing can follow it.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(attempts) = told.attempts {
        headers.insert(names::ATTEMPTS, attempts.into());
    }
    response
}

/// An error as the last event of a stream; `last`: the event before it.
pub(super) fn error_event(error: &GatewayError, voice: Voice, last: &[u8]) -> Bytes {
    let told = Told::of(error);
    voice.error_event(told.status, &told.body(&error.to_string()), last).into()
}

/// An error that concerns no call: an unknown path, a wrong method.
pub(super) fn page(status: StatusCode, body: &ErrorBody<'_>) -> Response<OutBody> {
    told_in(status, body.to_json().into())
}

/// An answer that is no call's.
pub(super) fn document(answer: &impl Serialize) -> Response<OutBody> {
    match serde_json::to_vec(answer) {
        Ok(body) => told_in(StatusCode::OK, body.into()),
        Err(_) => told_in(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
    }
}

fn told_in(status: StatusCode, body: Bytes) -> Response<OutBody> {
    let mut response = Response::new(OutBody::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) {
        response.headers_mut().insert(names::SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    protect(response.headers_mut());
    response
}

/// What the table of errors says (DESIGN 4.5).
struct Told<'a> {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'a str>,
    param: Option<&'a str>,
    retry_after: Option<Duration>,
    attempts: Option<usize>,
}

impl<'a> Told<'a> {
    fn of(error: &'a GatewayError) -> Self {
        use StatusCode as S;
        const REQUEST: &str = "invalid_request_error";
        let told = |status, kind, code| Told { status, kind, code, param: None, retry_after: None, attempts: None };
        match error {
            GatewayError::InvalidRequest { param, .. } => {
                Told { param: param.as_deref(), ..told(S::BAD_REQUEST, REQUEST, None) }
            }
            GatewayError::BodyTooLarge { .. } => told(S::PAYLOAD_TOO_LARGE, REQUEST, Some("request_too_large")),
            GatewayError::BodyTimeout => told(S::REQUEST_TIMEOUT, REQUEST, None),
            GatewayError::UnsupportedMediaType => {
                told(S::UNSUPPORTED_MEDIA_TYPE, REQUEST, Some("unsupported_media_type"))
            }
            GatewayError::InvalidKey(_) => told(S::UNAUTHORIZED, "authentication_error", Some("invalid_api_key")),
            GatewayError::ModelNotFound { .. } => {
                Told { param: Some("model"), ..told(S::NOT_FOUND, REQUEST, Some("model_not_found")) }
            }
            GatewayError::ModelNotAllowed { .. } => {
                Told { param: Some("model"), ..told(S::FORBIDDEN, "permission_error", Some("model_not_allowed")) }
            }
            GatewayError::RateLimited(refused) => limited(refused.retry_after),
            GatewayError::AddressLimited { retry_after } => limited(*retry_after),
            GatewayError::AllLimited { retry_after, tried } => {
                Told { attempts: Some(tried.len()), ..limited(*retry_after) }
            }
            GatewayError::Refused { refusal, attempts } => {
                let status = S::from_u16(refusal.status).unwrap_or(S::BAD_REQUEST);
                let code = refusal.code.as_deref().or((refusal.status == 413).then_some("request_too_large"));
                Told { attempts: Some(*attempts), param: refusal.param.as_deref(), ..told(status, REQUEST, code) }
            }
            GatewayError::AllFailed { tried, retry_after } => Told {
                attempts: Some(tried.len()),
                retry_after: Some(*retry_after),
                ..told(S::BAD_GATEWAY, "api_error", Some("all_providers_failed"))
            },
            GatewayError::NoneAvailable { retry_after } => Told {
                retry_after: Some(*retry_after),
                attempts: Some(0),
                ..told(S::SERVICE_UNAVAILABLE, "overloaded", Some("no_provider_available"))
            },
            GatewayError::Deadline { tried, .. } => {
                Told { attempts: Some(tried.len()), ..told(S::GATEWAY_TIMEOUT, "timeout", Some("deadline_exceeded")) }
            }
            GatewayError::StreamBroken(_) => told(S::BAD_GATEWAY, "api_error", Some("all_providers_failed")),
            GatewayError::ShuttingDown => Told {
                retry_after: Some(Duration::from_secs(1)),
                ..told(S::SERVICE_UNAVAILABLE, "overloaded", Some("no_provider_available"))
            },
            GatewayError::Internal => told(S::INTERNAL_SERVER_ERROR, "api_error", None),
        }
    }

    fn body<'b>(&'b self, message: &'b str) -> ErrorBody<'b> {
        ErrorBody { message, kind: self.kind, param: self.param, code: self.code }
    }
}

fn limited(retry_after: Duration) -> Told<'static> {
    Told {
        status: StatusCode::TOO_MANY_REQUESTS,
        kind: "rate_limit_error",
        code: Some("rate_limit_exceeded"),
        param: None,
        retry_after: Some(retry_after),
        attempts: None,
    }
}

/// Answers belong to one caller: no cache on the way keeps them, and no browser guesses what they are.
fn protect(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn rate_limit(headers: &mut HeaderMap, texts: &mut Texts, standing: &Standing) {
    headers.insert(names::LIMIT, texts.number(standing.limit));
    headers.insert(names::REMAINING, texts.number(standing.remaining));
    headers.insert(names::RESET, texts.value(Compound(standing.reset)));
}

/// A duration as OpenAI writes it in these headers: `17ms`, `1s`, `6m0s`.
struct Compound(Duration);

impl Display for Compound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let seconds = millis.div_ceil(1000);
        match seconds {
            _ if millis < 1000 => write!(f, "{millis}ms"),
            0..=59 => write!(f, "{seconds}s"),
            60..=3599 => write!(f, "{}m{}s", seconds / 60, seconds % 60),
            _ => write!(f, "{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_read_as_openai_writes_them() {
        for (millis, text) in
            [(17, "17ms"), (1_000, "1s"), (1_200, "2s"), (90_000, "1m30s"), (360_000, "6m0s"), (3_661_000, "1h1m1s")]
        {
            assert_eq!(Compound(Duration::from_millis(millis)).to_string(), text);
        }
    }

    fn voice() -> Voice {
        Voice { door: crate::call::Door::ChatCompletions, id: crate::call::CallId::new() }
    }

    #[test]
    fn a_wait_is_told_in_both_spellings_and_rounded_up() {
        let limited = GatewayError::AddressLimited { retry_after: Duration::from_millis(1_200) };
        let response = error(&limited, voice());
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["retry-after-ms"], "1200");
        assert!(!response.headers().contains_key("x-should-retry"));
    }

    #[test]
    fn mistakes_are_not_to_be_repeated() {
        let response = error(&GatewayError::invalid("no", Some("n")), voice());
        assert_eq!(response.headers()["x-should-retry"], "false");
    }
}
