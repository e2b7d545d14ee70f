//! Wire formats. Each dialect is pure and synchronous: bytes and facts in, bytes and facts out.

mod codec;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
mod verbatim;

pub use codec::{Event, Fault, Heading, Invalid, ReadEvents, Target, WriteEvents, Written};
pub use verbatim::Judged;
