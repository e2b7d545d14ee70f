//! What a provider is asked, read out of the body that it got by somebody who knows nothing of the gateway.
//!
//! Each vendor's request becomes the same [`Asked`], so that one that was translated can be compared with the client's.

mod anthropic;
mod cohere;
mod compare;
mod gemini;
mod openai;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use compare::differences;

use crate::upstreams::Vendor;

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Asked {
    /// All instructions, wherever they stood.
    pub(crate) system: Vec<String>,
    /// The conversation, piece by piece.
    pub(crate) said: Vec<Piece>,
    pub(crate) tools: Vec<ToolOffer>,
    /// `auto`, `none`, `required`, or a tool's name.
    pub(crate) choice: Option<String>,
    pub(crate) schema: Option<Value>,
    /// Any JSON is wanted, or the schema's.
    pub(crate) json: bool,
    /// By OpenAI's names.
    pub(crate) numbers: BTreeMap<&'static str, f64>,
    pub(crate) stop: Vec<String>,
    /// Proofs of earlier reasoning, in order.
    pub(crate) signatures: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    User(String),
    /// Base64 or an address.
    Image(String),
    /// Audio and documents.
    Medium(String),
    Assistant(String),
    Reasoning(String),
    Call {
        name: String,
        arguments: Value,
    },
    /// The answer to the call with this number, counted over the conversation.
    Result {
        call: usize,
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolOffer {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) schema: Value,
}

impl Asked {
    pub(crate) fn read(vendor: Vendor, body: &Value) -> Self {
        match vendor {
            Vendor::OpenAi | Vendor::Mistral => openai::read(body),
            Vendor::Anthropic => anthropic::read(body),
            Vendor::Gemini => gemini::read(body),
            Vendor::Cohere => cohere::read(body),
        }
    }

    pub(crate) fn calls<'a>(&'a self) -> Vec<(&'a str, &'a Value)> {
        let call = |piece: &'a Piece| match piece {
            Piece::Call { name, arguments } => Some((&**name, arguments)),
            _ => None,
        };
        self.said.iter().filter_map(call).collect()
    }

    /// Each result's call and text, in order.
    pub(crate) fn results<'a>(&'a self) -> Vec<(usize, &'a str)> {
        let result = |piece: &'a Piece| match piece {
            Piece::Result { call, text } => Some((*call, &**text)),
            _ => None,
        };
        self.said.iter().filter_map(result).collect()
    }

    pub(crate) fn reasoning<'a>(&'a self) -> Vec<&'a str> {
        let thought = |piece: &'a Piece| match piece {
            Piece::Reasoning(text) => Some(&**text),
            _ => None,
        };
        self.said.iter().filter_map(thought).collect()
    }

    fn say(&mut self, user: bool, text: &str) {
        if !text.is_empty() {
            let text = text.to_owned();
            self.said.push(if user { Piece::User(text) } else { Piece::Assistant(text) });
        }
    }

    fn number(&mut self, name: &'static str, value: &Value) {
        self.numbers.extend(value.as_f64().map(|value| (name, value)));
    }
}

/// Members of a list; nothing of what is none.
fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// JSON out of text; what is none stays text.
fn parsed(text: &str) -> Value {
    if text.is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        serde_json::from_str(text).unwrap_or_else(|_| text.into())
    }
}

/// Which call each id belongs to.
#[derive(Default)]
struct Ids(Vec<String>);

impl Ids {
    fn add(&mut self, id: &str) {
        self.0.push(id.to_owned());
    }

    /// `usize::MAX`: no such call.
    fn place(&self, id: &str) -> usize {
        self.0.iter().rposition(|known| known == id).unwrap_or(usize::MAX)
    }
}
