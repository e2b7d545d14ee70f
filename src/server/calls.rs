//! The doors for calls: from a request to a call, and from its reply to a response.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;
use tower::ServiceExt;

use super::body::{Events, OutBody, Pending, Rhythm};
use super::front::Doors;
use super::respond;
use super::upload::read_body;
use super::voice::Voice;
use super::wishes::Wishes;
use crate::call::{Call, CallId, Door};
use crate::dialects::read_envelope;
use crate::error::GatewayError;
use crate::usage::Arrival;

/// Answers a request. Everything that can be refused is refused before a provider hears of it.
pub(super) async fn answer_call(
    doors: &Doors,
    door: Door,
    id: CallId,
    request: Request<Incoming>,
) -> Response<OutBody> {
    let mut arrival = doors.meter.arrived(door, id);
    let (head, mut body) = request.into_parts();
    match read_call(doors, door, id, &mut arrival, &head.headers, &mut body).await {
        Ok(call) => {
            arrival.became_call();
            answer(doors, call).await
        }
        Err(error) => {
            arrival.refused(&error);
            if head.version == Version::HTTP_2 && !body.is_end_stream() {
                tokio::spawn(discard(body));
            }
            respond::error(&error, Voice { door, id })
        }
    }
}

/// Reads a body that nobody wants, for a moment. HTTP/2 resets a stream whose body is dropped unread, and there are
/// clients that then lose the answer too. (On HTTP/1.1 `linger` sees to this.)
async fn discard(mut body: Incoming) {
    const LIMIT: usize = 64 << 10;
    const PATIENCE: Duration = Duration::from_secs(1);
    let mut read = 0;
    let discarding = async {
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > LIMIT {
                break;
            }
        }
    };
    // Whoever takes longer is reset after all.
    let _ = tokio::time::timeout(PATIENCE, discarding).await;
}

async fn read_call(
    doors: &Doors,
    door: Door,
    id: CallId,
    arrival: &mut Arrival,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Box<Call>, GatewayError> {
    let arrived = Instant::now();
    let caller = doors.auth.caller(headers)?;
    arrival.caller = Some(Arc::clone(&caller));
    let wishes = Wishes::read(headers)?;
    let (body, owns_body) = read_body(body, &doors.server).await?;
    let read = Instant::now();
    let envelope = read_envelope(door, &body)
        .map_err(|invalid| GatewayError::InvalidRequest { message: invalid.message, param: invalid.param })?;
    let model = &envelope.model;
    let route = doors.registry.resolve(model).ok_or_else(|| GatewayError::ModelNotFound { model: shown(model) })?;
    if !caller.may_use(model) {
        return Err(GatewayError::ModelNotAllowed { model: shown(model) });
    }
    let ours = route.deadline.map_or(doors.server.deadline, |models| models.min(doors.server.deadline));
    let hurry = wishes.deadline.filter(|wish| *wish < ours);
    Ok(Box::new(Call {
        id,
        client_id: wishes.request_id.map(|id| shown(&String::from_utf8_lossy(id.as_bytes())).into()),
        door,
        caller,
        label: Arc::clone(&route.label),
        route_version: route.version,
        envelope,
        body,
        owns_body,
        cache: wishes.cache,
        betas: wishes.betas,
        strict: wishes.strict || route.strict,
        asked: OnceLock::new(),
        arrived,
        read,
        deadline: arrived + hurry.unwrap_or(ours),
        hurried: hurry.is_some(),
        journal: Arc::default(),
    }))
}

/// A client's words in our messages and logs, shortened.
fn shown(words: &str) -> String {
    const SHOWN: usize = 100;
    words.chars().take(SHOWN).collect()
}

async fn answer(doors: &Doors, call: Box<Call>) -> Response<OutBody> {
    let stream = call.envelope.stream;
    let arrived = call.arrived;
    let voice = Voice { door: call.door, id: call.id };
    let rhythm = Rhythm {
        voice,
        keepalive: doors.server.keepalive,
        stop: doors.stop.clone(),
        journal: Arc::clone(&call.journal),
    };
    let mut pending: Pending = Box::pin(doors.calls.clone().oneshot(call));
    let reply = tokio::select! {
        biased;
        reply = &mut pending => reply,
        // The status has to leave at some time; from then on whatever happens is told in events.
        () = tokio::time::sleep_until(arrived + rhythm.keepalive), if stream => {
            rhythm.journal.with(|notes| notes.head_left = true);
            return respond::waiting(Events::waiting(pending, rhythm));
        }
        () = doors.stop.cancelled() => {
            rhythm.journal.with(|notes| notes.given_up = true);
            Err(GatewayError::ShuttingDown)
        }
    };
    match reply {
        Ok(reply) => respond::reply(reply, rhythm),
        Err(error) => respond::error(&error, voice),
    }
}
