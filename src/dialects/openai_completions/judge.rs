//! Judging a whole answer that goes to the client as it came.

use serde::Deserialize;
use serde_json::Value;

use crate::api::Usage;
use crate::dialects::codec::count;
use crate::dialects::verbatim::fault_inside;
use crate::dialects::{Fault, Judged};

/// What is looked at in an answer, or in a chunk of a stream. Values, so that one of a wrong type spoils nothing else.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    pub(super) id: Value,
    pub(super) model: Value,
    pub(super) created: Value,
    error: Value,
    choices: Value,
    usage: Value,
}

impl Document {
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        let document: Self = serde_json::from_slice(body).map_err(|_| Fault::malformed())?;
        match &document.error {
            error @ (Value::Object(_) | Value::String(_)) => Err(fault_inside(error)),
            _ => Ok(document),
        }
    }

    pub(super) fn choices(&self) -> impl Iterator<Item = &Value> {
        self.choices.as_array().into_iter().flatten().filter(|choice| choice.is_object())
    }

    /// Without both counts there is none: a wrong number must neither credit nor ruin anybody.
    pub(super) fn usage(&self) -> Option<Usage> {
        let member = |name| count(self.usage.get(name));
        let detail = |of: &str, name: &str| count(self.usage.get(of).and_then(|it| it.get(name))).unwrap_or(0);
        let (input, output) = (member("prompt_tokens")?, member("completion_tokens")?);
        let cached = detail("prompt_tokens_details", "cached_tokens").min(input);
        let reasoning = detail("completion_tokens_details", "reasoning_tokens").min(output);
        Some(Usage { input, cached, output, reasoning, ..Usage::default() })
    }
}

pub(super) fn text<'a>(choice: &'a Value, name: &str) -> &'a str {
    choice.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An object with at least one choice.
pub fn judge_answer(body: &[u8]) -> Result<Judged, Fault> {
    let document = Document::read(body)?;
    if document.choices().next().is_none() {
        return Err(Fault::malformed());
    }
    Ok(Judged {
        usage: document.usage(),
        complete: document.choices().all(|choice| matches!(text(choice, "finish_reason"), "stop" | "eos")),
        text_bytes: document.choices().map(|choice| text(choice, "text").len()).sum(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::FailureClass;

    fn judge(body: &Value) -> Result<Judged, Fault> {
        judge_answer(body.to_string().as_bytes())
    }

    #[test]
    fn answers_are_measured_and_their_usage_read() {
        let body = json!({ "choices": [{ "text": "abc", "finish_reason": "stop" }, { "text": "de",
            "finish_reason": "stop" }], "usage": { "prompt_tokens": 4, "completion_tokens": 2 } });
        let usage = Usage { input: 4, output: 2, ..Usage::default() };
        assert_eq!(judge(&body), Ok(Judged { usage: Some(usage), complete: true, text_bytes: 5 }));
    }

    #[test]
    fn one_choice_that_was_cut_makes_an_answer_incomplete() {
        for finish in [json!("length"), json!("content_filter"), json!(null), json!(7)] {
            let body = json!({ "choices": [{ "finish_reason": "stop" }, { "finish_reason": finish }], "usage": 7 });
            assert_eq!(judge(&body), Ok(Judged { usage: None, complete: false, text_bytes: 0 }), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        for body in [json!({}), json!({ "choices": [] }), json!({ "choices": [null] }), json!("x")] {
            assert_eq!(judge(&body), Err(Fault::malformed()), "{body}");
        }
        let limited = judge(&json!({ "choices": [{}], "error": { "code": 429 } }));
        assert_eq!(limited.unwrap_err().class, FailureClass::RateLimited);
    }
}
