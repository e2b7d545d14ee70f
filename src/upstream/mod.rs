//! One HTTP exchange with a provider: what is sent, how long each phase may take, what the answer turns out to be.

mod check;
mod classify;
mod decode;
mod endpoint;
mod exchange;
mod reader;
mod redact;
mod retry_after;
mod sse;
mod stream;

pub use check::{check_connection, check_models};
pub use endpoint::{Endpoint, ProviderKey, Timeouts};
pub use exchange::{Answered, Ask, Body, exchange};
