//! Tools and the choice among them, read from a request and written into its answer.

use serde_json::{Map, Value, json};

use crate::api::chat::{ChatRequest, Format, Tool, ToolChoice, ToolKind};
use crate::dialects::Invalid;
use crate::dialects::members::{Members, Path};

pub(super) fn read_tools(members: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    let root = members.path();
    let tools = Path::Member(&root, "tools");
    for (index, tool) in members.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        request.tools.push(read_tool(tool, Path::Index(&tools, index))?);
    }
    Ok(())
}

fn read_tool(tool: Value, path: Path<'_>) -> Result<Tool, Invalid> {
    let mut members = Members::of(tool, path)?;
    let kind = members.require_string("type")?;
    if kind != "function" {
        let mut value = members.rest();
        value.insert("type".to_owned(), Value::String(kind));
        let kind = ToolKind::Foreign { format: Format::OpenAiResponses, value: Value::Object(value) };
        return Ok(Tool { kind, cache: None, extra: Map::new() });
    }
    let kind = ToolKind::Function {
        name: members.require_string("name")?,
        description: members.string("description")?,
        parameters: members.object("parameters")?.map(Value::Object),
        strict: members.bool("strict")?,
    };
    Ok(Tool { kind, cache: None, extra: members.rest() })
}

pub(super) fn read_tool_choice(members: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    request.tool_choice = match members.value("tool_choice") {
        None => None,
        Some(Value::String(word)) => Some(match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(members.wrong("tool_choice", "`auto`, `none`, `required` or an object")),
        }),
        Some(Value::Object(choice)) => Some(match (&choice.get("type"), &choice.get("name")) {
            (Some(Value::String(kind)), Some(Value::String(name))) if kind == "function" => {
                ToolChoice::Tool(name.clone())
            }
            _ => ToolChoice::Foreign { format: Format::OpenAiResponses, value: Value::Object(choice) },
        }),
        Some(_) => return Err(members.wrong("tool_choice", "a string or an object")),
    };
    Ok(())
}

/// As an answer repeats them.
pub(super) fn write_tools(request: &ChatRequest) -> Vec<Value> {
    let write = |tool: &Tool| match &tool.kind {
        ToolKind::Function { name, description, parameters, strict } => {
            let mut value = json!({
                "type": "function", "name": name, "description": description, "parameters": parameters, "strict": strict,
            });
            if let Value::Object(members) = &mut value {
                members.extend(tool.extra.clone());
            }
            Some(value)
        }
        ToolKind::Foreign { format: Format::OpenAiResponses, value } => Some(value.clone()),
        ToolKind::Foreign { .. } => None,
    };
    request.tools.iter().filter_map(write).collect()
}

pub(super) fn write_tool_choice(request: &ChatRequest) -> Value {
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => json!("auto"),
        Some(ToolChoice::None) => json!("none"),
        Some(ToolChoice::Required) => json!("required"),
        Some(ToolChoice::Tool(name)) => json!({ "type": "function", "name": name }),
        Some(ToolChoice::Foreign { format: Format::OpenAiResponses, value }) => value.clone(),
        Some(ToolChoice::Foreign { .. }) => json!("auto"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_request;
    use super::*;

    fn read(members: &Value) -> ChatRequest {
        let mut request = members.clone();
        request["input"] = json!("hi");
        read_request(request.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn tools_are_repeated_as_they_were() {
        let tools = json!([
            { "type": "function", "name": "f", "description": "d", "parameters": { "type": "object" }, "strict": false,
              "defer_loading": true },
            { "type": "web_search", "search_context_size": "low" },
            { "type": "custom", "name": "c", "format": { "type": "text" } },
        ]);
        let request = read(&json!({ "tools": tools }));
        assert!(matches!(&request.tools[0].kind, ToolKind::Function { strict: Some(false), .. }));
        assert!(matches!(&request.tools[2].kind, ToolKind::Foreign { format: Format::OpenAiResponses, .. }));
        assert_eq!(Value::Array(write_tools(&request)), tools);
    }

    #[test]
    fn choices_are_repeated_as_they_were() {
        for (choice, wanted) in [
            (json!("auto"), ToolChoice::Auto),
            (json!("none"), ToolChoice::None),
            (json!("required"), ToolChoice::Required),
            (json!({ "type": "function", "name": "f" }), ToolChoice::Tool("f".into())),
            (
                json!({ "type": "web_search" }),
                ToolChoice::Foreign { format: Format::OpenAiResponses, value: json!({ "type": "web_search" }) },
            ),
        ] {
            let request = read(&json!({ "tool_choice": choice }));
            assert_eq!(request.tool_choice, Some(wanted));
            assert_eq!(write_tool_choice(&request), choice);
        }
    }
}
