//! What an error looks like, door by door: alone, and as the end of a stream.

use serde_json::{Value, json};

use crate::harness::*;

/// What is wrong with the shape of an error.
pub(crate) fn shape_fault(door: Door, error: &Value) -> Option<String> {
    let names = |value: &Value| {
        let mut names: Vec<_> = value.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect();
        names.sort();
        names.join(" ")
    };
    let known = match door {
        Door::Messages => {
            const KINDS: [&str; 9] = [
                "invalid_request_error",
                "authentication_error",
                "permission_error",
                "not_found_error",
                "request_too_large",
                "rate_limit_error",
                "api_error",
                "overloaded_error",
                "timeout_error",
            ];
            names(error) == "error request_id type"
                && error["type"] == "error"
                && error["request_id"].is_string()
                && names(&error["error"]) == "message type"
                && error["error"]["type"].as_str().is_some_and(|kind| KINDS.contains(&kind))
        }
        _ => names(error) == "error" && names(&error["error"]) == "code message param type",
    };
    let worded = error["error"]["message"].as_str().is_some_and(|message| !message.is_empty());
    (!known || !worded).then(|| format!("not the door's shape: {error}"))
}

/// What is wrong with a stream that failed after some text; `other` is what another provider would have said.
pub(crate) fn midway_fault(door: Door, response: &Response, other: &str) -> Option<String> {
    let text = response.text();
    let Some(last) = text.strip_suffix("\n\n").and_then(|text| text.rsplit("\n\n").next()) else {
        return Some("the stream ends inside an event".to_owned());
    };
    let (name, data) = match last.strip_prefix("event: ") {
        Some(rest) => rest.split_once("\ndata: ").map_or((None, ""), |(name, data)| (Some(name), data)),
        None => (None, last.strip_prefix("data: ").unwrap_or_default()),
    };
    let Ok(error) = serde_json::from_str::<Value>(data) else { return Some(format!("no error at the end: {last}")) };
    let shape = match door {
        Door::Chat | Door::Completions => name.is_none() && shape_fault(door, &error).is_none(),
        Door::Messages => {
            name == Some("error")
                && error["type"] == "error"
                && error["error"]["message"].is_string()
                && error["error"]["type"].is_string()
        }
        _ => {
            let count = text.matches("\"sequence_number\"").count();
            name == Some("error")
                && error["type"] == "error"
                && error["message"].is_string()
                && error.get("code").is_some()
                && error.get("param").is_some()
                && error["sequence_number"] == json!(count - 1)
        }
    };
    if !shape {
        return Some(format!("not the door's error event: {last}"));
    }
    let ended =
        ["[DONE]", "message_stop", "response.completed", "response.incomplete"].iter().find(|end| text.contains(**end));
    if let Some(ended) = ended {
        return Some(format!("{ended} in a stream that broke"));
    }
    (response.status != 200 || response.end != End::Whole || text.contains(other))
        .then(|| format!("{} {:?}", response.status, response.end))
}
