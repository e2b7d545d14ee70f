//! What an error's body says.

use serde_json::Value;

/// The words of an error, in whichever of Mistral's shapes: `message` as text, or as a list of faults (which may stand in
/// `detail`, or even be JSON in the text); or `detail` alone.
pub fn read_message(document: &Value) -> Option<String> {
    ["message", "detail"].iter().find_map(|name| words(document.get(name)?))
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let inner: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
            inner.as_ref().and_then(read_message).or_else(|| Some(text.clone())).filter(|text| !text.is_empty())
        }
        Value::Array(faults) => {
            let told: Vec<_> = faults.iter().filter_map(fault).collect();
            (!told.is_empty()).then(|| told.join("; "))
        }
        Value::Object(inner) => inner.get("detail").and_then(words),
        _ => None,
    }
}

/// One of pydantic's: `{"loc": ["body", "messages", 0, "user", "name"], "msg": "Extra inputs are not permitted"}`.
fn fault(fault: &Value) -> Option<String> {
    let message = fault.get("msg")?.as_str()?;
    let place: Vec<_> = fault
        .get("loc")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
        .skip_while(|step| step == "body")
        .collect();
    Some(if place.is_empty() { message.to_owned() } else { format!("{}: {message}", place.join(".")) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_found_in_every_shape() {
        let faults =
            json!([{"type": "extra_forbidden", "loc": ["body", "messages", 0, "name"], "msg": "not permitted"}, 7]);
        let told = Some("messages.0.name: not permitted".to_owned());
        assert_eq!(read_message(&json!({"object": "error", "message": {"detail": faults}})), told);
        assert_eq!(read_message(&json!({"detail": faults})), told);
        assert_eq!(read_message(&json!({"object": "Error", "detail": faults, "message": faults})), told);
        assert_eq!(read_message(&json!({"message": json!({"detail": faults}).to_string()})), told);
        assert_eq!(read_message(&json!({"message": "Rate limit exceeded"})).as_deref(), Some("Rate limit exceeded"));
        assert_eq!(read_message(&json!({"detail": "Invalid API Key"})).as_deref(), Some("Invalid API Key"));
        for nothing in [json!({}), json!([]), json!({"message": null}), json!({"message": [7]}), json!({"message": ""})]
        {
            assert_eq!(read_message(&nothing), None);
        }
    }
}
