//! Errors, which Anthropic also sends with status 200, mostly on streams. <https://docs.claude.com/en/api/errors>

use serde::Serialize;
use serde_json::Value;

use crate::dialects::codec::Fault;
use crate::dialects::sse::write_event;
use crate::error::{FailureClass, Refusal};

/// Reads the body of an error; `None` where it holds none.
pub fn read_error(body: &[u8]) -> Option<Fault> {
    fault_in(&serde_json::from_slice(body).ok()?)
}

/// The error in a whole body or in an event's data.
pub(super) fn fault_in(value: &Value) -> Option<Fault> {
    let error = value.get("error").filter(|error| !error.is_null());
    if error.is_none() && value.get("type").and_then(Value::as_str) != Some("error") {
        return None;
    }
    let word = |name: &str| error.and_then(|error| error.get(name)).and_then(Value::as_str).unwrap_or_default();
    let message = error.and_then(Value::as_str).unwrap_or_else(|| word("message"));
    let (class, status) = match word("type") {
        _ if message.contains("credit balance is too low") => (FailureClass::Billing, 0),
        "invalid_request_error" => (FailureClass::CallerError, 400),
        "request_too_large" => (FailureClass::CallerError, 413),
        "authentication_error" => (FailureClass::Unauthorized, 0),
        "billing_error" => (FailureClass::Billing, 0),
        "permission_error" => (FailureClass::Forbidden, 0),
        "not_found_error" => (FailureClass::NotFound, 0),
        "rate_limit_error" => (FailureClass::RateLimited, 0),
        // `api_error`, `overloaded_error`, `timeout_error`, and what nobody has heard of.
        _ => (FailureClass::ServerError, 0),
    };
    let refusal = (class == FailureClass::CallerError).then(|| Refusal {
        status,
        message: message.to_owned(),
        param: None,
        code: message.contains("prompt is too long").then(|| "context_length_exceeded".to_owned()),
    });
    Some(Fault { class, refusal })
}

#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    r#type: &'static str,
    error: ErrorMembers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ErrorMembers<'a> {
    r#type: &'static str,
    message: &'a str,
}

fn body<'a>(status: u16, message: &'a str, request_id: Option<&'a str>) -> ErrorBody<'a> {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    };
    ErrorBody { r#type: "error", error: ErrorMembers { r#type: kind, message }, request_id }
}

/// An error as a client of the Messages API expects it.
pub fn write_error(status: u16, message: &str, request_id: Option<&str>) -> Vec<u8> {
    serde_json::to_vec(&body(status, message, request_id)).expect("structs of texts always serialise")
}

/// The same as the last event of a stream that breaks off.
pub fn write_error_event(status: u16, message: &str, out: &mut Vec<u8>) {
    write_event(Some("error"), &body(status, message, None), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_class() {
        for (kind, class) in [
            ("invalid_request_error", FailureClass::CallerError),
            ("authentication_error", FailureClass::Unauthorized),
            ("permission_error", FailureClass::Forbidden),
            ("not_found_error", FailureClass::NotFound),
            ("request_too_large", FailureClass::CallerError),
            ("rate_limit_error", FailureClass::RateLimited),
            ("api_error", FailureClass::ServerError),
            ("overloaded_error", FailureClass::ServerError),
            ("brand_new_error", FailureClass::ServerError),
        ] {
            let body = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"no"}}}}"#);
            let fault = read_error(body.as_bytes()).unwrap();
            assert_eq!(fault.class, class, "{kind}");
            assert_eq!(fault.refusal.is_some(), class == FailureClass::CallerError);
        }
    }

    #[test]
    fn an_empty_purse_is_not_the_callers_fault() {
        let body = br#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#;
        assert_eq!(read_error(body).unwrap().class, FailureClass::Billing);
    }

    #[test]
    fn odd_errors_are_errors_and_answers_are_none() {
        for body in [&br#"{"error":"boom"}"#[..], br#"{"type":"error"}"#, br#"{"type":"error","error":[1]}"#] {
            assert_eq!(read_error(body).unwrap().class, FailureClass::ServerError);
        }
        assert_eq!(read_error(br#"{"type":"message","error":null}"#), None);
        assert_eq!(read_error(b"<html>"), None);
    }

    #[test]
    fn writes_what_it_reads() {
        let fault = read_error(&write_error(429, "slow down", Some("req_1"))).unwrap();
        assert_eq!(fault.class, FailureClass::RateLimited);
        let mut out = Vec::new();
        write_error_event(502, "gone", &mut out);
        assert_eq!(
            out,
            b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"gone\"}}\n\n"
        );
    }
}
