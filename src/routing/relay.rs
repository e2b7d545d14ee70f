//! An answer under way to the client: holds what its attempt holds, and charges the breaker or the key with how it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::time::Instant;

use super::breaker::Permit;
use super::keys::KeyUse;
use super::provider::Target;
use crate::call::{AttemptEnd, Frame, FrameKind, FrameStream, Journal};
use crate::error::{Failure, FailureClass};
use crate::state::Slot;

/// What an attempt holds until its answer has ended.
pub(super) struct Held {
    pub(super) target: Arc<Target>,
    pub(super) key: Option<KeyUse>,
    pub(super) permit: Permit,
    pub(super) slot: Option<Slot>,
}

/// Passes frames on. Nothing follows an error, whatever the provider still sends.
pub(super) struct Relay {
    frames: FrameStream,
    /// Gone when the verdict is known; dropped without one if the client leaves.
    permit: Option<Permit>,
    target: Arc<Target>,
    key: Option<KeyUse>,
    journal: Arc<Journal>,
    _slot: Option<Slot>,
    over: bool,
}

impl Relay {
    pub(super) fn around(frames: FrameStream, held: Held, journal: Arc<Journal>, now: Instant) -> FrameStream {
        let Held { target, key, mut permit, slot } = held;
        permit.confirm(now);
        Box::pin(Self { frames, permit: Some(permit), target, key, journal, _slot: slot, over: false })
    }

    /// As for an attempt that gives no answer: a key's fault is the key's alone.
    fn broke(&mut self, class: FailureClass) {
        let now = Instant::now();
        let Some(permit) = self.permit.take() else { return };
        match &self.key {
            Some(key) if self.target.provider.blames_key(class) => {
                self.target.provider.rest_key(key.place(), &Failure::new(class), now);
            }
            _ if class != FailureClass::CallerError => permit.fail(now, None, fastrand::f64()),
            _ => {}
        }
    }
}

impl Stream for Relay {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        if self.over {
            return Poll::Ready(None);
        }
        let frame = ready!(self.frames.as_mut().poll_next(cx));
        match frame.as_ref().map(|frame| frame.kind) {
            Some(FrameKind::Error(class)) => {
                self.over = true;
                self.journal.with(|notes| notes.end_served(AttemptEnd::Broken(class)));
                self.broke(class);
            }
            Some(FrameKind::Done) => {
                if let Some(permit) = self.permit.take() {
                    permit.succeed(Instant::now());
                }
            }
            None => self.over = true,
            _ => {}
        }
        Poll::Ready(frame)
    }
}
