//! What answers and chunks of OpenAI's format say: one document, as vendors put whole messages into chunks and deltas
//! into answers.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialects::lenient;

#[derive(Deserialize)]
pub(super) struct Document<'a> {
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub model: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lenient::count")]
    pub created: Option<u64>,
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub choices: Vec<DocumentChoice<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub service_tier: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct DocumentChoice<'a> {
    #[serde(default, deserialize_with = "lenient::count")]
    pub index: Option<u64>,
    #[serde(borrow, default, deserialize_with = "lenient::object")]
    pub message: Option<Message<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient::object")]
    pub delta: Option<Message<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub text: Option<Cow<'a, str>>,
    pub logprobs: Option<Value>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub finish_reason: Option<Cow<'a, str>>,
}

/// A message, or a piece of one. What most do not have stays as it is.
#[derive(Default, Deserialize)]
pub(super) struct Message<'a> {
    /// Text, or (Mistral's way) parts.
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub refusal: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub reasoning_content: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub reasoning: Option<Cow<'a, str>>,
    pub reasoning_details: Option<Value>,
    pub annotations: Option<Value>,
    pub tool_calls: Option<Value>,
    pub function_call: Option<Value>,
    pub audio: Option<Value>,
}
