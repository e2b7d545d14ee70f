//! An answer under way to the client: holds what its attempt holds, and charges the breaker with how it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::time::Instant;

use super::breaker::Permit;
use crate::call::{AttemptEnd, Frame, FrameKind, FrameStream, Journal};
use crate::error::FailureClass;
use crate::state::Slot;

/// Passes frames on. Nothing follows an error, whatever the provider still sends.
pub(super) struct Relay {
    frames: FrameStream,
    /// Gone when the verdict is known; dropped without one if the client leaves.
    permit: Option<Permit>,
    journal: Arc<Journal>,
    _slot: Option<Slot>,
    over: bool,
}

impl Relay {
    pub(super) fn around(
        frames: FrameStream,
        mut permit: Permit,
        slot: Option<Slot>,
        journal: Arc<Journal>,
    ) -> FrameStream {
        permit.confirm();
        Box::pin(Self { frames, permit: Some(permit), journal, _slot: slot, over: false })
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
                if let Some(permit) = self.permit.take()
                    && class != FailureClass::CallerError
                {
                    permit.fail(Instant::now(), None);
                }
            }
            Some(FrameKind::Done) => {
                if let Some(permit) = self.permit.take() {
                    permit.succeed();
                }
            }
            None => self.over = true,
            _ => {}
        }
        Poll::Ready(frame)
    }
}
