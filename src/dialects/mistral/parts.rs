//! Parts of a message's content.

use serde_json::{Map, Value, json};

use super::Changes;
use crate::api::chat::Field;

/// Turns OpenAI's parts into those that Mistral has; its own stay as they are.
pub(super) fn adapt_parts(parts: &mut Vec<Value>, changes: &mut Changes) {
    parts.retain_mut(|part| match part {
        Value::Object(part) => adapt_part(part, changes),
        _ => true,
    });
}

/// Whether the part is kept.
fn adapt_part(part: &mut Map<String, Value>, changes: &mut Changes) -> bool {
    let content = match part.get("type").and_then(Value::as_str) {
        Some("text") => "text",
        Some("image_url") => "image_url",
        Some("input_audio") => "input_audio",
        Some("refusal") => {
            let text = part.get("refusal").cloned().unwrap_or_default();
            *part = Map::from_iter([("type".to_owned(), "text".into()), ("text".to_owned(), text)]);
            changes.made();
            return true;
        }
        // Mistral's own has its `file_id` right here.
        Some("file") if part.contains_key("file") => return adapt_file(part, changes),
        _ => return true,
    };
    part.retain(|name, value| {
        let keep = name == "type" || name == content;
        match name.as_str() {
            _ if keep => {}
            // OpenAI's answers have them; clients send them back.
            "annotations" | "logprobs" => changes.made(),
            _ if value.is_null() => changes.made(),
            "cache_control" => changes.dropped(Field::CacheHint),
            _ => changes.dropped(Field::Extra(name.clone())),
        }
        keep
    });
    true
}

/// A document inside the request becomes one by address; the id of a file that OpenAI has means nothing to Mistral.
fn adapt_file(part: &mut Map<String, Value>, changes: &mut Changes) -> bool {
    let file = part.get("file").cloned().unwrap_or_default();
    let Some(data) = file.get("file_data").and_then(Value::as_str).filter(|data| data.starts_with("data:")) else {
        changes.dropped(Field::Document);
        return false;
    };
    changes.made();
    let mut document = json!({"type": "document_url", "document_url": data});
    if let Some(name) = file.get("filename").filter(|name| name.is_string()) {
        document["document_name"] = name.clone();
    }
    if let Value::Object(document) = document {
        *part = document;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_openai_become_mistrals() {
        let mut parts = vec![
            json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}),
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}}),
            json!({"type": "file", "file": {"file_id": "file-1"}}),
            json!({"type": "file", "file_id": "mistral's own"}),
            json!({"type": "image_url", "image_url": "https://a.b/c"}),
        ];
        let mut changes = Changes::default();
        adapt_parts(&mut parts, &mut changes);
        let document = json!({"type": "document_url", "document_url": "data:application/pdf;base64,AA==", "document_name": "a.pdf"});
        assert_eq!((parts.len(), &parts[0], &parts[1]), (4, &json!({"type": "text", "text": "a"}), &document));
        let lost: Vec<_> = changes.losses.iter().map(|loss| loss.field.clone()).collect();
        assert_eq!(lost, [Field::CacheHint, Field::Document]);
    }
}
