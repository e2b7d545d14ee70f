//! Tools and the choice among them.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::schema::adapt;
use crate::api::chat::{ChatRequest, Field, Format, Losses, ToolChoice, ToolKind};

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum WireTool<'a> {
    #[serde(rename_all = "camelCase")]
    Functions { function_declarations: Vec<Declaration<'a>> },
    /// One of Google's own, as it was.
    Own(&'a Value),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Value>,
}

pub(super) fn write_tools<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Vec<WireTool<'a>> {
    let (mut functions, mut tools) = (Vec::new(), Vec::new());
    for tool in &request.tools {
        losses.dropped_if(tool.cache.is_some(), Field::CacheHint);
        for name in tool.extra.keys() {
            losses.dropped(Field::Extra(name.clone()));
        }
        match &tool.kind {
            ToolKind::Function { name, description, parameters, strict } => {
                losses.dropped_if(*strict == Some(true), Field::ToolStrict);
                functions.push(Declaration {
                    name,
                    description: description.as_deref(),
                    parameters_json_schema: parameters.as_ref().map(of_object),
                });
            }
            ToolKind::Foreign { format: Format::Gemini, value } => tools.push(WireTool::Own(value)),
            ToolKind::Foreign { .. } => losses.dropped(Field::Tools),
        }
    }
    if !functions.is_empty() {
        tools.push(WireTool::Functions { function_declarations: functions });
    }
    tools
}

/// Gemini takes only schemas that say that they are of an object.
fn of_object(parameters: &Value) -> Value {
    let Value::Object(mut schema) = adapt(parameters) else { return json!({"type": "object", "properties": {}}) };
    if !schema.contains_key("type") && !schema.contains_key("$ref") {
        let mut typed = Map::new();
        typed.insert("type".into(), "object".into());
        typed.append(&mut schema);
        schema = typed;
    }
    Value::Object(schema)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    function_calling_config: CallingConfig<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CallingConfig<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

/// Without functions there is nothing to choose among, and Gemini refuses a choice.
pub(super) fn write_choice<'a>(
    request: &'a ChatRequest,
    tools: &[WireTool<'_>],
    losses: &mut Losses,
) -> Option<ToolConfig<'a>> {
    let config = match request.tool_choice.as_ref()? {
        ToolChoice::Auto => CallingConfig { mode: "AUTO", allowed_function_names: None },
        ToolChoice::None => CallingConfig { mode: "NONE", allowed_function_names: None },
        ToolChoice::Required => CallingConfig { mode: "ANY", allowed_function_names: None },
        ToolChoice::Tool(name) => CallingConfig { mode: "ANY", allowed_function_names: Some([name]) },
        ToolChoice::Foreign { .. } => {
            losses.dropped(Field::ToolChoice);
            return None;
        }
    };
    if !tools.iter().any(|tool| matches!(tool, WireTool::Functions { .. })) {
        losses.dropped_if(config.mode == "ANY", Field::ToolChoice);
        return None;
    }
    Some(ToolConfig { function_calling_config: config })
}
