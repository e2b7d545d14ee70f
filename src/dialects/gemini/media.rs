//! Media: in the request itself, or somewhere else.

use std::borrow::Cow;

use serde::Serialize;

use crate::api::chat::{Format, Source};

#[derive(Debug, Serialize)]
pub(super) enum Medium<'a> {
    #[serde(rename = "inlineData")]
    Inline(InlineData<'a>),
    #[serde(rename = "fileData")]
    File(FileData<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InlineData<'a> {
    mime_type: &'a str,
    data: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'static str>,
    file_uri: Cow<'a, str>,
}

impl<'a> Medium<'a> {
    /// `None` for what Gemini cannot get at: another vendor's file, or plain text, which is no medium.
    pub(super) fn of(source: &'a Source) -> Option<Self> {
        match source {
            Source::Url(url) if url.starts_with("data:") => None,
            Source::Url(url) => Some(Self::File(FileData { mime_type: mime_type(url), file_uri: Cow::Borrowed(url) })),
            Source::Data { media_type, data } => Some(Self::Inline(InlineData { mime_type: media_type, data })),
            Source::File { format: Format::Gemini, id } => {
                Some(Self::File(FileData { mime_type: mime_type(id), file_uri: file_uri(id) }))
            }
            Source::File { .. } | Source::Text(_) => None,
        }
    }

    /// May stand inside a tool's result; the other kinds stand after it.
    /// <https://ai.google.dev/gemini-api/docs/function-calling#multimodal>
    pub(super) fn fits_result(&self) -> bool {
        const KINDS: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"];
        match self {
            Self::Inline(data) => KINDS.contains(&data.mime_type),
            Self::File(file) => file.mime_type.is_some_and(|kind| KINDS.contains(&kind)),
        }
    }
}

/// Files are known by `files/abc` or by their whole address.
fn file_uri(id: &str) -> Cow<'_, str> {
    if id.starts_with("files/") {
        Cow::Owned(format!("https://generativelanguage.googleapis.com/v1beta/{id}"))
    } else {
        Cow::Borrowed(id)
    }
}

/// By the extension of the address's path.
fn mime_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "bmp" => "image/bmp",
        "pdf" => "application/pdf",
        "txt" | "md" => "text/plain",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        "aac" => "audio/aac",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/mov",
        "mpeg" | "mpg" => "video/mpeg",
        "webm" => "video/webm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_the_type_where_it_can() {
        for (url, kind) in [
            ("https://example.com/a/cat.PNG?size=1.5", Some("image/png")),
            ("https://example.com/paper.pdf#page=2", Some("application/pdf")),
            ("https://example.com/cat", None),
            ("https://example.com", None),
            ("", None),
        ] {
            assert_eq!(mime_type(url), kind, "{url}");
        }
    }

    #[test]
    fn only_files_of_this_vendor_can_be_read() {
        let file = |format| Source::File { format, id: "files/abc".into() };
        assert!(Medium::of(&file(Format::OpenAiChat)).is_none());
        let medium = serde_json::to_value(Medium::of(&file(Format::Gemini))).unwrap();
        let uri = "https://generativelanguage.googleapis.com/v1beta/files/abc";
        assert_eq!(medium, serde_json::json!({"fileData": {"fileUri": uri}}));
    }
}
