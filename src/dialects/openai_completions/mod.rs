//! OpenAI's legacy completions as a door: one prompt, read as a user's message, and text for it.
//! <https://platform.openai.com/docs/api-reference/completions>
//!
//! Where the provider has completions itself, bytes pass through, and the judge of chat answers only looks.

mod answer;
#[cfg(test)]
mod recorded;
mod request;
mod stream;

pub use answer::write_answer;
pub use request::read_request;
pub use stream::{EventWriter, write_events};
