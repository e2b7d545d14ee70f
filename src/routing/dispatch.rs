//! The end of a call's way in: plan, then ask candidate after candidate until one answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tower::Service;

use super::attempt::Timed;
use super::kept::{Answer, Kept};
use super::plan::Unable;
use super::registry::Registry;
use super::relay::{Held, Relay};
use super::run::{Run, Ticket, Verdict};
use super::turn::{NoAnswer, Turn};
use crate::call::{CacheStatus, Call, Reply, ReplyBody, Served};
use crate::error::{FailureClass, GatewayError};
use crate::upstream::Body;

/// Executes calls. Dropping the future of a call gives everything back and closes its connection.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    registry: Arc<Registry>,
    response_limit: usize,
}

impl Dispatcher {
    pub fn new(registry: Arc<Registry>, response_limit: usize) -> Self {
        Self { registry, response_limit }
    }
}

impl Service<Box<Call>> for Dispatcher {
    type Response = Box<Reply>;
    type Error = GatewayError;
    type Future = Pin<Box<dyn Future<Output = Result<Box<Reply>, GatewayError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Box<Call>) -> Self::Future {
        Box::pin(execute(Arc::clone(&self.registry), call, self.response_limit))
    }
}

async fn execute(registry: Arc<Registry>, call: Box<Call>, response_limit: usize) -> Result<Box<Reply>, GatewayError> {
    let model = &call.envelope.model;
    let route = registry.resolve(model).ok_or_else(|| GatewayError::ModelNotFound { model: model.clone() })?;
    registry.repeats.count_call(call.read);
    let mut run = Run::new(route.plan(&call.envelope, call.read).map_err(|unable| refuse(unable, model))?);
    let mut kept = None;
    let sought = seek(&registry, &call, &mut run, &mut kept, response_limit).await;
    match (sought, kept) {
        (Ok(Some(answer)), kept) => {
            if let Some(kept) = kept {
                kept.let_go();
            }
            Ok(reply(&call, answer))
        }
        // An answer beats an error.
        (failed, Some(kept)) => match (kept.take_up(&call), failed) {
            (Some(answer), _) => Ok(reply(&call, answer)),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(run.exhausted(Instant::now())),
        },
        (Err(error), None) => Err(error),
        (Ok(None), None) => Err(run.exhausted(Instant::now())),
    }
}

/// Asks candidate after candidate. The first answer that is flawed goes into `kept`; where nobody does better, the next
/// that is flawed too ends the search. `None`: nobody is left.
async fn seek(
    registry: &Registry,
    call: &Call,
    run: &mut Run,
    kept: &mut Option<Kept>,
    response_limit: usize,
) -> Result<Option<Answer>, GatewayError> {
    loop {
        let now = Instant::now();
        if now >= call.deadline {
            return Err(past_deadline(call, run));
        }
        let mut ticket = match run.next_untried(now) {
            Some(ticket) if run.may_begin(now, call.deadline) => ticket,
            Some(_) => return Err(past_deadline(call, run)),
            // With an answer in hand nobody waits for another.
            None if kept.is_some() => return Ok(None),
            None => match wait_for_repeat(registry, run, call.deadline).await {
                Ok(ticket) => ticket,
                Err(NoRepeat::TooLate) => return Err(past_deadline(call, run)),
                Err(NoRepeat::NotWorthIt) => return Ok(None),
            },
        };
        let began = Instant::now();
        let until = run.share(&ticket, began, call.deadline);
        match Turn::new(call, &ticket, response_limit, run.quality(), until).ask().await {
            Ok((Timed { answered, slow }, dropped)) => {
                run.answered(&ticket);
                if slow {
                    ticket.target_permit.slow(fastrand::f64());
                }
                let answer = Answer { ticket, answered, dropped };
                if answer.answered.flawed.is_none() {
                    return Ok(Some(answer));
                }
                let flawed = Kept::new(call, answer);
                if kept.is_some() {
                    flawed.let_go();
                    return Ok(None);
                }
                *kept = Some(flawed);
            }
            Err(NoAnswer::Unfit(refusal)) => run.unfit(&ticket, refusal),
            Err(NoAnswer::Failed { failure, after_door }) => {
                if after_door {
                    run.has_no_such_door(&ticket);
                }
                let now = Instant::now();
                if call.hurried && now >= until && failure.class == FailureClass::Timeout {
                    run.interrupted(ticket, now - began, now, fastrand::f64());
                    continue;
                }
                if failure.class == FailureClass::Exhausted {
                    registry.make_room();
                }
                if let Verdict::Stop(error) = run.failed(ticket, failure, now, fastrand::f64()) {
                    return Err(error);
                }
            }
        }
    }
}

/// Why nobody is asked again.
enum NoRepeat {
    /// It would begin before the deadline, and have no time to be answered.
    TooLate,
    /// Nobody may be, the wait is too long, or the budget is spent.
    NotWorthIt,
}

/// Sleeps until the first repeat is due, if the wait and the budget allow it.
async fn wait_for_repeat(registry: &Registry, run: &mut Run, deadline: Instant) -> Result<Ticket, NoRepeat> {
    loop {
        let (place, due) = run.next_repeat().ok_or(NoRepeat::NotWorthIt)?;
        let now = Instant::now();
        if !Run::may_wait(due, now, deadline) {
            return Err(NoRepeat::NotWorthIt);
        }
        if !run.may_begin(due.max(now), deadline) {
            return Err(NoRepeat::TooLate);
        }
        if !registry.repeats.take_repeat(now) {
            return Err(NoRepeat::NotWorthIt);
        }
        sleep_until(due).await;
        if let Some(ticket) = run.repeat(place, Instant::now()) {
            return Ok(ticket);
        }
    }
}

fn past_deadline(call: &Call, run: &Run) -> GatewayError {
    let deadline = call.deadline.saturating_duration_since(call.arrived);
    GatewayError::Deadline { deadline, tried: run.tried().to_vec() }
}

fn refuse(unable: Unable, model: &str) -> GatewayError {
    let (can, param) = match unable {
        Unable::Vision => ("takes images", "messages"),
        Unable::Tools => ("takes tools", "tools"),
        Unable::Embeddings => ("makes embeddings", "model"),
    };
    GatewayError::invalid(format!("no provider of the model `{model}` {can}"), Some(param))
}

fn reply(call: &Call, answer: Answer) -> Box<Reply> {
    let Answer { ticket, answered, dropped } = answer;
    let Ticket { target, key, provider_permit, target_permit, slot, .. } = ticket;
    let now = Instant::now();
    provider_permit.succeed(now);
    let held = Held { target: Arc::clone(&target), key, permit: target_permit, slot };
    let journal = || Arc::clone(&call.journal);
    let (body, usage, text_bytes, complete) = match answered.body {
        Body::Whole { bytes, usage, text_bytes, complete } => {
            held.permit.succeed(now);
            (ReplyBody::Whole(bytes), usage, text_bytes, complete)
        }
        Body::Events(frames) => (ReplyBody::Events(Relay::around(frames, held, journal(), now)), None, 0, false),
        Body::Long(frames) => (ReplyBody::Long(Relay::around(frames, held, journal(), now)), None, 0, false),
    };
    Box::new(Reply {
        content_type: answered.content_type,
        body,
        served: Served {
            provider: target.provider.name.clone(),
            model: target.name.clone(),
            attempts: call.journal.with(|notes| u32::try_from(notes.attempts.len()).unwrap_or(u32::MAX)),
            upstream_id: answered.upstream_id,
            processing_ms: answered.processing_ms,
            rate_limits: answered.rate_limits,
        },
        cache: CacheStatus::Off,
        cache_age: None,
        standing: None,
        usage,
        text_bytes,
        cost: None,
        overhead: Duration::ZERO,
        // What another might have said better is not given to others.
        complete: complete && answered.flawed.is_none(),
        dropped,
    })
}
