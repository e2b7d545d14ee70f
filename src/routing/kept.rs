//! Answers: what a call gets for its reply, and the one that was passed over for its quality and is kept in case that
//! nobody does better.

use http::HeaderValue;
use tokio::time::Instant;

use super::run::Ticket;
use crate::call::{AttemptEnd, Call};
use crate::upstream::{Answered, Body};

/// An answer, and everything that its attempt holds.
pub(super) struct Answer {
    pub(super) ticket: Ticket,
    pub(super) answered: Answered,
    /// The value of `x-tollgate-dropped-params`.
    pub(super) dropped: Option<HeaderValue>,
}

/// An answer that was passed over. Its attempt counts as such until it is taken up again.
pub(super) struct Kept {
    answer: Answer,
    /// Of its attempt, in the journal.
    place: usize,
}

impl Kept {
    /// Passes over the answer of the call's last attempt.
    pub(super) fn new(call: &Call, answer: Answer) -> Self {
        let place = call.journal.with(|notes| {
            if let (Some(note), Some(flawed)) = (notes.attempts.last_mut(), answer.answered.flawed) {
                note.end = Some(AttemptEnd::PassedOver { usage: flawed.usage, text_bytes: flawed.text_bytes });
            }
            notes.attempts.len().saturating_sub(1)
        });
        if let Some(flawed) = answer.answered.flawed {
            tracing::debug!(
                call.id = call.id.as_str(),
                provider.name = &*answer.ticket.target.provider.name,
                answer.flaw = flawed.flaw.as_str(),
                "an answer was passed over"
            );
        }
        Self { answer, place }
    }

    /// The client gets it after all. `None`: the head of a stream has left since, behind which it has no place.
    pub(super) fn take_up(self, call: &Call) -> Option<Answer> {
        let Self { answer, place } = self;
        let is_stream = matches!(answer.answered.body, Body::Events(_));
        call.journal.with(|notes| {
            if notes.head_left && !is_stream {
                return None;
            }
            if let Some(note) = notes.attempts.get_mut(place) {
                note.end = Some(AttemptEnd::Answered);
            }
            Some(answer)
        })
    }

    /// Another one is better. The provider did its work all the same.
    pub(super) fn let_go(self) {
        let Ticket { provider_permit, target_permit, .. } = self.answer.ticket;
        let now = Instant::now();
        provider_permit.succeed(now);
        target_permit.succeed(now);
    }
}
