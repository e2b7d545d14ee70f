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
            "rate_limit_error" | "tokens" | "requests" => FailureClass::RateLimited,
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
