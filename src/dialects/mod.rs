//! Wire formats. Each dialect is pure and synchronous: bytes and facts in, bytes and facts out.

pub mod anthropic;
mod codec;
pub mod gemini;
mod lenient;
pub mod openai_chat;

pub use codec::{Event, Fault, Heading, Invalid, ReadEvents, Target, WriteEvents, Written};
