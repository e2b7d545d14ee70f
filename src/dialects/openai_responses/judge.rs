//! Judging a whole answer that goes to the client as it came.

use serde::Deserialize;
use serde_json::Value;

use crate::api::Usage;
use crate::dialects::codec::count;
use crate::dialects::quality::Gist;
use crate::dialects::refusal::fault_inside;
use crate::dialects::{Fault, Judged};
use crate::error::FailureClass;

/// What is looked at in a `response` object; most of it repeats the request. Values, so that one of a wrong type spoils
/// nothing else.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    pub(super) id: Value,
    pub(super) model: Value,
    pub(super) created_at: Value,
    status: Value,
    error: Value,
    incomplete_details: Value,
    output: Value,
    usage: Value,
}

impl Document {
    /// The fault that it tells of, if it does.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if !matches!(self.error, Value::Null) {
            return Err(fault_inside(&self.error));
        }
        match self.status.as_str() {
            Some("failed" | "cancelled") => Err(Fault::new(FailureClass::ServerError)),
            _ => Ok(()),
        }
    }

    pub(super) fn is_completed(&self) -> bool {
        self.status == "completed"
    }

    pub(super) fn incomplete_reason(&self) -> Option<&str> {
        self.incomplete_details.get("reason")?.as_str()
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        read_usage(&self.usage)
    }
}

/// An object with `output`, whatever is in it: a model may say nothing.
pub fn judge_answer(body: &[u8]) -> Result<Judged, Fault> {
    let document: Document = serde_json::from_slice(body).map_err(|_| Fault::malformed())?;
    document.check()?;
    let Value::Array(output) = &document.output else { return Err(Fault::malformed()) };
    let refused = |item: &Value| contents(item).any(|part| !text(part, "refusal").is_empty());
    Ok(Judged {
        usage: document.usage(),
        complete: document.is_completed() && !output.iter().any(refused),
        text_bytes: output.iter().map(text_bytes).sum(),
    })
}

/// What a judge of quality looks at; `None` where there is nothing to be read.
pub(in crate::dialects) fn gist(body: &[u8]) -> Option<Gist> {
    let document: Document = serde_json::from_slice(body).ok()?;
    let mut gist = Gist {
        truncated: document.incomplete_reason() == Some("max_output_tokens"),
        refused: document.incomplete_reason() == Some("content_filter"),
        ..Gist::default()
    };
    for item in document.output.as_array()? {
        match text(item, "type") {
            "message" => {
                for part in contents(item) {
                    gist.text += text(part, "text");
                    gist.refused |= !text(part, "refusal").is_empty();
                }
            }
            "reasoning" => {}
            _ => gist.acts = true,
        }
    }
    Some(gist)
}

fn contents(item: &Value) -> impl Iterator<Item = &Value> {
    let parts = |name| item.get(name).and_then(Value::as_array).into_iter().flatten();
    parts("content").chain(parts("summary"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn text_bytes(item: &Value) -> usize {
    let parts = contents(item).map(|part| text(part, "text").len() + text(part, "refusal").len());
    let call = match text(item, "type") {
        "function_call" | "custom_tool_call" => ["name", "arguments", "input"].map(|name| text(item, name).len()),
        _ => [0; 3],
    };
    parts.chain(call).sum()
}

/// Without both counts there is none: a wrong number must neither credit nor ruin anybody.
fn read_usage(usage: &Value) -> Option<Usage> {
    let (input, output) = (count(usage.get("input_tokens"))?, count(usage.get("output_tokens"))?);
    let detail = |of: &str, name: &str| count(usage.get(of).and_then(|details| details.get(name))).unwrap_or(0);
    let usage = Usage {
        input,
        cached: detail("input_tokens_details", "cached_tokens"),
        cache_write: detail("input_tokens_details", "cache_write_tokens"),
        image_input: detail("input_tokens_details", "image_tokens"),
        output,
        reasoning: detail("output_tokens_details", "reasoning_tokens"),
        image_output: detail("output_tokens_details", "image_tokens"),
        ..Usage::default()
    };
    Some(usage.in_bounds())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(body: &Value) -> Result<Judged, Fault> {
        judge_answer(body.to_string().as_bytes())
    }

    #[test]
    fn answers_are_measured_and_their_usage_read() {
        let body = json!({ "status": "completed", "error": null, "output": [
            { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "abc" }] },
            { "type": "message", "content": [{ "type": "output_text", "text": "defg" }, 7] },
            { "type": "function_call", "name": "hi", "arguments": "{}" }, "odd",
        ], "usage": { "input_tokens": 10, "input_tokens_details": { "cached_tokens": 4, "cache_write_tokens": 99 },
            "output_tokens": 5, "output_tokens_details": { "reasoning_tokens": 3 } } });
        let usage = Usage { input: 10, cached: 4, cache_write: 6, output: 5, reasoning: 3, ..Usage::default() };
        assert_eq!(judge(&body), Ok(Judged { usage: Some(usage), complete: true, text_bytes: 11 }));
    }

    #[test]
    fn the_gist_is_text_and_how_it_ended() {
        let of = |body: Value| gist(body.to_string().as_bytes()).unwrap();
        let message = |part: Value| json!({"type": "message", "content": [part]});
        let said =
            of(json!({"output": [{"type": "reasoning", "summary": [{"text": "hm"}]}, message(json!({"text": "hi"}))]}));
        assert_eq!(said, Gist { text: "hi".to_owned(), ..Gist::default() });
        assert!(of(json!({"output": [message(json!({"refusal": "no"}))]})).refused);
        assert!(of(json!({"output": [{"type": "function_call", "name": "f"}]})).acts);
        let cut = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []});
        assert_eq!(of(cut), Gist { truncated: true, ..Gist::default() });
    }

    #[test]
    fn cut_and_refused_answers_are_not_complete() {
        let refusal = json!([{ "type": "message", "content": [{ "type": "refusal", "refusal": "no" }] }]);
        for body in [
            json!({ "status": "incomplete", "output": [] }),
            json!({ "status": 7, "output": [] }),
            json!({ "output": [] }),
            json!({ "status": "completed", "output": refusal }),
        ] {
            assert!(!judge(&body).unwrap().complete, "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        for body in [json!({}), json!([]), json!("x"), json!({ "output": null }), json!({ "output": {} })] {
            assert_eq!(judge(&body), Err(Fault::malformed()), "{body}");
        }
        assert_eq!(judge_answer(b"{\"output\":["), Err(Fault::malformed()));
        for (body, class) in [
            (json!({ "output": [], "error": { "code": "rate_limit_exceeded" } }), FailureClass::RateLimited),
            (json!({ "output": [], "status": "failed" }), FailureClass::ServerError),
        ] {
            assert_eq!(judge(&body).unwrap_err().class, class, "{body}");
        }
    }

    #[test]
    fn absurd_usage_is_unreported() {
        for usage in [json!({ "input_tokens": -1, "output_tokens": 2 }), json!({ "output_tokens": 2 }), json!(7)] {
            let body = json!({ "status": "completed", "output": [], "usage": usage });
            assert_eq!(judge(&body).unwrap().usage, None, "{body}");
        }
    }
}
