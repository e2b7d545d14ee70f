//! `groundingMetadata`: which pages stand behind which piece of the text.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::chat::Annotation;

/// Enough for any honest answer; each one may cost a search through the text.
const MAX_ANNOTATIONS: usize = 256;

/// `text` is all that the candidate has said.
pub(super) fn read_annotations(metadata: &RawValue, text: &str) -> Vec<Annotation> {
    let Ok(metadata) = serde_json::from_str::<Value>(metadata.get()) else { return Vec::new() };
    let list = |name: &str| metadata.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let sources = list("groundingChunks");
    let supports = list("groundingSupports");
    if supports.is_empty() {
        return sources.iter().take(MAX_ANNOTATIONS).filter_map(source).collect();
    }
    let cite = |support: &Value| {
        let span = support.get("segment").and_then(|segment| span(segment, text));
        let indices = support.get("groundingChunkIndices").and_then(Value::as_array).cloned().unwrap_or_default();
        let cited = indices.into_iter().filter_map(move |index| {
            let index = usize::try_from(index.as_u64()?).ok()?;
            Some(Annotation { span, ..source(sources.get(index)?)? })
        });
        cited.collect::<Vec<_>>()
    };
    supports.iter().take(MAX_ANNOTATIONS).flat_map(cite).take(MAX_ANNOTATIONS).collect()
}

/// A page of the web, or a document of the client's own.
fn source(chunk: &Value) -> Option<Annotation> {
    let of = |kind: &str| chunk.get(kind).filter(|source| source.is_object());
    let source = of("web").or_else(|| of("retrievedContext")).or_else(|| of("maps"))?;
    let text = |name: &str| source.get(name).and_then(Value::as_str).map(str::to_owned);
    let found = Annotation { url: text("uri"), title: text("title"), cited: text("text"), span: None };
    Some(found).filter(|found| *found != Annotation::default())
}

/// Gemini counts bytes of UTF-8, from the start of a part; annotations count characters of the whole text.
fn span(segment: &Value, text: &str) -> Option<(u32, u32)> {
    let offset = |name: &str| usize::try_from(segment.get(name)?.as_u64()?).ok();
    let words = segment.get("text")?.as_str().filter(|words| !words.is_empty())?;
    let start = offset("startIndex").unwrap_or_default();
    let stands_there = text.get(start..).is_some_and(|rest| rest.starts_with(words));
    let start = if stands_there { start } else { text.find(words)? };
    let characters = |text: &str| u32::try_from(text.chars().count()).ok();
    let before = characters(&text[..start])?;
    Some((before, before.checked_add(characters(words)?)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    fn read(metadata: &Value, text: &str) -> Vec<Annotation> {
        read_annotations(&to_raw_value(metadata).unwrap(), text)
    }

    #[test]
    fn bytes_become_characters() {
        let metadata = json!({
            "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {"retrievedContext": {"text": "x"}}],
            "groundingSupports": [
                {"segment": {"startIndex": 4, "endIndex": 8, "text": "21°"}, "groundingChunkIndices": [0, 1, 9, -1]},
                {"segment": {"startIndex": 1, "text": "warm"}, "groundingChunkIndices": [0]},
                {"segment": {"text": "never said"}, "groundingChunkIndices": [0]}
            ]
        });
        let page =
            Annotation { url: Some("https://a.example".into()), title: Some("A".into()), ..Annotation::default() };
        let document = Annotation { cited: Some("x".into()), ..Annotation::default() };
        let at = |annotation: &Annotation, span| Annotation { span, ..annotation.clone() };
        assert_eq!(
            read(&metadata, "é° 21° warm"),
            [at(&page, Some((3, 6))), at(&document, Some((3, 6))), at(&page, Some((7, 11))), at(&page, None)]
        );
    }

    #[test]
    fn sources_without_supports_are_named() {
        let metadata = json!({"groundingChunks": [{"web": {"uri": "https://a.example"}}, {"web": {}}, 3]});
        assert_eq!(read(&metadata, "").len(), 1);
        for nothing in [json!({}), json!(3), json!({"groundingSupports": [{}]}), json!({"groundingChunks": {}})] {
            assert_eq!(read(&nothing, "text"), [], "{nothing}");
        }
    }
}
