//! Content blocks as they are written, in requests and in answers.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::api::chat::CacheHint;

#[derive(Debug, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<&'a Value>,
    },
    Image {
        source: Medium<'a>,
    },
    Document {
        source: Medium<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Input<'a>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Blocks::is_empty")]
        content: Blocks<'a>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    Thinking {
        thinking: &'a str,
        signature: Cow<'a, str>,
    },
    RedactedThinking {
        data: Cow<'a, str>,
    },
    #[serde(untagged)]
    Foreign(&'a Value),
}

#[derive(Debug, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Medium<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
    Text { media_type: &'static str, data: &'a str },
    File { file_id: &'a str },
}

/// A block with what may stand on any block.
#[derive(Debug, serde::Serialize)]
pub(super) struct Entry<'a> {
    #[serde(flatten)]
    pub(super) block: Block<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<CacheControl<'a>>,
    #[serde(flatten)]
    pub(super) extra: Option<&'a Map<String, Value>>,
}

impl<'a> From<Block<'a>> for Entry<'a> {
    fn from(block: Block<'a>) -> Self {
        Self { block, cache_control: None, extra: None }
    }
}

impl<'a> Entry<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Block::Text { text, citations: Vec::new() }.into()
    }

    fn plain_text(&self) -> Option<&'a str> {
        match &self.block {
            Block::Text { text, citations } if citations.is_empty() => {
                (self.cache_control.is_none() && self.extra.is_none()).then_some(text)
            }
            _ => None,
        }
    }
}

/// A list of blocks, written as a string where it is one plain text.
#[derive(Debug)]
pub(super) struct Blocks<'a>(pub(super) Vec<Entry<'a>>);

impl Blocks<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Blocks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] if only.plain_text().is_some() => only.plain_text().serialize(serializer),
            entries => entries.serialize(serializer),
        }
    }
}

#[derive(Debug, serde::Serialize)]
pub(super) struct CacheControl<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'a str>,
}

impl<'a> CacheControl<'a> {
    pub(super) fn new(hint: &'a CacheHint) -> Self {
        Self { r#type: "ephemeral", ttl: hint.ttl.as_deref() }
    }
}

/// The member under which arguments travel that are no JSON object.
pub(super) const RAW: &str = "_raw";

/// A call's arguments. Anthropic takes only an object: nothing becomes `{}`, and what is no object (a custom tool's
/// free text, JSON that was cut off) becomes `{"_raw": "<text>"}`, which `read_request` takes apart again.
#[derive(Debug)]
pub(super) enum Input<'a> {
    Empty,
    Object(&'a RawValue),
    Raw(&'a str),
}

impl<'a> Input<'a> {
    pub(super) fn new(arguments: &'a str, custom: bool) -> Self {
        let text = arguments.trim();
        if custom {
            return Self::Raw(arguments);
        }
        if text.is_empty() {
            return Self::Empty;
        }
        match serde_json::from_str::<&RawValue>(text) {
            Ok(value) if text.starts_with('{') => Self::Object(value),
            _ => Self::Raw(arguments),
        }
    }
}

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(value) => value.serialize(serializer),
            Self::Empty => serializer.serialize_map(Some(0))?.end(),
            Self::Raw(text) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(RAW, text)?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_always_an_object() {
        for (arguments, custom, input) in [
            ("", false, "{}"),
            (" \n", false, "{}"),
            (
                r#"{"a": 1.10, "n": 123456789012345678901234567890}"#,
                false,
                r#"{"a": 1.10, "n": 123456789012345678901234567890}"#,
            ),
            ("[1]", false, r#"{"_raw":"[1]"}"#),
            (r#"{"a": "#, false, r#"{"_raw":"{\"a\": "}"#),
            ("ls -l", true, r#"{"_raw":"ls -l"}"#),
        ] {
            assert_eq!(serde_json::to_string(&Input::new(arguments, custom)).unwrap(), input);
        }
    }

    #[test]
    fn one_plain_text_is_a_string() {
        let text = |blocks: &Blocks<'_>| serde_json::to_string(blocks).unwrap();
        assert_eq!(text(&Blocks(vec![Entry::text("a")])), r#""a""#);
        let hint = CacheHint { ttl: Some("1h".into()) };
        let mut entry = Entry::text("a");
        entry.cache_control = Some(CacheControl::new(&hint));
        let expected = r#"[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#;
        assert_eq!(text(&Blocks(vec![entry])), expected);
    }
}
