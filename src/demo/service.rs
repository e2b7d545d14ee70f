//! One simulated provider's answer to one HTTP request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::answer::Answer;
use super::ask::{Ask, BadAsk};
use super::play::{self, Body, Cut};
use super::rule::Progress;
use super::wire::{self, Stamp};
use super::{Effect, Ending, ErrorText, Outcome, ProviderSpec};

/// Longer requests are refused.
const BODY_LIMIT: usize = 64 << 20;

/// A provider at work.
#[derive(Debug)]
pub(super) struct Service {
    spec: ProviderSpec,
    rules: Mutex<RulesState>,
    calls: AtomicU64,
}

#[derive(Debug)]
struct RulesState {
    random: fastrand::Rng,
    /// One for each rule of the spec.
    progress: Vec<Progress>,
}

impl Service {
    pub(super) fn new(spec: ProviderSpec, seed: u64) -> Self {
        let rules = RulesState {
            random: fastrand::Rng::with_seed(seed),
            progress: vec![Progress::default(); spec.rules.len()],
        };
        Self { spec, rules: Mutex::new(rules), calls: AtomicU64::new(0) }
    }

    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// An error tells the connection to end without an answer.
    pub(super) async fn serve(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let path = request.uri().path();
        let door = path.strip_prefix("/v1").unwrap_or(path);
        let method = match door {
            "/healthz" | "/models" => Method::GET,
            "/chat/completions" => Method::POST,
            _ => return Ok(refuse(StatusCode::NOT_FOUND, "There is nothing at this path.", None)),
        };
        if *request.method() != method {
            return Ok(refuse(StatusCode::METHOD_NOT_ALLOWED, "This path takes another method.", None));
        }
        if door == "/healthz" {
            return Ok(json(StatusCode::OK, &Bytes::from_static(b"{\"status\":\"ok\"}")));
        }
        let chat = door == "/chat/completions";
        if chat {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        if !self.admits(request.headers()) {
            return Ok(refuse(StatusCode::UNAUTHORIZED, "Incorrect API key provided.", None));
        }
        if chat {
            self.chat(request.into_body()).await
        } else {
            Ok(json(StatusCode::OK, &wire::models(&self.spec.models, &self.spec.name)))
        }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(key) = &self.spec.key else { return true };
        (headers.get(AUTHORIZATION))
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|given| given == key)
    }

    async fn chat(&self, body: Incoming) -> Result<Response<Body>, Cut> {
        let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
            return Ok(refuse(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long or was cut.", None));
        };
        let ask = match Ask::read(&body.to_bytes()) {
            Ok(ask) => ask,
            Err(BadAsk { message, param }) => return Ok(refuse(StatusCode::BAD_REQUEST, &message, param)),
        };
        if !self.spec.models.is_empty() && !self.spec.models.contains(&ask.model) {
            let message = format!("The model `{}` does not exist.", ask.model);
            return Ok(refuse(StatusCode::NOT_FOUND, &message, Some("model")));
        }
        let effect = self.effect(&ask);
        tokio::time::sleep(self.spec.latency + effect.delay).await;
        let mut response = match effect.outcome {
            Outcome::Answer => self.answer(&ask, &effect),
            Outcome::Error(status, ref text) => {
                body_of(status, "application/json", &wire::error(status, text, None), &effect.ending)
            }
            Outcome::Garbage(status, garbage) => {
                let (content_type, bytes) = garbage.body();
                body_of(status, content_type, &Bytes::from_static(bytes), &effect.ending)
            }
            Outcome::Silence => std::future::pending().await,
            Outcome::HangUp(how) => return Err(Cut(how)),
        };
        response.headers_mut().extend(effect.headers);
        Ok(response)
    }

    /// What the first rule that takes this call makes of it.
    fn effect(&self, ask: &Ask) -> Effect {
        let mut state = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let RulesState { random, progress } = &mut *state;
        (self.spec.rules.iter().zip(progress))
            .find_map(|(rule, progress)| {
                let about = rule.when.matches(&ask.model, ask.stream, &ask.text);
                (about && progress.take(&rule.often, random)).then(|| rule.effect.clone())
            })
            .unwrap_or_default()
    }

    fn answer(&self, ask: &Ask, effect: &Effect) -> Response<Body> {
        let answer = Answer::to(ask, &self.spec.name, self.spec.words);
        let stamp = Stamp::now(&ask.model);
        if ask.stream {
            let pace = effect.pace.unwrap_or(self.spec.pace);
            let events = wire::events(&answer, &stamp, ask.include_usage);
            return respond(StatusCode::OK, "text/event-stream", play::events(events, pace, &effect.ending));
        }
        match &effect.ending {
            Ending::Error(_, text) => json(StatusCode::OK, &wire::error(StatusCode::INTERNAL_SERVER_ERROR, text, None)),
            ending => body_of(StatusCode::OK, "application/json", &wire::completion(&answer, &stamp), ending),
        }
    }
}

fn refuse(status: StatusCode, message: &str, param: Option<&str>) -> Response<Body> {
    let text = ErrorText { message: Some(message.to_owned()), ..ErrorText::default() };
    json(status, &wire::error(status, &text, param))
}

fn json(status: StatusCode, bytes: &Bytes) -> Response<Body> {
    body_of(status, "application/json", bytes, &Ending::Whole)
}

/// A body of known length. The length is told even where the script ends it early.
fn body_of(status: StatusCode, content_type: &'static str, bytes: &Bytes, ending: &Ending) -> Response<Body> {
    let mut response = respond(status, content_type, play::whole(bytes, ending));
    if status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(CONTENT_LENGTH, bytes.len().into());
    }
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
