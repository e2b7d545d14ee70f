//! The limits of callers: of everybody together, of a user, of a key.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use foldhash::HashMap;
use futures_util::Stream;
use smallvec::SmallVec;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::ReplyFuture;
use crate::call::{Call, Caller, Frame, FrameStream, Reply};
use crate::config::Limit;
use crate::error::{GatewayError, Refused, Standing};
use crate::state::{Bucket, Counter, Slot, Slots, take_all};

/// When to come again where all places are taken and nothing says for how long.
const SOON: Duration = Duration::from_secs(1);

/// All limits that are configured. What is not limited has no entry and costs a look.
#[derive(Debug, Default)]
pub struct Limits {
    global: Option<Gate>,
    users: HashMap<Arc<str>, Gate>,
    keys: HashMap<Arc<str>, Gate>,
}

/// The limits on one level.
#[derive(Debug)]
struct Gate {
    requests: Option<Counter>,
    slots: Option<Arc<Slots>>,
}

impl Gate {
    fn new(limit: Limit, epoch: Instant) -> Option<Self> {
        if limit == Limit::default() {
            return None;
        }
        let requests = limit
            .requests
            .map(|limit| Counter::new(Bucket::new(limit.rate.amount, limit.rate.period, limit.burst), epoch));
        Some(Self { requests, slots: limit.concurrency.map(Slots::new) })
    }
}

/// Places that a call holds while it is under way.
type Held = SmallVec<[Slot; 3]>;

impl Limits {
    /// `keys` are (key id, user, limit); every bucket is full at `epoch`.
    pub fn new<'a>(
        global: Limit,
        per_user: Limit,
        keys: impl IntoIterator<Item = (&'a str, &'a str, Limit)>,
        epoch: Instant,
    ) -> Self {
        let mut limits = Self { global: Gate::new(global, epoch), ..Self::default() };
        for (key, user, limit) in keys {
            limits.keys.extend(Gate::new(limit, epoch).map(|gate| (key.into(), gate)));
            limits.users.extend(Gate::new(per_user, epoch).map(|gate| (user.into(), gate)));
        }
        limits
    }

    /// Takes what a call needs on every level, or nothing on any. Places are taken before requests, so that a call that
    /// finds no place does not use up a request.
    fn admit(&self, caller: &Caller, now: Instant) -> Result<(Held, Option<Standing>), Refused> {
        let levels = [
            ("global", self.global.as_ref()),
            ("user", self.users.get(&caller.user)),
            ("key", self.keys.get(&caller.key)),
        ];
        let gates: SmallVec<[(&'static str, &Gate); 3]> =
            levels.into_iter().filter_map(|(scope, gate)| Some((scope, gate?))).collect();
        let mut held = Held::new();
        for (scope, gate) in &gates {
            if let Some(slots) = &gate.slots {
                let full = || Refused { scope, rule: "concurrency", retry_after: SOON, standing: None };
                held.push(slots.take().ok_or_else(full)?);
            }
        }
        let (scopes, counters): (SmallVec<[_; 3]>, SmallVec<[_; 3]>) =
            gates.iter().filter_map(|(scope, gate)| Some((*scope, gate.requests.as_ref()?))).unzip();
        match take_all(&counters, now) {
            Ok(standing) => Ok((held, standing)),
            Err(wait) => Err(Refused {
                scope: scopes[wait.counter],
                rule: "requests",
                retry_after: wait.retry_after,
                standing: Some(wait.standing),
            }),
        }
    }
}

#[derive(Debug, Clone)]
pub struct LimitLayer(pub Arc<Limits>);

#[derive(Debug, Clone)]
pub struct Limited<S> {
    limits: Arc<Limits>,
    inner: S,
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { limits: Arc::clone(&self.0), inner }
    }
}

impl<S> Service<Box<Call>> for Limited<S>
where
    S: Service<Box<Call>, Response = Box<Reply>, Error = GatewayError, Future: Send + 'static>,
{
    type Response = Box<Reply>;
    type Error = GatewayError;
    type Future = ReplyFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Box<Call>) -> ReplyFuture {
        let (held, standing) = match self.limits.admit(&call.caller, Instant::now()) {
            Ok(admitted) => admitted,
            Err(refused) => return Box::pin(std::future::ready(Err(GatewayError::RateLimited(refused)))),
        };
        let reply = self.inner.call(call);
        Box::pin(async move {
            let mut reply = reply.await?;
            reply.standing = standing;
            if !held.is_empty() {
                reply.body.wrap(|frames| Box::pin(Holding { frames, _held: held }));
            }
            Ok(reply)
        })
    }
}

/// A stream that holds its caller's places until it ends or is dropped.
struct Holding {
    frames: FrameStream,
    _held: Held,
}

impl Stream for Holding {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.frames.as_mut().poll_next(cx)
    }
}
