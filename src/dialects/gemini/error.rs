//! Errors: `{"error": {"code", "message", "status", "details"}}`, sometimes inside an array, sometimes inside a 200.
//!
//! <https://google.aip.dev/193>

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialects::Fault;
use crate::dialects::refusal::class_of_status;
use crate::error::{FailureClass, Refusal};

/// What the body of an answer with an error status says, where it is more than the status says. `None` where the body
/// is no error of Google's.
pub fn error_class(body: &[u8]) -> Option<FailureClass> {
    classify(error_of(&serde_json::from_slice(body).ok()?)?)
}

/// How long a `RetryInfo` in an error's body asks to be waited: a number of seconds with an `s` behind it, as the JSON
/// form of protobuf's `Duration` is. <https://protobuf.dev/programming-guides/json/>
pub fn retry_delay(body: &[u8]) -> Option<Duration> {
    let body = serde_json::from_slice(body).ok()?;
    let delay = details(error_of(&body)?).find_map(|detail| text(detail, "retryDelay"))?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

/// The fault that a whole body is, if it is one.
pub(super) fn read_fault(body: &[u8]) -> Option<Fault> {
    Some(fault(error_of(&serde_json::from_slice(body).ok()?)?))
}

fn error_of(body: &Value) -> Option<&Value> {
    let body = body.as_array().map_or(Some(body), |items| items.first())?;
    body.get("error").filter(|error| !error.is_null())
}

/// From the value of `error`.
#[cold]
fn fault(error: &Value) -> Fault {
    let class = classify(error).unwrap_or(FailureClass::ServerError);
    let refusal = (class == FailureClass::CallerError).then(|| refusal(error));
    Fault { class, refusal }
}

#[cold]
pub(super) fn raw_fault(error: &RawValue) -> Fault {
    serde_json::from_str(error.get()).map_or_else(|_| Fault::malformed(), |error| fault(&error))
}

fn classify(error: &Value) -> Option<FailureClass> {
    let message = text(error, "message").unwrap_or_default().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let because = |reason: &str| details(error).any(|detail| text(detail, "reason") == Some(reason));
    // A wrong key is a 400 INVALID_ARGUMENT.
    if because("API_KEY_INVALID") || says(&["api key not valid", "api key expired"]) {
        return Some(FailureClass::Unauthorized);
    }
    if because("BILLING_DISABLED") || says(&["prepayment credits", "credits are depleted", "billing to be enabled"]) {
        return Some(FailureClass::Billing);
    }
    let by_status = match text(error, "status").unwrap_or_default() {
        "UNAUTHENTICATED" => Some(FailureClass::Unauthorized),
        "PERMISSION_DENIED" => Some(FailureClass::Forbidden),
        "NOT_FOUND" => Some(FailureClass::NotFound),
        // Its message speaks of billing whatever the quota was.
        "RESOURCE_EXHAUSTED" => Some(FailureClass::RateLimited),
        "FAILED_PRECONDITION" if says(&["billing"]) => Some(FailureClass::Billing),
        // "User location is not supported for the API use."
        "FAILED_PRECONDITION" if says(&["location is not supported"]) => Some(FailureClass::Forbidden),
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" | "FAILED_PRECONDITION" => Some(FailureClass::CallerError),
        "INTERNAL" | "UNAVAILABLE" | "DEADLINE_EXCEEDED" | "UNKNOWN" | "ABORTED" | "CANCELLED" | "DATA_LOSS" => {
            Some(FailureClass::ServerError)
        }
        _ => None,
    };
    by_status.or_else(|| class_of_status(error.get("code")?.as_u64()?))
}

fn refusal(error: &Value) -> Refusal {
    let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let violations = details(error).filter_map(|detail| detail.get("fieldViolations")?.get(0));
    Refusal {
        status: status.filter(|status| matches!(status, 413 | 422)).unwrap_or(400),
        message: text(error, "message").unwrap_or("the provider refused the request without saying why").to_owned(),
        param: violations.filter_map(|violation| text(violation, "field")).next().map(str::to_owned),
        code: text(error, "status").map(str::to_owned),
    }
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error.get("details").and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_and_reasons_say_more_than_the_status() {
        use FailureClass as C;
        let key = "API key not valid. Please pass a valid API key.";
        let quota = "You exceeded your current quota, please check your plan and billing details.";
        let credits = "Your prepayment credits are depleted.";
        let place = "User location is not supported for the API use.";
        for (code, status, message, reason, class) in [
            (400, "INVALID_ARGUMENT", key, "", C::Unauthorized),
            (400, "INVALID_ARGUMENT", "wrong", "API_KEY_INVALID", C::Unauthorized),
            (400, "INVALID_ARGUMENT", "Unknown name", "", C::CallerError),
            (400, "FAILED_PRECONDITION", "Please enable billing on project 1", "", C::Billing),
            (400, "FAILED_PRECONDITION", place, "", C::Forbidden),
            (401, "UNAUTHENTICATED", "", "", C::Unauthorized),
            (403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", "", C::Billing),
            (403, "PERMISSION_DENIED", "", "BILLING_DISABLED", C::Billing),
            (403, "PERMISSION_DENIED", "", "API_KEY_SERVICE_BLOCKED", C::Forbidden),
            (404, "NOT_FOUND", "models/x is not found", "", C::NotFound),
            (429, "RESOURCE_EXHAUSTED", quota, "", C::RateLimited),
            (429, "RESOURCE_EXHAUSTED", credits, "", C::Billing),
            (500, "INTERNAL", "", "", C::ServerError),
            (503, "UNAVAILABLE", "The model is overloaded.", "", C::ServerError),
            (504, "DEADLINE_EXCEEDED", "", "", C::ServerError),
            (499, "", "", "", C::ServerError),
            (413, "", "", "", C::CallerError),
        ] {
            let details = json!([{"reason": reason}]);
            let body = json!({"error": {"code": code, "status": status, "message": message, "details": details}});
            assert_eq!(error_class(body.to_string().as_bytes()), Some(class), "{body}");
            assert_eq!(error_class(json!([body]).to_string().as_bytes()), Some(class), "{body}");
        }
    }

    #[test]
    fn what_is_no_error_says_nothing() {
        for body in ["", "<html>", "{}", "[]", "3", r#"{"error":null}"#, r#"{"error":{}}"#, r#"{"error":{"code":"x"}}"#]
        {
            assert_eq!(error_class(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_wait_that_is_asked_for_is_read() {
        let wait = |delay: &str| {
            let info = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay});
            let error = json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"reason": "x"}, info]});
            retry_delay(json!({ "error": error }).to_string().as_bytes())
        };
        assert_eq!((wait("48s"), wait("1.5s")), (Some(Duration::from_secs(48)), Some(Duration::from_millis(1_500))));
        assert_eq!((wait("-1s"), wait("soon"), wait("NaNs"), wait("48")), (None, None, None, None));
        assert_eq!((retry_delay(b"<html>"), retry_delay(b"{}")), (None, None));
    }

    #[test]
    fn a_refusal_names_the_field() {
        let violation = json!({"field": "tools[0]", "description": "bad"});
        let error = json!({
            "code": 400,
            "message": "Invalid JSON payload received.",
            "status": "INVALID_ARGUMENT",
            "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
        });
        let refusal = fault(&error).refusal.unwrap();
        assert_eq!((refusal.status, refusal.param.as_deref()), (400, Some("tools[0]")));
        assert_eq!(refusal.code.as_deref(), Some("INVALID_ARGUMENT"));
        assert_eq!(fault(&json!("broken")).class, FailureClass::ServerError);
    }
}
