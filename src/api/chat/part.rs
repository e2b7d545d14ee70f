//! Messages and what they are made of.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::Format;

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub role: Role,
    /// OpenAI's `name` of a participant.
    pub name: Option<String>,
    pub parts: Vec<Part>,
    /// Members that have no place here, in the words of the format that the request came in.
    pub extra: Map<String, Value>,
}

impl Message {
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, name: None, parts, extra: Map::new() }
    }
}

/// Who speaks. A tool's result is a part of a user's message, as in Anthropic's and Gemini's formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub content: Content,
    /// The prompt up to here is worth the provider's cache.
    pub cache: Option<CacheHint>,
    /// As in [`Message::extra`].
    pub extra: Map<String, Value>,
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self { content, cache: None, extra: Map::new() }
    }
}

impl Part {
    pub fn text(text: impl Into<String>) -> Self {
        Content::Text { text: text.into(), annotations: Vec::new() }.into()
    }
}

/// Anthropic's `cache_control`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheHint {
    /// `5m` or `1h`; `None`: the provider's default.
    pub ttl: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Text {
        text: String,
        /// Where the text comes from. Answers only.
        annotations: Vec<Annotation>,
    },
    Image {
        source: Source,
        /// OpenAI's `low`, `high`, `auto`.
        detail: Option<String>,
    },
    Audio {
        source: Source,
    },
    Document {
        source: Source,
        /// A file's name or title.
        name: Option<String>,
    },
    ToolCall(ToolCall),
    ToolResult(ToolResult),
    /// What the model thought before it answered. `text` may be empty where only the signature is handed on.
    Reasoning {
        text: String,
        signature: Option<Signature>,
    },
    /// Reasoning that only its provider can read.
    Redacted(Signature),
    Refusal(String),
    /// A part that only its own format has: a server tool's call or result, for example. The whole part as it was.
    Foreign {
        format: Format,
        value: Value,
    },
}

/// A model's wish to call a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Never empty: where a provider gives none, its codec makes one.
    pub id: String,
    pub name: String,
    /// JSON text as the model wrote it, which need not be valid; empty means `{}`. For a custom tool: free text.
    pub arguments: String,
    /// OpenAI's custom tools take free text.
    pub custom: bool,
    /// Gemini signs the call itself.
    pub signature: Option<Signature>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub call: String,
    /// Text and media.
    pub parts: Vec<Part>,
    pub is_error: bool,
}

/// A provider's proof that reasoning is its own, to be handed back as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Only providers of this format can read it; for others it is left out.
    pub format: Format,
    pub value: String,
}

/// Where a medium is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Url(String),
    /// Base64, and its media type (`image/png`).
    Data {
        media_type: String,
        data: String,
    },
    /// A document's plain text.
    Text(String),
    /// The id of a file that was uploaded to a provider of this format.
    File {
        format: Format,
        id: String,
    },
}

impl Source {
    /// From an address, or from the medium itself as a `data:` URL (RFC 2397) in base64.
    pub fn from_url(url: &str) -> Self {
        let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
        match inline {
            Some((media_type, data)) => {
                // Parameters of the type are of no use to anybody.
                let media_type = media_type.split(';').next().unwrap_or_default().to_owned();
                Self::Data { media_type, data: data.to_owned() }
            }
            None => Self::Url(url.to_owned()),
        }
    }

    /// The same of a document: plain text that comes in base64 is text.
    pub fn from_document_url(url: &str) -> Self {
        let source = Self::from_url(url);
        let Self::Data { media_type, data } = &source else { return source };
        let decode = || String::from_utf8(BASE64_STANDARD.decode(data).ok()?).ok();
        match media_type.starts_with("text/").then(decode).flatten() {
            Some(text) => Self::Text(text),
            None => source,
        }
    }

    /// As an address, or as a `data:` URL; `None` for what has none.
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Data { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::Text(_) | Self::File { .. } => None,
        }
    }
}

/// Where a piece of an answer's text comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotation {
    pub url: Option<String>,
    pub title: Option<String>,
    /// What is cited.
    pub cited: Option<String>,
    /// Characters of the answer's text, from and up to.
    pub span: Option<(u32, u32)>,
}
