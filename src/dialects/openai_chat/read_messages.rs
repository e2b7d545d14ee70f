//! The messages of a chat request in the common form.

use serde_json::{Map, Value};

use super::read_request::cache_hint;
use super::reasoning::{details_parts, signature_of_call};
use crate::api::chat::{CacheHint, Content, Format, Message, Part, Role, Source, ToolCall, ToolResult};
use crate::dialects::Invalid;
use crate::dialects::extra::is_echo;
use crate::dialects::members::{Members, Path};

pub(super) fn read_messages(messages: Vec<Value>) -> Result<Vec<Message>, Invalid> {
    let mut reader = Reader::default();
    let list = Path::Member(&Path::Root, "messages");
    messages
        .into_iter()
        .enumerate()
        .map(|(index, message)| reader.message(message, Path::Index(&list, index)))
        .collect()
}

/// Carries what a message needs to know of those before it.
#[derive(Default)]
struct Reader {
    /// The older `function_call` has no id: the one given to it, until its result comes.
    function_call: Option<String>,
    function_calls: usize,
}

impl Reader {
    fn message(&mut self, message: Value, path: Path<'_>) -> Result<Message, Invalid> {
        let mut members = Members::of(message, path)?;
        let role = members.require_string("role")?;
        let cache = cache_hint(&mut members);
        let mut message = match role.as_str() {
            "system" => Message::new(Role::System, read_content(&mut members)?),
            "developer" => Message::new(Role::Developer, read_content(&mut members)?),
            "user" => Message::new(Role::User, read_content(&mut members)?),
            "assistant" => Message::new(Role::Assistant, self.assistant(&mut members)?),
            "tool" => {
                let call = members.require_string("tool_call_id")?;
                members.value("name");
                result(call, &mut members)?
            }
            "function" => {
                let name = members.require_string("name")?;
                let call = self.function_call.take().unwrap_or(name);
                result(call, &mut members)?
            }
            _ => return Err(members.wrong("role", "system, developer, user, assistant, tool or function")),
        };
        if let (Some(hint), Some(last)) = (cache, message.parts.last_mut()) {
            last.cache.get_or_insert(hint);
        }
        message.name = members.string("name")?;
        message.extra = members.rest();
        message.extra.retain(|name, _| !is_echo(name));
        Ok(message)
    }

    fn assistant(&mut self, members: &mut Members<'_>) -> Result<Vec<Part>, Invalid> {
        let mut parts = read_reasoning(members);
        parts.extend(read_content(members)?);
        if let Some(Value::String(text)) = members.value("refusal") {
            parts.push(Content::Refusal(text).into());
        }
        let path = members.path();
        let list = Path::Member(&path, "tool_calls");
        for (index, call) in members.array("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
            parts.push(Content::ToolCall(read_call(call, Path::Index(&list, index))?).into());
        }
        if let Some(call) = members.object("function_call")? {
            let mut call = Members::of(Value::Object(call), Path::Member(&path, "function_call"))?;
            let id = format!("function_call_{}", self.function_calls);
            self.function_calls += 1;
            self.function_call = Some(id.clone());
            let (name, arguments) = (call.require_string("name")?, arguments(&mut call)?);
            parts.push(Content::ToolCall(ToolCall { id, name, arguments, custom: false, signature: None }).into());
        }
        Ok(parts)
    }
}

fn result(call: String, members: &mut Members<'_>) -> Result<Message, Invalid> {
    let parts = read_content(members)?;
    let result = ToolResult { call, parts, is_error: false };
    Ok(Message::new(Role::User, vec![Content::ToolResult(result).into()]))
}

fn read_call(call: Value, path: Path<'_>) -> Result<ToolCall, Invalid> {
    let mut call = Members::of(call, path)?;
    let id = call.require_string("id")?;
    let signature = signature_of_call(call.peek("extra_content"));
    if let Some(custom) = call.value("custom") {
        let mut custom = Members::of(custom, Path::Member(&path, "custom"))?;
        let (name, arguments) = (custom.require_string("name")?, custom.string("input")?.unwrap_or_default());
        return Ok(ToolCall { id, name, arguments, custom: true, signature });
    }
    let function = call.value("function").ok_or_else(|| call.missing("function"))?;
    let mut function = Members::of(function, Path::Member(&path, "function"))?;
    let (name, arguments) = (function.require_string("name")?, arguments(&mut function)?);
    Ok(ToolCall { id, name, arguments, custom: false, signature })
}

/// JSON text; some clients send the object itself.
fn arguments(function: &mut Members<'_>) -> Result<String, Invalid> {
    match function.peek("arguments") {
        Some(Value::Object(_)) => Ok(function.value("arguments").map(|value| value.to_string()).unwrap_or_default()),
        _ => Ok(function.string("arguments")?.unwrap_or_default()),
    }
}

/// Earlier reasoning in whichever of the vendors' members the client sends it back.
fn read_reasoning(members: &mut Members<'_>) -> Vec<Part> {
    let details = members.value("reasoning_details");
    let blocks = members.value("thinking_blocks");
    let content = members.value("reasoning_content");
    let reasoning = members.value("reasoning");
    let signed = details.or(blocks).map(|details| details_parts(&details)).unwrap_or_default();
    if !signed.is_empty() {
        return signed;
    }
    match content.or(reasoning) {
        Some(Value::String(text)) if !text.is_empty() => vec![Content::Reasoning { text, signature: None }.into()],
        _ => Vec::new(),
    }
}

fn read_content(members: &mut Members<'_>) -> Result<Vec<Part>, Invalid> {
    let path = members.path();
    match members.value("content") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::text(text)]),
        Some(Value::Array(parts)) => {
            let list = Path::Member(&path, "content");
            parts.into_iter().enumerate().map(|(index, part)| read_part(part, Path::Index(&list, index))).collect()
        }
        Some(_) => Err(members.wrong("content", "a string or an array of parts")),
    }
}

fn read_part(part: Value, path: Path<'_>) -> Result<Part, Invalid> {
    // Mistral's SDK sends plain strings among the parts.
    let part = match part {
        Value::String(text) => return Ok(Part::text(text)),
        part => part,
    };
    let whole = part.clone();
    let mut members = Members::of(part, path)?;
    let cache = cache_hint(&mut members);
    let content = match members.require_string("type")?.as_str() {
        "text" | "input_text" | "output_text" => {
            Content::Text { text: members.require_string("text")?, annotations: Vec::new() }
        }
        "refusal" => Content::Refusal(members.require_string("refusal")?),
        "image_url" => {
            let (url, mut image) = address(&mut members, "image_url", path)?;
            Content::Image { source: Source::from_url(&url), detail: image.string("detail")? }
        }
        "input_audio" => {
            let mut audio = inner(&mut members, "input_audio", path)?;
            let (data, format) = (audio.require_string("data")?, audio.string("format")?);
            let media_type = format!("audio/{}", format.as_deref().unwrap_or("wav"));
            Content::Audio { source: Source::Data { media_type, data } }
        }
        "file" => read_file(&mut members, path)?,
        "document_url" => {
            let (url, _) = address(&mut members, "document_url", path)?;
            Content::Document { source: Source::from_url(&url), name: members.string("document_name")? }
        }
        "thinking" => return Ok(first_reasoning(&whole)),
        _ => return Ok(foreign(whole, cache)),
    };
    members.value("annotations");
    Ok(Part { content, cache, extra: members.rest() })
}

fn foreign(value: Value, cache: Option<CacheHint>) -> Part {
    Part { content: Content::Foreign { format: Format::OpenAiChat, value }, cache, extra: Map::new() }
}

/// A thinking part inside the content, in Anthropic's or Mistral's form.
fn first_reasoning(part: &Value) -> Part {
    let parts = details_parts(&Value::Array(vec![part.clone()]));
    parts.into_iter().next().unwrap_or_else(|| foreign(part.clone(), None))
}

/// A member that is an object with an `url`, or (Mistral) the address itself.
fn address<'a>(
    members: &mut Members<'_>,
    name: &'a str,
    path: Path<'a>,
) -> Result<(String, Members<'static>), Invalid> {
    if let Some(Value::String(url)) = members.peek(name) {
        let url = url.clone();
        members.value(name);
        return Ok((url, Members::of(Value::Object(Map::new()), Path::Root)?));
    }
    let value = members.value(name).ok_or_else(|| members.missing(name))?;
    let mut inner = Members::of(value, Path::Member(&path, name))?;
    let url = inner.require_string("url")?;
    Ok((url, Members::of(Value::Object(inner.rest()), Path::Root)?))
}

fn inner<'a>(members: &mut Members<'_>, name: &'a str, path: Path<'a>) -> Result<Members<'static>, Invalid> {
    let value = members.value(name).ok_or_else(|| members.missing(name))?;
    let checked = Members::of(value, Path::Member(&path, name))?;
    Members::of(Value::Object(checked.rest()), Path::Root)
}

fn read_file(members: &mut Members<'_>, path: Path<'_>) -> Result<Content, Invalid> {
    let mut file = inner(members, "file", path)?;
    let name = file.string("filename")?;
    let source = if let Some(data) = file.string("file_data")? {
        match Source::from_document_url(&data) {
            // Bare base64 is a PDF: nothing else is taken without its type.
            Source::Url(data) if !data.contains(':') => Source::Data { media_type: "application/pdf".into(), data },
            source => source,
        }
    } else if let Some(id) = file.string("file_id")? {
        Source::File { format: Format::OpenAiChat, id }
    } else {
        return Err(file.missing("file_data"));
    };
    Ok(Content::Document { source, name })
}
