//! What must not be in a text that goes to a client.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// Takes a provider's key and every address out of what the provider says.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor(pub(super) Option<Arc<SecretString>>);

impl Redactor {
    pub(super) fn redact(&self, text: &str) -> String {
        match &self.0 {
            Some(secret) => without_addresses(&text.replace(secret.expose_secret(), REDACTED)),
            None => without_addresses(text),
        }
    }

    /// The same on one line, for a message that tells of several attempts.
    pub(super) fn shortened(&self, words: &str) -> Box<str> {
        const LONGEST: usize = 200;
        let words = self.redact(words);
        words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect::<String>().into()
    }
}

const REDACTED: &str = "[redacted]";

/// Addresses tell where a provider is, and may hold a key in their query.
fn without_addresses(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = ["https://", "http://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
        kept.push_str(&rest[..at]);
        kept.push_str(REDACTED);
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')' | ']' | '}' | '`' | ',');
        let address = &rest[at..];
        let length = address.find(ends).unwrap_or(address.len());
        // A full stop ends the sentence.
        let length = address[..length].trim_end_matches(['.', ':', ';', '!', '?']).len();
        rest = &address[length..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_told() {
        let told = "Bad key. See https://platform.example/keys?key=abc. Or (http://x.y:1/z), please";
        assert_eq!(without_addresses(told), "Bad key. See [redacted]. Or ([redacted]), please");
        assert_eq!(without_addresses("plain: http is fine"), "plain: http is fine");
    }
}
