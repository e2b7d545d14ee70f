//! What sets Mistral's chat apart from OpenAI's, whose format it shares: members that it refuses or calls otherwise, ids
//! and an order of messages that it insists on, and content that comes in chunks. <https://docs.mistral.ai/api/endpoint/chat>

mod answer;
mod errors;
mod ids;
mod messages;
mod parts;
#[cfg(test)]
mod recordings;
mod request;
mod tools;

pub use answer::{adapt_answer, adapt_event};
pub use errors::read_message;
pub use request::{adapt_embeddings, adapt_request};

use crate::api::chat::{Field, Losses};

/// What adapting has done so far.
#[derive(Debug, Default)]
struct Changes {
    made: bool,
    losses: Losses,
}

impl Changes {
    fn made(&mut self) {
        self.made = true;
    }

    fn dropped(&mut self, field: Field) {
        self.made = true;
        self.losses.dropped(field);
    }

    fn approximated(&mut self, field: Field) {
        self.made = true;
        self.losses.approximated(field);
    }
}
