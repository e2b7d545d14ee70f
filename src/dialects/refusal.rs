//! What providers say when they refuse or fail: the words and the class of an error, in whichever of the vendors' shapes.

use serde_json::Value;

use super::codec::Fault;
use super::mistral;
use crate::error::{FailureClass, Refusal};

/// The fault that an `error` inside a 200 tells of. Its `code` is a word or the status that was meant.
#[cold]
pub(super) fn fault_inside(error: &Value) -> Fault {
    let word = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = error.get("code").or_else(|| error.get("status")).and_then(|code| match code {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    });
    let class = status.and_then(class_of_status).unwrap_or_else(|| class_of_words(word("code"), word("type")));
    if class != FailureClass::CallerError {
        return Fault::new(class);
    }
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = text("message").or_else(|| error.as_str().map(str::to_owned)).unwrap_or_default();
    let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
    let code = text("code").filter(|code| code.parse::<u16>().is_err());
    // What was meant may be any status; a refusal is one of three.
    let status = if matches!(status, 413 | 422) { status } else { 400 };
    Fault { class, refusal: Some(Refusal { status, message, param: text("param"), code }) }
}

/// The class of a status that an error names.
pub(super) fn class_of_status(status: u64) -> Option<FailureClass> {
    Some(match status {
        400 | 413 | 422 => FailureClass::CallerError,
        401 => FailureClass::Unauthorized,
        402 => FailureClass::Billing,
        403 => FailureClass::Forbidden,
        404 => FailureClass::NotFound,
        429 => FailureClass::RateLimited,
        408 | 409 | 425 | 499..=599 => FailureClass::ServerError,
        _ => return None,
    })
}

/// The codes are those of the `error` of a response; several of them name a fault of an image in the request.
/// <https://platform.openai.com/docs/api-reference/responses/object>
fn class_of_words(code: &str, kind: &str) -> FailureClass {
    match code {
        "rate_limit_exceeded" => FailureClass::RateLimited,
        "insufficient_quota" | "billing_not_active" => FailureClass::Billing,
        "invalid_api_key" => FailureClass::Unauthorized,
        "model_not_found" => FailureClass::NotFound,
        "context_length_exceeded" | "empty_image_file" | "failed_to_download_image" => FailureClass::CallerError,
        _ if ["invalid_", "image_", "unsupported_"].iter().any(|start| code.starts_with(start)) => {
            FailureClass::CallerError
        }
        _ => match kind {
            "invalid_request_error" => FailureClass::CallerError,
            "rate_limit_error" | "rate_limited" | "tokens" | "requests" => FailureClass::RateLimited,
            "insufficient_quota" => FailureClass::Billing,
            "authentication_error" => FailureClass::Unauthorized,
            _ => FailureClass::ServerError,
        },
    }
}

/// What the document of an error says, where it is not about a key, which it might quote.
pub fn told(class: FailureClass, body: &[u8]) -> Option<String> {
    if matches!(class, FailureClass::Unauthorized | FailureClass::Forbidden | FailureClass::Billing) {
        return None;
    }
    read_refusal(400, body).map(|refusal| refusal.message)
}

/// What a refused request's body says, in whichever of the vendors' shapes. `None`: nothing that can be told.
pub fn read_refusal(status: u16, body: &[u8]) -> Option<Refusal> {
    let document: Value = serde_json::from_slice(body).ok()?;
    // On streams an error stands inside an event: Cohere's `message-end`, OpenAI's `response.failed`.
    let places = ["/error", "/delta/error", "/response/error"];
    let inside = places.iter().filter_map(|place| document.pointer(place)).find(|error| !error.is_null());
    let error = inside.unwrap_or(&document);
    let message = match error {
        Value::String(text) => text.clone(),
        _ => {
            let plain = ["message", "detail", "error"].iter().find_map(|name| error.get(name).and_then(text));
            plain.or_else(|| mistral::read_message(error))?
        }
    };
    let param = error.get("param").and_then(text);
    let code = error.get("code").and_then(text).filter(|code| code.parse::<u16>().is_err());
    Some(Refusal { status, message, param, code })
}

/// Why a request was refused, where another provider may see it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The prompt, or the prompt and the answer together, are longer than the model's context.
    ContextLength,
    /// The provider's filter refused the prompt.
    ContentFilter,
}

/// What the vendors say in lower case when the context is too small; those without a code for it, in words.
const TOO_LONG: [&str; 21] = [
    // OpenAI, DeepSeek, OpenRouter, vLLM ("This model's maximum context length is"), Mistral ("too large for model with
    // 32768 maximum context length").
    "maximum context length",
    "exceeds the context window",
    "reduce the length of the messages",
    // vLLM and SGLang.
    "longer than the maximum model length",
    "exceeds model's maximum context length",
    "longer than the model's context length",
    // Anthropic and Fireworks.
    "prompt is too long",
    "exceed context limit",
    // Gemini.
    "exceeds the maximum number of tokens",
    // Cohere.
    "too many tokens",
    // xAI.
    "maximum prompt length",
    // Z.ai.
    "prompt exceeds max length",
    // llama.cpp.
    "exceeds the available context size",
    "exceed_context_size",
    // LM Studio.
    "greater than the context length",
    "when context the overflows",
    // Ollama.
    "exceeds the context length",
    "exceeded max context length",
    // Text Generation Inference, behind Hugging Face and Together.
    "`inputs` tokens + `max_new_tokens` must be",
    "`inputs` must have less than",
    "input is too long for requested model",
];

/// The same for filters.
const FILTERED: [&str; 4] = [
    // Azure.
    "content management policy",
    // Anthropic.
    "blocked by content filtering policy",
    // Z.ai.
    "unsafe or sensitive content",
    // Alibaba, behind several gateways.
    "inappropriate content",
];

impl Refusal {
    /// Why, as far as the code or the words tell.
    pub fn cause(&self) -> Option<Cause> {
        match self.code.as_deref() {
            Some("context_length_exceeded" | "TOO_MANY_TOKENS") => return Some(Cause::ContextLength),
            Some("content_filter" | "content_policy_violation" | "moderation_blocked" | "data_inspection_failed") => {
                return Some(Cause::ContentFilter);
            }
            _ => {}
        }
        let message = self.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        if says(&TOO_LONG) { Some(Cause::ContextLength) } else { says(&FILTERED).then_some(Cause::ContentFilter) }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a 429 says that waiting will not help.
pub fn is_out_of_money(body: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let error = document.get("error").unwrap_or(&document);
    ["code", "type"].iter().any(|name| {
        error.get(name).and_then(Value::as_str).is_some_and(|word| {
            matches!(word, "insufficient_quota" | "credit_balance_exhausted" | "billing_not_active")
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_are_told_apart_by_code_and_type() {
        for (error, class) in [
            (json!({ "code": "server_error" }), FailureClass::ServerError),
            (json!({ "code": 429 }), FailureClass::RateLimited),
            (json!({ "code": "rate_limit_exceeded" }), FailureClass::RateLimited),
            (json!({ "code": null, "type": "insufficient_quota" }), FailureClass::Billing),
            (json!({ "code": "invalid_api_key", "type": "invalid_request_error" }), FailureClass::Unauthorized),
            (json!("boom"), FailureClass::ServerError),
            (json!([1]), FailureClass::ServerError),
        ] {
            assert_eq!(fault_inside(&error), Fault { class, refusal: None }, "{error}");
        }
    }

    #[test]
    fn the_callers_own_fault_is_told_in_the_providers_words() {
        let fault = fault_inside(&json!({ "code": "invalid_prompt", "message": "no", "param": "input" }));
        assert_eq!(fault.class, FailureClass::CallerError);
        let refusal = Refusal {
            status: 400,
            message: "no".into(),
            param: Some("input".into()),
            code: Some("invalid_prompt".into()),
        };
        assert_eq!(fault.refusal, Some(refusal));
    }

    #[test]
    fn causes_are_recognised_in_every_vendors_words() {
        let cause = |body: Value| read_refusal(400, body.to_string().as_bytes()).unwrap().cause();
        for body in [
            json!({"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
            json!({"error": {"message": "Your input exceeds the context window of this model.", "code": null}}),
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 208310 tokens > 200000 maximum"}}),
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"}}),
            json!({"error": {"code": 400, "message": "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT"}}),
            json!({"id": "a", "message": "too many tokens: size limit exceeded by 1234 tokens. Try using shorter or fewer inputs."}),
            json!({"object": "error", "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", "type": "invalid_request_prompt", "code": "3051"}),
            json!({"error": {"code": 400, "message": "request (6000 tokens) exceeds the available context size (4096 tokens), try increasing it", "type": "exceed_context_size_error", "n_ctx": 4096}}),
            json!({"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", "type": "BadRequestError", "code": 400}),
            json!({"object": "error", "message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.", "code": 400}),
            json!({"error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."}),
            json!({"error": {"code": "1261", "message": "Prompt exceeds max length"}}),
            json!({"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"}),
            json!({"error": "The number of tokens to keep from the initial prompt is greater than the context length"}),
        ] {
            assert_eq!(cause(body.clone()), Some(Cause::ContextLength), "{body}");
        }
        for body in [
            json!({"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", "param": "prompt", "code": "content_filter", "status": 400}}),
            json!({"error": {"message": "Your request was rejected by our safety system.", "code": "content_policy_violation"}}),
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}}),
        ] {
            assert_eq!(cause(body.clone()), Some(Cause::ContentFilter), "{body}");
        }
        for body in [
            json!({"error": {"message": "max_tokens is too large: 100000. This model supports at most 16384 completion tokens", "code": "invalid_value"}}),
            json!({"error": {"code": 400, "message": "Unknown name \"x\"", "status": "INVALID_ARGUMENT"}}),
        ] {
            assert_eq!(cause(body.clone()), None, "{body}");
        }
    }

    #[test]
    fn refusals_are_read_in_every_shape() {
        let read = |body: &str| read_refusal(400, body.as_bytes());
        let openai =
            read(r#"{"error":{"message":"too long","type":"t","param":"messages","code":"context_length_exceeded"}}"#);
        assert_eq!(
            openai,
            Some(Refusal {
                status: 400,
                message: "too long".into(),
                param: Some("messages".into()),
                code: Some("context_length_exceeded".into())
            })
        );
        assert_eq!(read(r#"{"error":{"message":"m","code":400}}"#).unwrap().code, None);
        assert_eq!(read(r#"{"detail":"Invalid"}"#).unwrap().message, "Invalid");
        assert_eq!(read(r#"{"error":"plain"}"#).unwrap().message, "plain");
        assert_eq!(read("<html>"), None);
    }
}
