//! OpenAI's legacy completions as a door: one prompt, read as a user's message, and text for it.
//! <https://platform.openai.com/docs/api-reference/completions>
//!
//! Where the provider has completions itself, bytes pass through, and [`judge_answer`] and [`VerbatimEvents`] only look.

mod answer;
mod judge;
#[cfg(test)]
mod recorded;
mod request;
mod stream;
mod verbatim;

pub use answer::write_answer;
pub use judge::judge_answer;
pub use request::read_request;
pub use stream::{EventWriter, write_events};
pub use verbatim::VerbatimEvents;
