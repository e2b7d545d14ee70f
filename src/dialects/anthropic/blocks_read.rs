//! Content blocks of a request, read.

use serde_json::Value;

use super::answer_read::arguments;
use super::signature;
use crate::api::chat::{CacheHint, Content, Format, Part, Source, ToolCall, ToolResult};
use crate::dialects::codec::Invalid;
use crate::dialects::members::{Members, Path, wrong};

/// A string or a list of blocks.
pub(super) fn read_content(content: Value, path: Path<'_>) -> Result<Vec<Part>, Invalid> {
    let blocks = match content {
        Value::String(text) => return Ok(vec![Part::text(text)]),
        Value::Array(blocks) => blocks,
        _ => return Err(wrong(path, "a string or an array of blocks")),
    };
    let mut parts: Vec<Part> = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.into_iter().enumerate() {
        let mut part = read_block(block, Path::Index(&path, index))?;
        if let Content::ToolCall(call) = &mut part.content {
            call.signature =
                parts.pop_if(|before| is_signature_of_call(before)).and_then(|before| match before.content {
                    Content::Reasoning { signature, .. } => signature,
                    _ => None,
                });
        }
        parts.push(part);
    }
    Ok(parts)
}

/// The empty thought before a call that `write_answer` makes of the call's signature. OpenAI signs no calls, but has
/// signed thoughts without text.
fn is_signature_of_call(part: &Part) -> bool {
    match &part.content {
        Content::Reasoning { text, signature: Some(signature) } => {
            text.is_empty() && !matches!(signature.format, Format::Anthropic | Format::OpenAiResponses)
        }
        _ => false,
    }
}

fn read_block(block: Value, path: Path<'_>) -> Result<Part, Invalid> {
    if !is_known(&block) {
        if !block.is_object() {
            return Err(wrong(path, "an object"));
        }
        return Ok(Content::Foreign { format: Format::Anthropic, value: block }.into());
    }
    let mut members = Members::of(block, path)?;
    let kind = members.require_string("type")?;
    let content = match kind.as_str() {
        "image" => Content::Image { source: read_source(&mut members)?, detail: None },
        "document" => Content::Document { source: read_source(&mut members)?, name: members.string("title")? },
        "tool_use" => Content::ToolCall(ToolCall {
            id: members.require_string("id")?,
            name: members.require_string("name")?,
            arguments: arguments(members.value("input").as_ref()),
            custom: false,
            signature: None,
        }),
        "tool_result" => Content::ToolResult(read_result(&mut members)?),
        "thinking" => Content::Reasoning {
            text: members.string("thinking")?.unwrap_or_default(),
            signature: members.string("signature")?.and_then(signature::read),
        },
        "redacted_thinking" => match signature::read(members.require_string("data")?) {
            Some(data) => Content::Redacted(data),
            None => return Err(members.missing("data")),
        },
        _ => Content::Text { text: members.require_string("text")?, annotations: Vec::new() },
    };
    let cache = read_cache(&mut members)?;
    Ok(Part { content, cache, extra: members.rest() })
}

/// Whether the common form has a place for the block. Others, and media from sources that only this format has, stay
/// as they are.
fn is_known(block: &Value) -> bool {
    let source = || block.get("source")?.get("type")?.as_str();
    match block.get("type").and_then(Value::as_str) {
        Some("image") => matches!(source(), Some("base64" | "url" | "file") | None),
        Some("document") => matches!(source(), Some("base64" | "url" | "file" | "text") | None),
        Some("text" | "tool_use" | "tool_result" | "thinking" | "redacted_thinking") => true,
        Some(_) => false,
        // To be refused.
        None => block.is_object(),
    }
}

fn read_source(block: &mut Members<'_>) -> Result<Source, Invalid> {
    let Some(source) = block.value("source") else { return Err(block.missing("source")) };
    let path = block.path();
    let mut source = Members::of(source, Path::Member(&path, "source"))?;
    Ok(match source.require_string("type")?.as_str() {
        "base64" => {
            Source::Data { media_type: source.require_string("media_type")?, data: source.require_string("data")? }
        }
        "url" => Source::Url(source.require_string("url")?),
        "file" => Source::File { format: Format::Anthropic, id: source.require_string("file_id")? },
        _ => Source::Text(source.require_string("data")?),
    })
}

fn read_result(block: &mut Members<'_>) -> Result<ToolResult, Invalid> {
    let call = block.require_string("tool_use_id")?;
    let path = block.path();
    let parts = match block.value("content") {
        Some(content) => read_content(content, Path::Member(&path, "content"))?,
        None => Vec::new(),
    };
    Ok(ToolResult { call, parts, is_error: block.bool("is_error")?.unwrap_or(false) })
}

pub(super) fn read_cache(members: &mut Members<'_>) -> Result<Option<CacheHint>, Invalid> {
    let hint = members.object("cache_control")?;
    let ttl = |hint: serde_json::Map<String, Value>| hint.get("ttl").and_then(Value::as_str).map(str::to_owned);
    Ok(hint.map(|hint| CacheHint { ttl: ttl(hint) }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::chat::Signature;

    fn read(content: Value) -> Result<Vec<Part>, Invalid> {
        read_content(content, Path::Member(&Path::Root, "content"))
    }

    #[test]
    fn a_foreign_signature_returns_to_its_call() {
        let used =
            json!({"type": "tool_use", "id": "a", "name": "f", "input": {"_raw": "[1"}, "caller": {"type": "direct"}});
        let thought = |signature| json!({"type": "thinking", "thinking": "", "signature": signature});
        let parts = read(json!([thought("tollgate.gemini.g"), used])).unwrap();
        let [part] = parts.as_slice() else { panic!() };
        let Content::ToolCall(call) = &part.content else { panic!() };
        assert_eq!(call.signature, Some(Signature { format: Format::Gemini, value: "g".into() }));
        assert_eq!(call.arguments, "[1");
        assert_eq!(part.extra["caller"], json!({"type": "direct"}));
        for own in ["sig", "tollgate.openai_responses.x", ""] {
            assert_eq!(read(json!([thought(own), used])).unwrap().len(), 2, "{own}");
        }
    }

    #[test]
    fn what_only_this_format_has_stays_as_it_is() {
        for block in [
            json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
            json!({"type": "document", "source": {"type": "content", "content": "x"}, "title": "t"}),
            json!({"type": "brand_new", "cache_control": {"type": "ephemeral"}}),
        ] {
            let parts = read(json!([block])).unwrap();
            assert_eq!(parts[0].content, Content::Foreign { format: Format::Anthropic, value: block });
        }
    }

    #[test]
    fn a_wrong_type_is_named_by_its_place() {
        for (content, param) in [
            (json!(7), "content"),
            (json!(["x"]), "content[0]"),
            (json!([{}]), "content[0].type"),
            (json!([{"type": "text", "text": 7}]), "content[0].text"),
            (json!([{"type": "image"}]), "content[0].source"),
            (json!([{"type": "image", "source": {"type": "url"}}]), "content[0].source.url"),
            (json!([{"type": "tool_use", "id": "a"}]), "content[0].name"),
            (
                json!([{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]}]),
                "content[0].content[0].text",
            ),
            (json!([{"type": "text", "text": "a", "cache_control": "x"}]), "content[0].cache_control"),
        ] {
            assert_eq!(read(content).unwrap_err().param.as_deref(), Some(param));
        }
    }
}
