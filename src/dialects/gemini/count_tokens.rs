//! `countTokens`: how many tokens a request would have.
//!
//! <https://ai.google.dev/api/tokens>

use serde::Serialize;
use serde_json::Value;

use super::request::{Body, to_bytes, write_body};
use crate::api::chat::{ChatRequest, Losses};
use crate::dialects::codec::count;
use crate::dialects::{Invalid, Target, Written};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Count<'a> {
    generate_content_request: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    model: String,
    #[serde(flatten)]
    body: Body<'a>,
}

pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Written, Invalid> {
    let mut losses = Losses::default();
    let named = Named { model: full_name(target.model), body: write_body(request, target, &mut losses) };
    Ok(Written { body: to_bytes(&Count { generate_content_request: named })?, losses })
}

/// `None` where the answer does not say.
pub fn read_answer(body: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    count(answer.get("totalTokens"))
}

/// Inside a body a model has its whole name.
pub(super) fn full_name(model: &str) -> String {
    if model.contains('/') { model.to_owned() } else { format!("models/{model}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::chat::{Format, Message, Part, Role};

    #[test]
    fn the_whole_request_is_counted() {
        let mut request = ChatRequest::new(Format::OpenAiChat);
        request.messages.push(Message::new(Role::System, vec![Part::text("Be brief.")]));
        request.messages.push(Message::new(Role::User, vec![Part::text("Hello")]));
        let target = Target { model: "gemini-3.5-flash", max_output: None, ask_usage: false };
        let written = write_request(&request, &target).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&written.body).unwrap(),
            json!({"generateContentRequest": {
                "model": "models/gemini-3.5-flash",
                "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
                "systemInstruction": {"parts": [{"text": "Be brief."}]}
            }})
        );
    }

    #[test]
    fn reads_the_total() {
        assert_eq!(read_answer(br#"{"totalTokens":8,"promptTokensDetails":[]}"#), Some(8));
        for body in ["", "{}", "[]", r#"{"totalTokens":"8"}"#, r#"{"totalTokens":-1}"#] {
            assert_eq!(read_answer(body.as_bytes()), None, "{body}");
        }
    }
}
