//! Wire formats. Each dialect is pure and synchronous: bytes and facts in, bytes and facts out.
//!
//! `bridge` stands between a door and a provider: it lets bytes pass where both speak one format, and has the codecs
//! translate through the common form of `api::chat` where they do not.

pub mod anthropic;
mod bridge;
mod codec;
pub mod cohere;
pub mod embeddings;
mod envelope;
mod events;
mod extra;
pub mod gemini;
mod json_end;
mod lenient;
mod members;
pub mod mistral;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
mod quality;
#[cfg(test)]
mod recorded;
mod refusal;
mod sse;
mod surrogates;
#[cfg(test)]
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod verbatim;

pub use bridge::{Bridge, Place, Sent, Whole};
pub use codec::{Fault, Heading, Invalid, ReadEvents, Target, WriteEvents, Written};
pub use envelope::read_envelope;
pub use events::{Events, Passing};
pub use quality::Flaw;
pub use refusal::{Cause, is_out_of_money, read_refusal, told};
pub use sse::Event;
pub use verbatim::Judged;
