//! A chat request in the common form: what the door does for providers of other formats.
//!
//! Members that only one vendor of OpenAI's format has are understood too, since clients send them to any: `reasoning`,
//! `reasoning_details` and `cache_control` (OpenRouter), `thinking` and `thinking_blocks` (LiteLLM, DeepSeek),
//! `extra_content` (Google), the older `functions`.

use serde_json::{Map, Value};

use super::read_messages::read_messages;
use crate::api::chat::{
    CacheHint, ChatRequest, Effort, Format, OutputFormat, Sampling, Thinking, Tool, ToolChoice, ToolKind,
};
use crate::dialects::members::{Members, Path, wrong};
use crate::dialects::{Invalid, extra};

/// Reads a request. Its envelope has been checked already; `stream` and the model are taken from there.
pub fn read_request(body: &[u8]) -> Result<ChatRequest, Invalid> {
    let mut top = Members::of_body(body)?;
    let mut request = ChatRequest::new(Format::OpenAiChat);
    top.value("model");
    let messages = top.array("messages")?.ok_or_else(|| top.missing("messages"))?;
    request.messages = read_messages(messages)?;
    request.stream = top.bool("stream")?.unwrap_or(false);
    if let Some(options) = top.object("stream_options")? {
        request.include_usage = options.get("include_usage") == Some(&Value::Bool(true));
    }
    request.n = top.whole("n")?;
    request.max_tokens = top.whole("max_tokens")?.max(top.whole("max_completion_tokens")?);
    request.sampling = read_sampling(&mut top)?;
    request.stop = read_stop(&mut top)?;
    request.logprobs = top.bool("logprobs")?;
    request.top_logprobs = top.whole("top_logprobs")?;
    request.tools = read_tools(&mut top)?;
    request.tool_choice = read_tool_choice(&mut top)?;
    request.parallel_tool_calls = top.bool("parallel_tool_calls")?;
    request.output = read_output(&mut top)?;
    request.thinking = read_thinking(&mut top)?;
    request.user = top.string("user")?;
    request.metadata = top.object("metadata")?;
    request.service_tier = top.string("service_tier")?;
    request.prompt_cache_key = top.string("prompt_cache_key")?;
    request.extra = top.rest();
    request.extra.retain(|name, value| !extra::is_idle(name, value));
    Ok(request)
}

/// The sampling members, which have one name in all of OpenAI's formats.
pub(in crate::dialects) fn read_sampling(top: &mut Members<'_>) -> Result<Sampling, Invalid> {
    let seed = top.number("seed")?;
    let seed = seed.map(|seed| seed.as_i64().ok_or_else(|| top.wrong("seed", "a whole number"))).transpose()?;
    Ok(Sampling {
        temperature: top.number("temperature")?,
        top_p: top.number("top_p")?,
        top_k: top.whole("top_k")?,
        seed,
        presence_penalty: top.number("presence_penalty")?,
        frequency_penalty: top.number("frequency_penalty")?,
        logit_bias: top.value("logit_bias"),
    })
}

/// One text or several.
pub(in crate::dialects) fn read_stop(top: &mut Members<'_>) -> Result<Vec<String>, Invalid> {
    let texts = match top.value("stop") {
        None => Some(Vec::new()),
        Some(Value::String(text)) => Some(vec![text]),
        Some(Value::Array(texts)) => {
            texts.into_iter().map(|text| if let Value::String(text) = text { Some(text) } else { None }).collect()
        }
        Some(_) => None,
    };
    texts.ok_or_else(|| top.wrong("stop", "a string or an array of strings"))
}

fn read_tools(top: &mut Members<'_>) -> Result<Vec<Tool>, Invalid> {
    let functions = top.array("functions")?.unwrap_or_default().into_iter().map(|function| (function, "functions"));
    let listed = top.array("tools")?.unwrap_or_default().into_iter().map(|tool| (tool, "tools"));
    listed.chain(functions).enumerate().map(|(index, (tool, list))| read_tool(tool, list, index)).collect()
}

fn read_tool(tool: Value, list: &str, index: usize) -> Result<Tool, Invalid> {
    let list_path = Path::Member(&Path::Root, list);
    let path = Path::Index(&list_path, index);
    let is_function = list == "functions" || tool.get("function").is_some();
    if !is_function {
        let kind = ToolKind::Foreign { format: Format::OpenAiChat, value: tool };
        return Ok(Tool { kind, cache: None, extra: Map::new() });
    }
    let mut outer = Members::of(tool, path)?;
    let cache = cache_hint(&mut outer);
    let mut function = match outer.value("function") {
        Some(function) => Members::of(function, Path::Member(&path, "function"))?,
        None => outer,
    };
    let kind = ToolKind::Function {
        name: function.require_string("name")?,
        description: function.string("description")?,
        parameters: function.value("parameters"),
        strict: function.bool("strict")?,
    };
    Ok(Tool { kind, cache, extra: function.rest() })
}

/// `cache_control` of a part, a tool or a message.
pub(super) fn cache_hint(members: &mut Members<'_>) -> Option<CacheHint> {
    let hint = members.value("cache_control")?;
    Some(CacheHint { ttl: hint.get("ttl").and_then(Value::as_str).map(str::to_owned) })
}

const CHOICES: &str = "`auto`, `none`, `required` or a tool";

fn read_tool_choice(top: &mut Members<'_>) -> Result<Option<ToolChoice>, Invalid> {
    let Some(choice) = top.value("tool_choice").or_else(|| top.value("function_call")) else { return Ok(None) };
    Ok(Some(match &choice {
        Value::String(word) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            // Mistral's word is `any`.
            "required" | "any" => ToolChoice::Required,
            _ => return Err(top.wrong("tool_choice", CHOICES)),
        },
        Value::Object(members) => {
            let function = members.get("function").unwrap_or(&choice);
            match function.get("name").and_then(Value::as_str) {
                Some(name) if members.get("type").is_none_or(|kind| kind == "function") => {
                    ToolChoice::Tool(name.to_owned())
                }
                _ => ToolChoice::Foreign { format: Format::OpenAiChat, value: choice },
            }
        }
        _ => return Err(top.wrong("tool_choice", CHOICES)),
    }))
}

fn read_output(top: &mut Members<'_>) -> Result<Option<OutputFormat>, Invalid> {
    let Some(format) = top.value("response_format") else { return Ok(None) };
    let path = Path::Member(&Path::Root, "response_format");
    let mut format = Members::of(format, path)?;
    match format.require_string("type")?.as_str() {
        "text" => Ok(Some(OutputFormat::Text)),
        "json_object" => Ok(Some(OutputFormat::Json)),
        "json_schema" => {
            let schema = format.value("json_schema").ok_or_else(|| format.missing("json_schema"))?;
            let mut schema = Members::of(schema, Path::Member(&path, "json_schema"))?;
            Ok(Some(OutputFormat::Schema {
                name: schema.string("name")?,
                description: schema.string("description")?,
                schema: schema.value("schema").unwrap_or_else(|| Value::Object(Map::new())),
                strict: schema.bool("strict")?,
            }))
        }
        _ => Err(wrong(Path::Member(&path, "type"), "`text`, `json_object` or `json_schema`")),
    }
}

fn read_thinking(top: &mut Members<'_>) -> Result<Option<Thinking>, Invalid> {
    let mut thinking = None::<Thinking>;
    let effort = |word: &str| Effort::parse(word).ok_or_else(|| Invalid::new("reasoning_effort", "unknown effort"));
    if let Some(word) = top.string("reasoning_effort")? {
        thinking.get_or_insert_default().effort = Some(effort(&word)?);
    }
    if let Some(reasoning) = top.value("reasoning") {
        let mut reasoning = Members::of(reasoning, Path::Member(&Path::Root, "reasoning"))?;
        let wanted = thinking.get_or_insert_default();
        if let Some(word) = reasoning.string("effort")? {
            wanted.effort = Some(effort(&word)?);
        }
        wanted.budget = reasoning.whole("max_tokens")?.or(wanted.budget);
        wanted.visible = reasoning.bool("exclude")?.map(|exclude| !exclude).or(wanted.visible);
        match reasoning.bool("enabled")? {
            Some(true) if wanted.effort.is_none() && wanted.budget.is_none() => wanted.effort = Some(Effort::Medium),
            Some(false) => wanted.effort = Some(Effort::None),
            _ => {}
        }
    }
    if let Some(given) = top.value("thinking") {
        let mut given = Members::of(given, Path::Member(&Path::Root, "thinking"))?;
        let wanted = thinking.get_or_insert_default();
        wanted.budget = given.whole("budget_tokens")?.or(wanted.budget);
        match given.string("type")?.as_deref() {
            Some("disabled") => wanted.effort = Some(Effort::None),
            Some("adaptive") => wanted.adaptive = true,
            Some("enabled") if wanted.effort.is_none() && wanted.budget.is_none() => {
                wanted.effort = Some(Effort::Medium);
            }
            _ => {}
        }
    }
    Ok(thinking)
}
