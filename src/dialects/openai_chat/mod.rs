//! OpenAI's chat completions: reading requests, changing what pass-through may change, judging answers and stream
//! events. <https://platform.openai.com/docs/api-reference/chat>

mod answer;
mod calls;
mod event;
mod read_answer;
mod read_events;
mod read_messages;
mod read_request;
mod reasoning;
mod rewrite;
#[cfg(test)]
mod round_trip;
mod wire;
mod write_answer;
mod write_events;
mod write_messages;
mod write_request;

pub use answer::judge_whole as judge;
pub use event::{EventReader, Seen};
pub use read_answer::read_answer;
pub use read_events::read_events;
pub use read_request::read_request;
pub(super) use read_request::{read_sampling, read_stop};
pub use rewrite::rewrite;
pub(super) use write_answer::WrittenUsage;
pub use write_answer::write_answer;
pub use write_events::write_events;
pub use write_request::write_request;
