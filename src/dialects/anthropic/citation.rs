//! Citations. <https://docs.claude.com/en/build-with-claude/citations>
//!
//! The common form keeps what everybody understands, and beside it, as a foreign part that follows its text, the
//! citation as it was: only Anthropic can make the encrypted index that it wants back.

use serde_json::{Value, json};

use crate::api::chat::Annotation;

/// A foreign part that says no more than that the next text is a block of its own, with citations of its own.
pub(super) fn border() -> Value {
    json!({"type": BORDER})
}

pub(super) fn is_border(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str) == Some(BORDER)
}

const BORDER: &str = "content_block_stop";

/// What the foreign part is called, after the delta that brings a citation on a stream.
pub(super) const DELTA: &str = "citations_delta";

pub(super) fn read(citation: &Value) -> Annotation {
    let text = |name: &str| citation.get(name).and_then(Value::as_str).map(str::to_owned);
    // A search result's source is an address where the client made it one.
    let source = || text("source").filter(|source| source.starts_with("http"));
    Annotation {
        url: text("url").or_else(source),
        title: text("title").or_else(|| text("document_title")),
        cited: text("cited_text"),
        span: None,
    }
}

pub(super) fn keep(citation: Value) -> Value {
    let mut part = json!({ "type": DELTA });
    part["citation"] = citation;
    part
}

/// The citation in a foreign part, if it is one.
pub(super) fn kept(part: &Value) -> Option<&Value> {
    (part.get("type")?.as_str()? == DELTA).then(|| part.get("citation"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_tells_what_it_has() {
        let web = json!({"type": "web_search_result_location", "url": "https://a.b/", "title": "A", "cited_text": "c"});
        let annotation = read(&web);
        assert_eq!(annotation.url.as_deref(), Some("https://a.b/"));
        assert_eq!(annotation.title.as_deref(), Some("A"));
        let document =
            json!({"type": "char_location", "document_title": "D", "cited_text": "c", "start_char_index": 0});
        assert_eq!(read(&document).title.as_deref(), Some("D"));
        assert_eq!(read(&document).cited.as_deref(), Some("c"));
        assert_eq!(read(&json!({"source": "docs/1"})).url, None);
        assert_eq!(read(&json!(7)), Annotation::default());
        assert_eq!(kept(&keep(web.clone())), Some(&web));
        assert_eq!(kept(&json!({"type": "web_search_tool_result"})), None);
    }
}
