//! How each vendor says no: as a status, and inside a stream.

use serde_json::{Value, json};

use super::{Vendor, data, named, scenario};
use crate::harness::{Reply, Step};

/// The vendor's body of an error with this status.
pub(crate) fn error_body(vendor: Vendor, status: u16, message: &str) -> Value {
    match vendor {
        Vendor::OpenAi => {
            let (kind, code) = match status {
                400 => ("invalid_request_error", None),
                401 => ("invalid_request_error", Some("invalid_api_key")),
                404 => ("invalid_request_error", Some("model_not_found")),
                429 => ("tokens", Some("rate_limit_exceeded")),
                _ => ("server_error", None),
            };
            json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        }
        Vendor::Anthropic => {
            let kind = match status {
                400 => "invalid_request_error",
                401 => "authentication_error",
                404 => "not_found_error",
                429 => "rate_limit_error",
                529 => "overloaded_error",
                _ => "api_error",
            };
            json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_up"})
        }
        Vendor::Gemini => {
            let word = match status {
                400 | 401 => "INVALID_ARGUMENT",
                403 => "PERMISSION_DENIED",
                404 => "NOT_FOUND",
                429 => "RESOURCE_EXHAUSTED",
                503 => "UNAVAILABLE",
                _ => "INTERNAL",
            };
            let mut error = json!({"code": status, "message": message, "status": word});
            if status == 401 {
                // Google answers a bad key with 400.
                error["code"] = 400.into();
                error["details"] = json!([{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}
                }]);
            }
            json!({"error": error})
        }
        Vendor::Cohere => json!({"id": "5a4bd6f3", "message": message}),
        Vendor::Mistral => match status {
            401 => json!({"detail": message}),
            422 => {
                json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": message, "input": 7}]})
            }
            _ => {
                let (kind, code) = match status {
                    429 => ("rate_limited", "1300"),
                    500.. => ("internal_server_error", "3000"),
                    _ => ("invalid_request_error", "3051"),
                };
                json!({"object": "error", "message": message, "type": kind, "param": null, "code": code})
            }
        },
    }
}

/// A refusal as this vendor writes it.
pub(crate) fn refuse(vendor: Vendor, status: u16, message: &str) -> Reply {
    let body = error_body(vendor, status, message).to_string();
    let status = if (vendor, status) == (Vendor::Gemini, 401) { 400 } else { status };
    Reply::new(status, "application/json", body)
}

/// What comes before the first content; nothing where the vendor has no such events.
pub(crate) fn lifecycle(vendor: Vendor) -> Vec<String> {
    let events = vendor.events(&scenario("text"), false);
    let count = match vendor {
        Vendor::Gemini => 0,
        Vendor::Anthropic => 3,
        Vendor::Cohere => 2,
        Vendor::OpenAi | Vendor::Mistral => 1,
    };
    events[..count].to_vec()
}

/// An error as an event.
pub(crate) fn stream_error(vendor: Vendor) -> String {
    match vendor {
        Vendor::Anthropic => named(
            &json!({"type": "error", "error": {"details": null, "type": "overloaded_error", "message": "Overloaded"}}),
        ),
        Vendor::Gemini => format!("data: {}\r\n\r\n", error_body(vendor, 503, "The model is overloaded.")),
        Vendor::Cohere => {
            let delta = json!({"error": "internal server error", "error_type": "INTERNAL_ERROR", "finish_reason": "ERROR", "usage": {}});
            named(&json!({"type": "message-end", "delta": delta}))
        }
        Vendor::Mistral => data(
            &json!({"object": "error", "message": "Service unavailable.", "type": "internal_server_error", "code": "3000"}),
        ),
        Vendor::OpenAi => data(&error_body(vendor, 503, "The engine is currently overloaded")),
    }
}

/// A stream that fails: with an error as the `first` event, `later` but before any content, or `midway` through the
/// text; or one that ends without an end, before (`silent`) or after some text (`cut`).
pub(crate) fn broken_stream(vendor: Vendor, place: &str) -> Reply {
    let mut events = if place == "first" { Vec::new() } else { lifecycle(vendor) };
    if ["midway", "cut"].contains(&place) {
        let all = vendor.events(&scenario("text"), false);
        events.extend_from_slice(&all[events.len()..][..2]);
    }
    if ["silent", "cut"].contains(&place) {
        return Reply::stream(events).then(Step::Fin);
    }
    events.push(stream_error(vendor));
    Reply::stream(events)
}
