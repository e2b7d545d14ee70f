//! One attempt: the exchange with a candidate, noted in the call's journal.

use std::sync::Arc;

use tokio::time::Instant;

use super::run::Ticket;
use crate::call::{AttemptEnd, AttemptNote, Call};
use crate::dialects::openai_chat::rewrite;
use crate::error::{Failure, FailureClass};
use crate::net::RequestBody;
use crate::upstream::{Answered, Ask, Body, exchange};

/// Asks the candidate that `ticket` is for. Its note in the journal stays without an end if the call is dropped here.
pub(super) async fn attempt(
    call: &Call,
    ticket: &Ticket,
    response_limit: usize,
    deadline: Instant,
) -> Result<Answered, Failure> {
    let target = &ticket.target;
    let provider = &target.provider;
    let envelope = &call.envelope;
    let place = call.journal.with(|notes| {
        notes.attempts.push(AttemptNote {
            provider: Arc::clone(provider.name.text()),
            model: Arc::clone(&target.label),
            began: Instant::now(),
            sent: None,
            answered: None,
            end: None,
            price: target.price,
        });
        notes.attempts.len() - 1
    });
    let ask_usage = provider.asks_usage && envelope.stream && !envelope.include_usage;
    let ask = Ask {
        endpoint: &provider.endpoint,
        key: ticket.key.zip(provider.keys.as_ref()).map(|(place, keys)| keys.get(place)),
        beta: call.beta.as_ref(),
        body: RequestBody::new(rewrite(&call.body, envelope, &target.id, ask_usage)),
        stream: envelope.stream,
        choices: envelope.n,
        withhold_usage: ask_usage,
        response_limit,
        deadline,
    };
    let sent = || call.journal.with(|notes| notes.attempts[place].sent = Some(Instant::now()));
    let mut result = exchange(ask, sent).await;
    if matches!(&result, Ok(Answered { body: Body::Whole { .. } | Body::Long(_), .. }))
        && call.journal.with(|notes| notes.head_left)
    {
        result = Err(Failure::new(FailureClass::Malformed).billable());
    }
    call.journal.with(|notes| {
        let note = &mut notes.attempts[place];
        match &result {
            Ok(_) => {
                note.answered = Some(Instant::now());
                note.end = Some(AttemptEnd::Answered);
            }
            Err(failure) => {
                note.end = Some(AttemptEnd::Failed { class: failure.class, billed: failure.may_be_billed });
            }
        }
    });
    result
}
