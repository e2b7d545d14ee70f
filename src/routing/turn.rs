//! A candidate's turn: what it would be sent, whether it can be asked that at all, and by which of its doors.

use http::HeaderValue;
use tokio::time::Instant;

use super::attempt::{Timed, attempt};
use super::provider::Target;
use super::run::Ticket;
use crate::api::chat::{Fate, Loss, Losses};
use crate::call::{Call, Door};
use crate::config::Quality;
use crate::dialects::{self, Bridge, Invalid, Sent};
use crate::error::{Failure, FailureClass, Refusal};

/// One candidate's turn.
pub(super) struct Turn<'a> {
    call: &'a Call,
    ticket: &'a Ticket,
    response_limit: usize,
    quality: Quality,
    until: Instant,
}

/// Why a turn gave nothing.
pub(super) enum NoAnswer {
    /// The candidate cannot be asked this.
    Unfit(Box<Refusal>),
    /// `after_door`: it does not have the call's own door, and failed at the one that was asked then.
    Failed { failure: Failure, after_door: bool },
}

impl<'a> Turn<'a> {
    /// `until` is when the answer must have begun (a stream) or be whole.
    pub(super) fn new(
        call: &'a Call,
        ticket: &'a Ticket,
        response_limit: usize,
        quality: Quality,
        until: Instant,
    ) -> Self {
        Self { call, ticket, response_limit, quality, until }
    }

    /// The answer, and what the request lost on its way, as a header tells it.
    pub(super) async fn ask(&self) -> Result<(Timed, Option<HeaderValue>), NoAnswer> {
        let target = &*self.ticket.target;
        let wanted = dialects::Target {
            model: &target.id,
            max_output: target.max_output,
            ask_usage: target.provider.asks_usage,
        };
        let bridge = Bridge::new(self.call, target.provider.preset, wanted).judging(self.quality);
        match self.ask_by(&bridge).await {
            Err(NoAnswer::Failed { failure, .. }) if failure.class == FailureClass::NotFound => {
                let failed = |failure, after_door| NoAnswer::Failed { failure, after_door };
                match bridge.by_chat() {
                    Some(by_chat) => self.ask_by(&by_chat).await.map_err(|again| match again {
                        NoAnswer::Failed { failure, .. } => failed(failure, true),
                        unfit => unfit,
                    }),
                    None => Err(failed(failure, false)),
                }
            }
            result => result,
        }
    }

    async fn ask_by(&self, bridge: &Bridge<'_>) -> Result<(Timed, Option<HeaderValue>), NoAnswer> {
        let Self { call, ticket, response_limit, until, .. } = *self;
        let sent = prepare(call, &ticket.target, bridge).map_err(NoAnswer::Unfit)?;
        let dropped = dropped(&sent.losses, call.door);
        match attempt(call, ticket, bridge, sent, response_limit, until).await {
            Ok(timed) => Ok((timed, dropped)),
            Err(failure) => Err(NoAnswer::Failed { failure, after_door: false }),
        }
    }
}

/// What this candidate would be sent; `Err`: why it cannot be asked this.
fn prepare(call: &Call, target: &Target, bridge: &Bridge<'_>) -> Result<Sent, Box<Refusal>> {
    let refuse = |message, param| Box::new(Refusal { status: 400, message, param, code: None });
    let sent = bridge.write().map_err(|Invalid { message, param }| refuse(message, param))?;
    let Some(Loss { field, fate }) = sent.losses.iter().next().filter(|_| call.strict) else { return Ok(sent) };
    let field = field.name(call.door.format());
    let what = match fate {
        Fate::Dropped => "has no place for",
        Fate::Approximated => "can only come near to",
    };
    let message = format!("the provider {} {what} `{field}`, and the call is strict", &*target.provider.name);
    Err(refuse(message, Some(field.into_owned())))
}

/// The value of `x-tollgate-dropped-params`.
fn dropped(losses: &Losses, door: Door) -> Option<HeaderValue> {
    /// A client chooses the names: a header has an end.
    const LONGEST: usize = 1_000;
    if losses.is_empty() {
        return None;
    }
    let mut names = String::new();
    let mut more = 0;
    for loss in losses.iter() {
        let name = escaped(&loss.field.name(door.format()));
        if name.is_empty() || names.split(", ").any(|told| told == name) {
            continue;
        }
        if names.len() + name.len() > LONGEST {
            more += 1;
            continue;
        }
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(&name);
    }
    if more > 0 {
        names.push_str(&format!(" (+{more} more)"));
    }
    HeaderValue::try_from(names).ok()
}

/// What would not pass for a name in the list is percent-encoded.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b',' | b'%') {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chat::Field;

    #[test]
    fn no_name_is_lost_or_breaks_the_list() {
        let mut losses = Losses::default();
        for name in ["a,b", "東", "x\r\ny: z", "plain", ""] {
            losses.dropped(Field::Extra(name.into()));
        }
        assert_eq!(dropped(&losses, Door::ChatCompletions).unwrap(), "a%2Cb, %E6%9D%B1, x%0D%0Ay:%20z, plain");
        for number in 0..500 {
            losses.dropped(Field::Extra(format!("member{number}")));
        }
        let told = dropped(&losses, Door::ChatCompletions).unwrap();
        let told = told.to_str().unwrap();
        let names = told.split(" (").next().unwrap().split(", ").count();
        assert!(told.ends_with(&format!(" (+{} more)", 504 - names)), "{told}");
    }
}
