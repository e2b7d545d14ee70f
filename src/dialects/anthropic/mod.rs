//! Anthropic's Messages API: requests, answers and streams, each both read and written.
//! <https://docs.claude.com/en/api/messages>

mod answer_read;
mod answer_write;
mod block;
mod blocks_read;
mod blocks_write;
mod citation;
mod conversation;
mod events_read;
mod events_write;
mod fault;
mod finish;
mod frame;
mod model;
#[cfg(test)]
mod recordings;
mod request_read;
mod request_write;
mod schema;
mod settings_read;
mod settings_write;
mod signature;
#[cfg(test)]
mod testing;
mod thinking_write;
mod usage;

pub use answer_read::read_answer;
pub use answer_write::write_answer;
pub use events_read::{EventReader, read_events};
pub use events_write::{EventWriter, write_events};
pub use fault::{read_error, write_error, write_error_event};
pub use request_read::read_request;
pub use request_write::write_request;
