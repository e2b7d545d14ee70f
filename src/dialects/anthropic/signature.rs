//! Signatures as Anthropic's clients keep them.
//!
//! A client hands a thinking block's signature back as it was. One that another vendor's model gave goes out as
//! `tollgate.<format>.<value>`, so that it comes back with its origin; a plain one is Anthropic's own.

use std::borrow::Cow;

use crate::api::chat::{Format, Signature};

const PREFIX: &str = "tollgate.";

pub(super) fn write(signature: &Signature) -> Cow<'_, str> {
    match signature.format {
        Format::Anthropic => Cow::Borrowed(&signature.value),
        format => Cow::Owned(format!("{PREFIX}{}.{}", format.as_str(), signature.value)),
    }
}

/// `None` for an empty one.
pub(super) fn read(text: String) -> Option<Signature> {
    let foreign = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.'));
    if let Some((format, value)) = foreign
        && let Some(format) = Format::parse(format)
    {
        return Some(Signature { format, value: value.to_owned() });
    }
    (!text.is_empty()).then_some(Signature { format: Format::Anthropic, value: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_the_client_with_its_origin() {
        for (format, value, wire) in [
            (Format::Anthropic, "Eq+/=", "Eq+/="),
            (Format::Gemini, "a.b", "tollgate.gemini.a.b"),
            (Format::OpenAiResponses, "", "tollgate.openai_responses."),
        ] {
            let signature = Signature { format, value: value.into() };
            assert_eq!(write(&signature), wire);
            assert_eq!(read(wire.into()), Some(signature));
        }
        assert_eq!(read(String::new()), None);
        assert_eq!(read("tollgate.nobody.x".into()).unwrap().format, Format::Anthropic);
    }
}
