//! What is common to answers that go to the client as they came, and are only judged.

use crate::api::Usage;

/// What a whole answer turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    pub usage: Option<Usage>,
    /// The model said all that it had to say: nothing was cut, filtered or refused.
    pub complete: bool,
    /// Bytes of text in it: what it is billed by where the provider reports nothing.
    pub text_bytes: usize,
}
