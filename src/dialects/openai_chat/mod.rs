//! OpenAI's chat completions: reading requests, changing what pass-through may change, judging answers and stream
//! events. <https://platform.openai.com/docs/api-reference/chat>

mod answer;
mod calls;
mod event;
mod fields;
mod messages;
mod read_answer;
mod read_events;
mod read_messages;
mod read_request;
mod reasoning;
mod request;
mod rewrite;
mod stream_options;
#[cfg(test)]
pub(crate) mod testing;
mod write_answer;
mod write_events;
mod write_messages;
mod write_request;

pub use answer::{Answer, is_out_of_money, measure, read_answer as judge_answer, read_refusal, read_refusal_inside};
pub use event::{EventReader, Seen};
pub use read_answer::read_answer;
pub use read_events::read_events;
pub use read_request::read_request;
pub use request::read_envelope;
pub use rewrite::rewrite;
pub use write_answer::write_answer;
pub use write_events::write_events;
pub use write_request::write_request;
