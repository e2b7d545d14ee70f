//! OpenAI's chat completions: reading requests, changing what pass-through may change, judging answers and stream
//! events. <https://platform.openai.com/docs/api-reference/chat>

mod answer;
mod event;
mod request;
mod rewrite;

pub use answer::{Answer, is_out_of_money, read_answer, read_refusal};
pub use event::{EventReader, Seen};
pub use request::{Invalid, read_envelope};
pub use rewrite::{Segments, rewrite};
