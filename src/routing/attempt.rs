//! One attempt: the exchange with a candidate, noted in the call's journal.

use std::sync::Arc;

use tokio::time::Instant;

use super::run::Ticket;
use crate::call::{AttemptEnd, AttemptNote, Call};
use crate::dialects::{Bridge, Sent};
use crate::error::Failure;
use crate::net::RequestBody;
use crate::upstream::{Answered, Ask, Body, exchange};

/// An answer, and whether it took its candidate too long to begin with it.
pub(super) struct Timed {
    pub(super) answered: Answered,
    pub(super) slow: bool,
}

/// Asks the candidate that `ticket` is for what `sent` says. Its note in the journal stays without an end if the call is
/// dropped here.
pub(super) async fn attempt(
    call: &Call,
    ticket: &Ticket,
    bridge: &Bridge<'_>,
    sent: Sent,
    response_limit: usize,
    deadline: Instant,
) -> Result<Timed, Failure> {
    let target = &ticket.target;
    let provider = &target.provider;
    let began = Instant::now();
    let place = call.journal.with(|notes| {
        notes.attempts.push(AttemptNote {
            provider: Arc::clone(provider.name.text()),
            model: Arc::clone(&target.label),
            began,
            sent: None,
            answered: None,
            end: None,
            price: target.prices.at(began).cloned(),
        });
        notes.attempts.len() - 1
    });
    let Some(address) = target.address(bridge.place(), call.envelope.stream) else {
        let answered = Answered::without_asking(bridge.estimated());
        call.journal.with(|notes| {
            let note = &mut notes.attempts[place];
            note.answered = Some(Instant::now());
            note.end = Some(AttemptEnd::Answered);
        });
        return Ok(Timed { answered, slow: false });
    };
    let ask = Ask {
        endpoint: &provider.endpoint,
        address,
        key: ticket.key.as_ref().zip(provider.keys.as_ref()).map(|(key, keys)| keys.get(key.place())),
        betas: &call.betas,
        body: RequestBody::new(sent.body),
        stream: call.envelope.stream,
        bridge,
        withhold_usage: sent.withhold_usage,
        response_limit,
        deadline,
    };
    let on_sent = || call.journal.with(|notes| notes.attempts[place].sent = Some(Instant::now()));
    let mut result = exchange(ask, on_sent).await;
    if call.journal.with(|notes| notes.head_left) {
        result = result.and_then(|answered| answered.as_stream(bridge));
    }
    call.journal.with(|notes| {
        let note = &mut notes.attempts[place];
        match result {
            Ok(answered) => {
                let now = Instant::now();
                let took = now.saturating_duration_since(note.began);
                if matches!(answered.body, Body::Events(_)) {
                    target.first_tokens.note(took);
                }
                note.answered = Some(now);
                note.end = Some(AttemptEnd::Answered);
                Ok(Timed { answered, slow: provider.slow.is_some_and(|slow| took > slow) })
            }
            Err(failure) => {
                note.end = Some(AttemptEnd::Failed { class: failure.class, billed: failure.may_be_billed });
                Err(failure)
            }
        }
    })
}
