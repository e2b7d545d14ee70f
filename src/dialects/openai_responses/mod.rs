//! OpenAI's Responses API as a door, without state: a request holds the whole conversation, and no answer is kept.
//! <https://platform.openai.com/docs/api-reference/responses>
//!
//! Reasoning that another vendor signed goes through the client as `encrypted_content` (see `seal`). Where the provider
//! is OpenAI itself, bytes pass through but for what [`without_foreign_seals`] takes out, and [`judge_answer`] and
//! [`VerbatimEvents`] only look.

mod answer;
mod assembly;
mod content;
mod draft;
mod event;
mod input;
mod item;
mod judge;
#[cfg(test)]
mod recorded;
mod request;
mod response;
mod seal;
mod settings;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
mod tools;
mod unseal;
mod verbatim;

pub use answer::write_answer;
pub(in crate::dialects) use judge::gist;
pub use judge::judge_answer;
pub use request::read_request;
pub use stream::{EventWriter, write_events};
pub use unseal::{may_have_foreign_seals, without_foreign_seals};
pub use verbatim::VerbatimEvents;
