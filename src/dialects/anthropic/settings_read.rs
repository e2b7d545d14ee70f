//! Tools, and how the model shall think and answer, read.

use serde_json::{Map, Value};

use super::blocks_read::read_cache;
use crate::api::chat::{ChatRequest, Effort, Format, OutputFormat, Thinking, Tool, ToolChoice, ToolKind};
use crate::dialects::codec::Invalid;
use crate::dialects::members::{Members, Path};

pub(super) fn read_tool(tool: Value, path: Path<'_>) -> Result<Tool, Invalid> {
    let is_own = |kind: &Value| !kind.is_null() && kind.as_str() != Some("custom");
    if tool.get("type").is_some_and(is_own) {
        let kind = ToolKind::Foreign { format: Format::Anthropic, value: tool };
        return Ok(Tool { kind, cache: None, extra: Map::new() });
    }
    let mut members = Members::of(tool, path)?;
    members.value("type");
    let name = members.require_string("name")?;
    let Some(schema) = members.object("input_schema")? else { return Err(members.missing("input_schema")) };
    let kind = ToolKind::Function {
        name,
        description: members.string("description")?,
        parameters: Some(Value::Object(schema)),
        strict: members.bool("strict")?,
    };
    Ok(Tool { kind, cache: read_cache(&mut members)?, extra: members.rest() })
}

pub(super) fn read_tool_choice(choice: Value, request: &mut ChatRequest) -> Result<(), Invalid> {
    let whole = choice.clone();
    let mut members = Members::of(choice, Path::Member(&Path::Root, "tool_choice"))?;
    let kind = members.require_string("type")?;
    let disabled = members.bool("disable_parallel_tool_use")?;
    let choice = match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(members.require_string("name")?),
        _ => ToolChoice::Foreign { format: Format::Anthropic, value: whole },
    };
    request.tool_choice = Some(choice);
    request.parallel_tool_calls = disabled.map(|disabled| !disabled);
    Ok(())
}

/// `thinking` and `output_config`. What has no place in the common form goes to `extra`, under the member's own name.
pub(super) fn read_thinking(top: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    let mut thinking = None;
    if let Some(value) = top.value("thinking") {
        let whole = value.clone();
        let mut members = Members::of(value, Path::Member(&Path::Root, "thinking"))?;
        let mut read = Thinking::default();
        let kind = members.require_string("type")?;
        match kind.as_str() {
            "enabled" => match members.whole("budget_tokens")? {
                Some(budget) => read.budget = Some(budget),
                None => return Err(members.missing("budget_tokens")),
            },
            "disabled" => read.effort = Some(Effort::None),
            "adaptive" => read.adaptive = true,
            _ => {}
        }
        read.visible = match members.peek("display").and_then(Value::as_str) {
            Some("summarized") => Some(true),
            Some("omitted") => Some(false),
            _ => None,
        };
        if read.visible.is_some() {
            members.value("display");
        }
        if read == Thinking::default() {
            request.extra.insert("thinking".into(), whole);
        } else {
            keep(request, "thinking", members.rest());
            thinking = Some(read);
        }
    }
    if let Some(config) = top.value("output_config") {
        let mut config = Members::of(config, Path::Member(&Path::Root, "output_config"))?;
        // A model that shall not think may still have an effort, which the common form cannot say.
        let off = thinking.as_ref().is_some_and(Thinking::is_off);
        if let Some(effort) = config.peek("effort").and_then(Value::as_str).and_then(effort).filter(|_| !off) {
            config.value("effort");
            thinking.get_or_insert_default().effort = Some(effort);
        }
        read_format("format", &mut config, request)?;
        keep(request, "output_config", config.rest());
    }
    request.thinking = thinking;
    // The name that `output_config.format` had while it was a beta.
    read_format("output_format", top, request)
}

fn keep(request: &mut ChatRequest, name: &str, rest: Map<String, Value>) {
    if !rest.is_empty() {
        request.extra.insert(name.into(), Value::Object(rest));
    }
}

fn effort(word: &str) -> Option<Effort> {
    Effort::parse(word).filter(|effort| *effort >= Effort::Low)
}

fn read_format(name: &str, members: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    let kind = members.peek(name).and_then(|format| format.get("type")).and_then(Value::as_str);
    if kind != Some("json_schema") {
        return Ok(());
    }
    let Some(format) = members.value(name) else { return Ok(()) };
    let path = members.path();
    let mut format = Members::of(format, Path::Member(&path, name))?;
    let Some(schema) = format.value("schema") else { return Err(format.missing("schema")) };
    let (name, description) = (format.string("name")?, format.string("description")?);
    request.output = Some(OutputFormat::Schema { name, description, schema, strict: None });
    Ok(())
}
