//! Wire shapes as data: JSON positions, a call's envelope, a chat call in no vendor's words, usage and money, the error
//! shape.

pub mod chat;
mod envelope;
mod error_body;
pub mod json;
mod money;

pub use envelope::{Edit, Envelope, MEDIUM_TOKENS, estimate_tokens};
pub use error_body::ErrorBody;
pub use money::{NanoUsd, Usage};
