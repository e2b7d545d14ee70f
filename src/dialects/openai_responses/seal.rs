//! Signatures inside `encrypted_content`, the only member that a client hands back as it was.
//!
//! OpenAI's own are written as they are. All others are `tollgate.<format>.<value>`, with a word before the value where
//! it is not the signature of reasoning that can be read.

use crate::api::chat::{Format, Signature};

pub(super) const MARK: &str = "tollgate.";
const REDACTED: &str = "redacted.";
const CALL: &str = "call.";
/// Stands before a signature that itself begins with one of these words.
const PLAIN: &str = "plain.";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seal {
    /// Of reasoning.
    Plain(Signature),
    /// The reasoning itself, which only its provider can read.
    Redacted(Signature),
    /// Of the tool call that follows.
    Call(Signature),
}

impl Seal {
    pub(super) fn write(&self) -> String {
        let (word, Signature { format, value }) = match self {
            Self::Plain(signature) if signature.format == Format::OpenAiResponses => {
                if !signature.value.starts_with(MARK) {
                    return signature.value.clone();
                }
                (PLAIN, signature)
            }
            Self::Plain(signature) => {
                let ambiguous = [REDACTED, CALL, PLAIN].iter().any(|word| signature.value.starts_with(word));
                (if ambiguous { PLAIN } else { "" }, signature)
            }
            Self::Redacted(data) => (REDACTED, data),
            Self::Call(signature) => (CALL, signature),
        };
        format!("{MARK}{}.{word}{value}", format.as_str())
    }

    pub(super) fn read(text: String) -> Self {
        let marked = text.strip_prefix(MARK).and_then(|rest| rest.split_once('.'));
        let known = marked.and_then(|(format, value)| Some((Format::parse(format)?, value)));
        let Some((format, value)) = known else {
            return Self::Plain(Signature { format: Format::OpenAiResponses, value: text });
        };
        let signature = |value: &str| Signature { format, value: value.to_owned() };
        if let Some(value) = value.strip_prefix(REDACTED) {
            Self::Redacted(signature(value))
        } else if let Some(value) = value.strip_prefix(CALL) {
            Self::Call(signature(value))
        } else {
            Self::Plain(signature(value.strip_prefix(PLAIN).unwrap_or(value)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(format: Format, value: &str) -> Signature {
        Signature { format, value: value.into() }
    }

    #[test]
    fn openais_own_are_left_as_they_are() {
        let own = Seal::Plain(signature(Format::OpenAiResponses, "gAAAAA=="));
        assert_eq!(own.write(), "gAAAAA==");
        assert_eq!(Seal::read("gAAAAA==".into()), own);
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Seal::Redacted(signature(Format::Anthropic, "x")).write(), "tollgate.anthropic.redacted.x");
        for format in [Format::OpenAiChat, Format::OpenAiResponses, Format::Anthropic, Format::Gemini, Format::Cohere] {
            for value in ["", "abc", "a.b", "call.x", "redacted.", "plain.plain.", "tollgate.gemini.call.x", "né"] {
                for make in [Seal::Plain, Seal::Redacted, Seal::Call] {
                    let seal = make(signature(format, value));
                    assert_eq!(Seal::read(seal.write()), seal, "{}", seal.write());
                }
            }
        }
    }

    #[test]
    fn a_mark_that_nobody_made_is_taken_for_openais() {
        for text in ["tollgate.", "tollgate.nobody.x", "tollgate"] {
            assert_eq!(Seal::read(text.into()), Seal::Plain(signature(Format::OpenAiResponses, text)));
        }
    }
}
