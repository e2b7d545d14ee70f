//! Cohere's API, version 2: chat and embeddings, as providers. <https://docs.cohere.com/v2/reference/chat>

mod answer;
mod citation;
mod embed;
mod events;
mod fault;
mod messages;
#[cfg(test)]
mod recordings;
mod request;
mod sampling;
mod usage;

pub use answer::read_answer;
pub use embed::{read_embeddings, write_embed};
pub use events::{EventReader, read_events};
pub use request::write_request;
