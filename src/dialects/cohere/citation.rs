//! Citations: which piece of the answer rests on which document or tool result.

use serde_json::Value;

use crate::api::chat::Annotation;

/// What a citation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cites {
    /// The text at this place of the message's content, where it is told.
    Text(Option<u64>),
    Plan,
    /// What the model thought; no annotation of the answer.
    Thinking,
}

pub(super) fn cites(citation: &Value) -> Cites {
    match citation.get("type").and_then(Value::as_str) {
        Some("PLAN") => Cites::Plan,
        Some("THINKING_CONTENT") => Cites::Thinking,
        _ => Cites::Text(citation.get("content_index").and_then(Value::as_u64)),
    }
}

/// One annotation for each source. `before`: characters of the answer's text in front of the cited text.
pub(super) fn read_citation(citation: &Value, before: u32) -> Vec<Annotation> {
    let place = |name: &str| {
        let place = citation.get(name)?.as_u64().and_then(|place| u32::try_from(place).ok())?;
        place.checked_add(before)
    };
    let span = place("start").zip(place("end"));
    let sources = citation.get("sources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if sources.is_empty() {
        return vec![Annotation { span, ..Annotation::default() }];
    }
    sources.iter().map(|source| Annotation { span, ..read_source(source) }).collect()
}

fn read_source(source: &Value) -> Annotation {
    let id = text(source, &["id"]);
    let says = source.get("document").or_else(|| source.get("tool_output")).unwrap_or(&Value::Null);
    let url = text(says, &["url"]).or_else(|| text(source, &["url"])).filter(|url| url.contains("://"));
    let title = text(says, &["title"]).or_else(|| id.clone());
    let cited = text(says, &["text", "snippet", "content", "output"]);
    Annotation { url, title, cited, span: None }
}

fn text(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| value.get(name)?.as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
}
