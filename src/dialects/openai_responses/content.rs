//! What messages and tools' results are made of.

use serde_json::Value;

use crate::api::chat::{Content, Format, Part, Source};
use crate::dialects::Invalid;
use crate::dialects::members::{Members, Path, wrong};

/// A text, or an array of parts.
pub(super) fn read_parts(content: Value, path: Path<'_>) -> Result<Vec<Part>, Invalid> {
    match content {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(parts) => {
            parts.into_iter().enumerate().map(|(index, part)| read_part(part, Path::Index(&path, index))).collect()
        }
        _ => Err(wrong(path, "a string or an array of parts")),
    }
}

fn read_part(part: Value, path: Path<'_>) -> Result<Part, Invalid> {
    let mut members = Members::of(part, path)?;
    let kind = members.require_string("type")?;
    let content = match kind.as_str() {
        "input_text" | "output_text" | "text" => {
            // An answer's part that comes back: what stands beside the text is of no use any more.
            members.value("annotations");
            members.value("logprobs");
            Content::Text { text: members.require_string("text")?, annotations: Vec::new() }
        }
        "refusal" => Content::Refusal(members.require_string("refusal")?),
        "input_image" => read_image(&mut members)?,
        "input_file" => read_file(&mut members)?,
        "input_audio" => read_audio(&mut members)?,
        _ => {
            let mut value = members.rest();
            value.insert("type".to_owned(), Value::String(kind));
            return Ok(Content::Foreign { format: Format::OpenAiResponses, value: Value::Object(value) }.into());
        }
    };
    Ok(Part { content, cache: None, extra: members.rest() })
}

fn read_image(members: &mut Members<'_>) -> Result<Content, Invalid> {
    let url = members.string("image_url")?;
    let source = match (url, members.string("file_id")?) {
        (Some(url), _) => Source::from_url(&url),
        (None, Some(id)) => Source::File { format: Format::OpenAiResponses, id },
        (None, None) => return Err(members.missing("image_url")),
    };
    // `auto` is what a missing one means; the vendor's own clients write it always.
    let detail = members.string("detail")?.filter(|detail| detail != "auto");
    Ok(Content::Image { source, detail })
}

fn read_file(members: &mut Members<'_>) -> Result<Content, Invalid> {
    let name = members.string("filename")?;
    let (data, url) = (members.string("file_data")?, members.string("file_url")?);
    let source = match (data, url, members.string("file_id")?) {
        (Some(data), ..) if data.starts_with("data:") => Source::from_document_url(&data),
        (Some(data), ..) => Source::Data { media_type: media_type(name.as_deref()).to_owned(), data },
        (None, Some(url), _) => Source::Url(url),
        (None, None, Some(id)) => Source::File { format: Format::OpenAiResponses, id },
        (None, None, None) => return Err(members.missing("file_data")),
    };
    Ok(Content::Document { source, name })
}

/// Of a file that does not tell it itself.
fn media_type(name: Option<&str>) -> &'static str {
    match name.and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("txt" | "md") => "text/plain",
        Some("csv") => "text/csv",
        Some("html") => "text/html",
        Some("json") => "application/json",
        // Other files have to be sent as `data:` URLs.
        _ => "application/pdf",
    }
}

fn read_audio(members: &mut Members<'_>) -> Result<Content, Invalid> {
    let Some(audio) = members.value("input_audio") else { return Err(members.missing("input_audio")) };
    let path = members.path();
    let mut audio = Members::of(audio, Path::Member(&path, "input_audio"))?;
    let data = audio.require_string("data")?;
    let media_type = match audio.require_string("format")?.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{format}"),
    };
    Ok(Content::Audio { source: Source::Data { media_type, data } })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(part: &Value) -> Content {
        let mut parts = read_parts(json!([part]), Path::Root).unwrap();
        parts.remove(0).content
    }

    #[test]
    fn every_kind_of_part_is_read() {
        let data = |media_type: &str| Source::Data { media_type: media_type.into(), data: "QQ==".into() };
        let file = || Source::File { format: Format::OpenAiResponses, id: "file-1".into() };
        let image = |source, detail: Option<&str>| Content::Image { source, detail: detail.map(str::to_owned) };
        let document = |source, name: Option<&str>| Content::Document { source, name: name.map(str::to_owned) };
        for (part, wanted) in [
            (json!({ "type": "input_text", "text": "x" }), Part::text("x").content),
            (json!({ "type": "output_text", "text": "x", "annotations": [], "logprobs": [] }), Part::text("x").content),
            (json!({ "type": "refusal", "refusal": "no" }), Content::Refusal("no".into())),
            (
                json!({ "type": "input_image", "image_url": "https://a/b.png", "detail": "high" }),
                image(Source::Url("https://a/b.png".into()), Some("high")),
            ),
            (
                json!({ "type": "input_image", "image_url": "data:image/png;base64,QQ==", "detail": "auto" }),
                image(data("image/png"), None),
            ),
            (json!({ "type": "input_image", "file_id": "file-1" }), image(file(), None)),
            (
                json!({ "type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ==" }),
                document(data("application/pdf"), Some("a.pdf")),
            ),
            (
                json!({ "type": "input_file", "filename": "a.CSV", "file_data": "QQ==" }),
                document(data("text/csv"), Some("a.CSV")),
            ),
            (
                json!({ "type": "input_file", "file_url": "https://a/b.pdf" }),
                document(Source::Url("https://a/b.pdf".into()), None),
            ),
            (json!({ "type": "input_file", "file_id": "file-1" }), document(file(), None)),
            (
                json!({ "type": "input_audio", "input_audio": { "data": "QQ==", "format": "mp3" } }),
                Content::Audio { source: data("audio/mpeg") },
            ),
            (
                json!({ "hologram": 1, "type": "input_hologram" }),
                Content::Foreign {
                    format: Format::OpenAiResponses,
                    value: json!({ "hologram": 1, "type": "input_hologram" }),
                },
            ),
        ] {
            assert_eq!(read(&part), wanted, "{part}");
        }
    }

    #[test]
    fn unknown_members_are_kept_beside_the_part() {
        let parts = json!([{ "type": "input_text", "text": "x", "novelty": 1, "nothing": null }]);
        let part = read_parts(parts, Path::Root).unwrap().remove(0);
        assert_eq!(Value::Object(part.extra), json!({ "novelty": 1 }));
    }
}
