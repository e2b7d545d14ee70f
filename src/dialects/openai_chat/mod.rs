//! OpenAI's chat completions: reading requests, changing what pass-through may change, judging answers and stream
//! events. <https://platform.openai.com/docs/api-reference/chat>

mod answer;
mod event;
mod fields;
mod messages;
mod request;
mod rewrite;
mod stream_options;
#[cfg(test)]
pub(crate) mod testing;

pub use answer::{Answer, is_out_of_money, measure, read_answer, read_refusal, read_refusal_inside};
pub use event::{EventReader, Seen};
pub use request::read_envelope;
pub use rewrite::rewrite;
