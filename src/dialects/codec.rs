//! What every codec is made of.
//!
//! A provider's codec has `write_request`, `read_answer` and a [`ReadEvents`]; a door's has `read_request`,
//! `write_answer` and a [`WriteEvents`]. Between them is the common form of [`crate::api::chat`].

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use super::sse::Event;
use crate::api::chat::{Delta, Losses};
use crate::api::json::Malformed;
use crate::error::{FailureClass, Refusal};

/// Why a request is refused. `param` is the field as the door's vendor names it, e.g. `messages[0].role`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Invalid {
    pub message: String,
    pub param: Option<String>,
}

impl Invalid {
    #[cold]
    pub(super) fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), param: Some(param.into()) }
    }
}

impl From<Malformed> for Invalid {
    fn from(malformed: Malformed) -> Self {
        Self { message: format!("the body is not valid JSON: {malformed}"), param: None }
    }
}

/// What a request is written for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The provider's own name of the model.
    pub model: &'a str,
    /// Most tokens that it gives, where that is known.
    pub max_output: Option<u32>,
    /// Usage is to be asked for on a stream, even if the client did not.
    pub ask_usage: bool,
}

/// A request in a provider's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub body: Vec<u8>,
    pub losses: Losses,
}

/// A provider's answer that is none: an error inside a 200, or something that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub class: FailureClass,
    /// What was said of the request, where the class is `CallerError`.
    pub refusal: Option<Refusal>,
}

impl Fault {
    #[cold]
    pub(super) fn new(class: FailureClass) -> Self {
        Self { class, refusal: None }
    }

    #[cold]
    pub(super) fn malformed() -> Self {
        Self::new(FailureClass::Malformed)
    }
}

/// Reads a provider's stream, event by event.
pub trait ReadEvents: Send + Sync + fmt::Debug {
    /// Appends what the event says. An event that says nothing appends nothing.
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault>;

    /// Whether the answer is complete, so that the stream may end here.
    fn is_whole(&self) -> bool;

    /// What a stream that ends here lacks in its own format, though the answer is complete: the event that clients of the
    /// format wait for.
    fn lacks(&self) -> &'static [u8] {
        b""
    }
}

/// Writes a client's stream, delta by delta.
pub trait WriteEvents: Send + Sync + fmt::Debug {
    /// Appends whole events, or nothing where the delta has to wait for another.
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>);

    /// The answer is whole: appends all that is still due, the terminator included.
    fn end(&mut self, out: &mut Vec<u8>);

    /// Whether what has been said may be kept until the end, because the format wants it once more or in another order.
    /// Such an answer has a longest length.
    fn holds(&self) -> bool {
        false
    }
}

/// What stands at the head of an answer in every format.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Ours: letters and digits, without a vendor's prefix.
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model's name, where the provider does not say it.
    pub model: String,
    /// The client asked for usage on its stream.
    pub include_usage: bool,
}

/// The id of a tool call that came without one; `call_id` is ours of the whole call, which no other has.
pub(super) fn made_id(call_id: &str, number: impl fmt::Display) -> String {
    format!("call_{call_id}_{number}")
}

/// A count of tokens. What is negative, not whole, textual or absurd is none: a wrong number must neither credit nor
/// ruin anybody.
pub(super) fn count(value: Option<&Value>) -> Option<u64> {
    value?.as_u64().filter(|&count| u32::try_from(count).is_ok())
}
