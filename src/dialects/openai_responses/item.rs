//! The items of an answer's `output`.

use serde::Serialize;
use serde_json::Value;

use crate::api::chat::Annotation;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Reasoning {
        id: String,
        /// One text, or none where the reasoning is not shown.
        summary: Vec<Summary>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<String>,
    },
    Message {
        id: String,
        status: Status,
        role: &'static str,
        content: Vec<ContentPart>,
    },
    FunctionCall {
        id: String,
        status: Status,
        arguments: String,
        call_id: String,
        name: String,
    },
    CustomToolCall {
        id: String,
        status: Status,
        call_id: String,
        input: String,
        name: String,
    },
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Reasoning { id, .. }
            | Self::Message { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::CustomToolCall { id, .. } => id,
        }
    }

    /// As it is announced, with nothing in it yet.
    pub(super) fn blank(&self) -> Self {
        let mut blank = self.clone();
        match &mut blank {
            Self::Reasoning { summary, encrypted_content, .. } => {
                summary.clear();
                *encrypted_content = None;
            }
            Self::Message { content, .. } => content.clear(),
            Self::FunctionCall { arguments: text, .. } | Self::CustomToolCall { input: text, .. } => text.clear(),
        }
        blank
    }

    /// Reasoning has no status in a provider's own answers.
    pub(super) fn set_status(&mut self, new: Status) {
        match self {
            Self::Reasoning { .. } => {}
            Self::Message { status, .. } | Self::FunctionCall { status, .. } | Self::CustomToolCall { status, .. } => {
                *status = new;
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct Summary {
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ContentPart {
    OutputText { text: String, annotations: Vec<Citation>, logprobs: Vec<Value> },
    Refusal { refusal: String },
}

impl ContentPart {
    pub(super) fn text(text: String) -> Self {
        Self::OutputText { text, annotations: Vec::new(), logprobs: Vec::new() }
    }

    pub(super) fn blank(&self) -> Self {
        match self {
            Self::OutputText { .. } => Self::text(String::new()),
            Self::Refusal { .. } => Self::Refusal { refusal: String::new() },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "url_citation")]
pub(super) struct Citation {
    start_index: u32,
    end_index: u32,
    url: String,
    title: String,
}

impl Citation {
    /// `before` is how much of the answer's text stands in earlier parts, `text` this part's. The format's other kinds of
    /// annotation need files at OpenAI, so one without an address has no form here.
    pub(super) fn new(annotation: Annotation, before: u32, text: &str) -> Option<Self> {
        let url = annotation.url?;
        let (start_index, end_index) = match annotation.span {
            Some((start, end)) => (start.saturating_sub(before), end.saturating_sub(before)),
            None => (0, characters(text)),
        };
        Some(Self { start_index, end_index, url, title: annotation.title.unwrap_or_default() })
    }
}

pub(super) fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// Log probabilities in the chat format's form: the tokens with theirs. This format wants every token's bytes.
pub(super) fn read_logprobs(value: Value) -> Vec<Value> {
    let Value::Object(mut members) = value else { return Vec::new() };
    let Some(Value::Array(mut tokens)) = members.shift_remove("content") else { return Vec::new() };
    tokens.retain(Value::is_object);
    for token in &mut tokens {
        spell_out(token);
        match token.get_mut("top_logprobs") {
            Some(Value::Array(others)) => others.iter_mut().for_each(spell_out),
            _ => token["top_logprobs"] = Value::Array(Vec::new()),
        }
    }
    tokens
}

fn spell_out(token: &mut Value) {
    let Value::Object(members) = token else { return };
    if !members.get("bytes").is_some_and(Value::is_array) {
        let text = members.get("token").and_then(Value::as_str).unwrap_or_default();
        let bytes = text.bytes().map(Value::from).collect();
        members.insert("bytes".to_owned(), Value::Array(bytes));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn citations_count_from_their_own_part() {
        let annotation = |span| Annotation { url: Some("u".into()), span, ..Annotation::default() };
        let places = |span| Citation::new(annotation(span), 10, "héllo").map(|it| (it.start_index, it.end_index));
        assert_eq!(places(Some((12, 14))), Some((2, 4)));
        assert_eq!(places(None), Some((0, 5)));
        assert_eq!(Citation::new(Annotation { title: Some("t".into()), ..Annotation::default() }, 0, ""), None);
    }

    #[test]
    fn log_probabilities_are_spelled_out() {
        let chat = json!({ "content": [
            { "token": "é", "logprob": -1, "bytes": null, "top_logprobs": [{ "token": "a", "logprob": -2 }] },
            { "token": "b", "logprob": -1, "bytes": [98] }, 7,
        ], "refusal": null });
        let wanted = json!([
            { "token": "é", "logprob": -1, "bytes": [195, 169],
              "top_logprobs": [{ "token": "a", "logprob": -2, "bytes": [97] }] },
            { "token": "b", "logprob": -1, "bytes": [98], "top_logprobs": [] },
        ]);
        assert_eq!(Value::Array(read_logprobs(chat)), wanted);
        assert!(read_logprobs(json!([])).is_empty() && read_logprobs(json!({ "content": null })).is_empty());
    }
}
