//! Anthropic's Messages API: requests, answers and streams, each both read and written.
//! <https://docs.claude.com/en/api/messages>

mod answer_read;
mod block;
mod citation;
mod events_read;
mod fault;
mod finish;
mod signature;
mod usage;

pub use answer_read::read_answer;
pub use events_read::{EventReader, read_events};
pub use fault::{read_error, write_error, write_error_event};
