//! One part of a message as Gemini takes it.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::media::Medium;

#[derive(Debug)]
pub(super) struct WirePart<'a> {
    pub kind: Kind<'a>,
    pub thought: bool,
    pub signature: Option<&'a str>,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    Text(Cow<'a, str>),
    Medium(Medium<'a>),
    Call(FunctionCall<'a>),
    Response(FunctionResponse<'a>),
    /// The whole part as it was.
    Own(&'a Map<String, Value>),
}

impl Serialize for WirePart<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        match &self.kind {
            Kind::Text(text) => map.serialize_entry("text", text)?,
            Kind::Medium(Medium::Inline(data)) => map.serialize_entry("inlineData", data)?,
            Kind::Medium(Medium::File(file)) => map.serialize_entry("fileData", file)?,
            Kind::Call(call) => map.serialize_entry("functionCall", call)?,
            Kind::Response(response) => map.serialize_entry("functionResponse", response)?,
            Kind::Own(members) => members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?,
        }
        if self.thought {
            map.serialize_entry("thought", &true)?;
        }
        if let Some(signature) = self.signature {
            map.serialize_entry("thoughtSignature", signature)?;
        }
        map.end()
    }
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionCall<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub args: Object<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionResponse<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub response: Object<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Medium<'a>>,
}

/// Gemini takes objects where others take any text.
#[derive(Debug)]
pub(super) enum Object<'a> {
    /// The text was one.
    Raw(Box<RawValue>),
    /// The text as its only member.
    Of(&'static str, Cow<'a, str>),
    Empty,
}

impl<'a> Object<'a> {
    /// `name` is the member that stands for a text that is no object.
    pub(super) fn of(text: Cow<'a, str>, name: &'static str) -> Self {
        if text.trim_start().starts_with('{')
            && let Ok(raw) = serde_json::from_str::<Box<RawValue>>(&text)
        {
            return Self::Raw(raw);
        }
        Self::Of(name, text)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(to),
            Self::Of(name, text) => {
                let mut map = to.serialize_map(Some(1))?;
                map.serialize_entry(name, text)?;
                map.end()
            }
            Self::Empty => to.serialize_map(Some(0))?.end(),
        }
    }
}

impl<'a> WirePart<'a> {
    pub(super) fn of(kind: Kind<'a>) -> Self {
        Self { kind, thought: false, signature: None }
    }

    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Kind::Text(text.into()))
    }
}
