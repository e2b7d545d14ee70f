//! Errors that Cohere tells inside a 200.

use serde_json::Value;

use crate::dialects::Fault;
use crate::error::{FailureClass, Refusal};

/// What an error document, or the end of a stream that failed, comes to. `{"id", "message", "error_type"}` stands alone;
/// at a stream's end the words are in `error`. <https://docs.cohere.com/reference/errors>
#[cold]
pub(super) fn read_fault(error: &Value) -> Fault {
    let words =
        ["message", "error"].iter().find_map(|name| error.get(name).and_then(Value::as_str)).unwrap_or_default();
    let code = error.get("error_type").and_then(Value::as_str);
    let status = error.get("status_code").or_else(|| error.get("status")).and_then(Value::as_u64);
    let class = match (status, code) {
        (Some(401 | 498), _) => FailureClass::Unauthorized,
        (Some(402), _) => FailureClass::Billing,
        (Some(403), _) => FailureClass::Forbidden,
        (Some(404), _) => FailureClass::NotFound,
        (Some(429), _) => FailureClass::RateLimited,
        (Some(400 | 413 | 422), _) | (None, Some("TOO_MANY_TOKENS")) => FailureClass::CallerError,
        _ if words.starts_with("too many tokens") => FailureClass::CallerError,
        // Words of its 429s: "You are using a Trial key, which is limited to 20 API calls / minute."
        _ if words.contains("rate limit") || words.contains("Trial key") => FailureClass::RateLimited,
        _ => FailureClass::ServerError,
    };
    let refusal = (class == FailureClass::CallerError && !words.is_empty()).then(|| Refusal {
        status: status.and_then(|status| u16::try_from(status).ok()).unwrap_or(400),
        message: words.to_owned(),
        param: None,
        code: code.map(str::to_owned),
    });
    Fault { class, refusal }
}
