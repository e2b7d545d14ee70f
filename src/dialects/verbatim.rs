//! What is common to OpenAI's formats where an answer goes to the client as it came, and is only judged.

use serde_json::Value;

use super::codec::Fault;
use crate::api::Usage;
use crate::error::{FailureClass, Refusal};

/// What a whole answer turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    pub usage: Option<Usage>,
    /// The model said all that it had to say: nothing was cut, filtered or refused.
    pub complete: bool,
    /// Bytes of text in it: what it is billed by where the provider reports nothing.
    pub text_bytes: usize,
}

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
    Fault { class, refusal: Some(Refusal { status, message, param: text("param"), code }) }
}

fn class_of_status(status: u64) -> Option<FailureClass> {
    Some(match status {
        400 | 413 | 422 => FailureClass::CallerError,
        401 => FailureClass::Unauthorized,
        402 => FailureClass::Billing,
        403 => FailureClass::Forbidden,
        404 => FailureClass::NotFound,
        429 => FailureClass::RateLimited,
        500..=599 => FailureClass::ServerError,
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
}

/// Recorded exchanges with providers, where they are at hand.
#[cfg(test)]
pub(super) mod recorded {
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use crate::dialects::Event;

    pub(in crate::dialects) struct Recorded {
        pub(in crate::dialects) name: String,
        pub(in crate::dialects) exchange: Value,
    }

    /// Those whose name begins with `prefix`; none, with a word about it, where there are no recordings.
    pub(in crate::dialects) fn exchanges(prefix: &str) -> Vec<Recorded> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traffic/dev");
        let Ok(files) = fs::read_dir(folder) else {
            eprintln!("skipped: there are no recordings here");
            return Vec::new();
        };
        let paths = files.map(|file| file.unwrap().path());
        let named = paths.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)));
        let found: Vec<_> = named
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, path)| Recorded { name, exchange: serde_json::from_slice(&fs::read(path).unwrap()).unwrap() })
            .collect();
        assert!(!found.is_empty(), "no recording begins with {prefix}");
        found
    }

    /// Cuts a recorded stream into its events.
    pub(in crate::dialects) fn events(stream: &str, mut read: impl FnMut(Event<'_>)) {
        for lines in stream.replace("\r\n", "\n").split("\n\n") {
            if let Some(event) = Event::parse(lines.as_bytes(), &mut Vec::new()) {
                read(event);
            }
        }
    }
}
