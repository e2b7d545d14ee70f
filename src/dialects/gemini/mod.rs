//! Google's Gemini API, `generateContent` and `streamGenerateContent?alt=sse`; Vertex AI speaks the same.
//!
//! There is no door of this format: requests are written, answers and streams are read.
//! <https://ai.google.dev/api/generate-content>

mod answer;
mod config;
mod contents;
pub mod count_tokens;
pub mod embeddings;
mod error;
mod events;
mod finish;
mod grounding;
mod logprobs;
mod media;
mod model;
mod part;
#[cfg(test)]
mod recordings;
mod request;
mod schema;
mod thinking;
mod tools;
mod usage;
mod wire;

pub use answer::read_answer;
pub use error::{error_class, retry_delay};
pub use events::{EventReader, read_events};
pub use request::write_request;
