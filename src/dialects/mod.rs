//! Wire formats. Each dialect is pure and synchronous: bytes and facts in, bytes and facts out.

pub mod anthropic;
mod codec;
pub mod gemini;
mod lenient;
pub mod cohere;
pub mod embeddings;
mod extra;
pub mod mistral;
pub mod openai_chat;
#[cfg(test)]
mod recorded;
pub mod openai_responses;
mod verbatim;

pub use codec::{Event, Fault, Heading, Invalid, ReadEvents, Target, WriteEvents, Written};
pub use verbatim::Judged;
