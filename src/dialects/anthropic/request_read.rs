//! A request, read. What counts tokens has the same body, without `max_tokens`.

use serde_json::Value;

use super::blocks_read::read_content;
use super::settings_read::{read_thinking, read_tool, read_tool_choice};
use crate::api::chat::{ChatRequest, Format, Message, Role};
use crate::dialects::codec::Invalid;
use crate::dialects::members::{Members, Path, wrong};

/// Reads a request. Whether `model` and `max_tokens` are there is for others to say.
pub fn read_request(body: &[u8]) -> Result<ChatRequest, Invalid> {
    let mut top = Members::of_body(body)?;
    let mut request = ChatRequest::new(Format::Anthropic);
    top.string("model")?;
    if let Some(system) = top.value("system") {
        let parts = read_content(system, Path::Member(&Path::Root, "system"))?;
        request.messages.push(Message::new(Role::System, parts));
    }
    let Some(messages) = top.array("messages")? else { return Err(top.missing("messages")) };
    let path = Path::Member(&Path::Root, "messages");
    if messages.is_empty() {
        return Err(wrong(path, "an array of at least one message"));
    }
    for (index, message) in messages.into_iter().enumerate() {
        request.messages.push(read_message(message, Path::Index(&path, index))?);
    }
    let path = Path::Member(&Path::Root, "tools");
    for (index, tool) in top.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        request.tools.push(read_tool(tool, Path::Index(&path, index))?);
    }
    if let Some(choice) = top.value("tool_choice") {
        read_tool_choice(choice, &mut request)?;
    }
    read_thinking(&mut top, &mut request)?;
    request.max_tokens = top.whole("max_tokens")?;
    request.sampling.temperature = top.number("temperature")?;
    request.sampling.top_p = top.number("top_p")?;
    request.sampling.top_k = top.whole("top_k")?;
    request.stop = read_stop(&mut top)?;
    request.stream = top.bool("stream")?.unwrap_or(false);
    request.include_usage = true;
    if let Some(metadata) = top.value("metadata") {
        let mut metadata = Members::of(metadata, Path::Member(&Path::Root, "metadata"))?;
        request.user = metadata.string("user_id")?;
        request.metadata = Some(metadata.rest()).filter(|rest| !rest.is_empty());
    }
    request.service_tier = top.string("service_tier")?.map(|tier| match tier.as_str() {
        // OpenAI's word for it.
        "standard_only" => "default".into(),
        _ => tier,
    });
    request.extra.extend(top.rest());
    Ok(request)
}

fn read_message(message: Value, path: Path<'_>) -> Result<Message, Invalid> {
    let mut members = Members::of(message, path)?;
    let role = match members.require_string("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(members.wrong("role", "`user`, `assistant` or `system`")),
    };
    let Some(content) = members.value("content") else { return Err(members.missing("content")) };
    let parts = read_content(content, Path::Member(&path, "content"))?;
    Ok(Message { role, name: None, parts, extra: members.rest() })
}

fn read_stop(top: &mut Members<'_>) -> Result<Vec<String>, Invalid> {
    let text = |item| match item {
        Value::String(text) => Ok(text),
        _ => Err(wrong(Path::Member(&Path::Root, "stop_sequences"), "an array of strings")),
    };
    top.array("stop_sequences")?.unwrap_or_default().into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::chat::{Content, Effort, OutputFormat, Part, Thinking, ToolChoice, ToolKind};

    fn read(body: &Value) -> Result<ChatRequest, Invalid> {
        read_request(body.to_string().as_bytes())
    }

    fn with(members: Value) -> Result<ChatRequest, Invalid> {
        let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
        if let Value::Object(members) = members {
            body.as_object_mut().unwrap().extend(members);
        }
        read(&body)
    }

    #[test]
    fn everything_finds_its_place() {
        let request = read(&json!({
            "model": "claude-x", "max_tokens": 9, "temperature": 0.50, "top_k": 3, "stop_sequences": ["END"],
            "stream": true, "metadata": {"user_id": "u", "trace": 1}, "service_tier": "standard_only",
            "mcp_servers": [{"name": "m"}], "container": null,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1", "is_error": true}]},
                {"role": "system", "content": "Now be long."},
            ],
            "tools": [
                {"name": "f", "input_schema": {"type": "object"}, "strict": true, "cache_control": {"type": "ephemeral"}},
                {"type": "web_search_20250305", "name": "web_search"},
            ],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        }))
        .unwrap();
        let roles: Vec<_> = request.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User, Role::System]);
        assert_eq!(request.messages[0].parts[0].cache.as_ref().unwrap().ttl.as_deref(), Some("1h"));
        assert_eq!(request.messages[1].parts, [Part::text("hi")]);
        let Content::ToolResult(result) = &request.messages[3].parts[0].content else { panic!() };
        assert!(result.is_error);
        assert_eq!(result.parts, [Part::text("1")]);
        assert!(matches!(&request.tools[0].kind, ToolKind::Function { strict: Some(true), .. }));
        assert!(request.tools[0].cache.is_some());
        assert!(matches!(&request.tools[1].kind, ToolKind::Foreign { format: Format::Anthropic, .. }));
        assert_eq!(request.tool_choice, Some(ToolChoice::Required));
        assert_eq!(request.parallel_tool_calls, Some(false));
        assert_eq!(request.sampling.temperature.unwrap().to_string(), "0.5");
        assert_eq!(request.user.as_deref(), Some("u"));
        assert_eq!(request.metadata.unwrap().len(), 1);
        assert_eq!(request.service_tier.as_deref(), Some("default"));
        assert_eq!(request.extra.keys().collect::<Vec<_>>(), ["mcp_servers"]);
        assert!(request.stream && request.include_usage);
    }

    #[test]
    fn thinking_has_three_forms_and_an_effort_beside() {
        let thinking = |members| with(members).unwrap().thinking;
        let enabled = json!({"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}});
        let expected = Thinking { budget: Some(2000), visible: Some(false), ..Thinking::default() };
        assert_eq!(thinking(enabled), Some(expected));
        let adaptive = json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}});
        let expected = Thinking { adaptive: true, effort: Some(Effort::Max), ..Thinking::default() };
        assert_eq!(thinking(adaptive), Some(expected));
        let request = with(
            json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "low", "task_budget": {"x": 1}}}),
        )
        .unwrap();
        assert!(request.thinking.unwrap().is_off());
        assert_eq!(request.extra["output_config"], json!({"effort": "low", "task_budget": {"x": 1}}));
        let unknown = with(json!({"thinking": {"type": "deep"}})).unwrap();
        assert_eq!(unknown.thinking, None);
        assert_eq!(unknown.extra["thinking"], json!({"type": "deep"}));
    }

    #[test]
    fn a_schema_is_read_under_its_old_name_too() {
        let format = json!({"type": "json_schema", "schema": {"type": "object"}});
        for members in [json!({"output_config": {"format": format}}), json!({"output_format": format})] {
            let request = with(members).unwrap();
            assert!(matches!(request.output, Some(OutputFormat::Schema { .. })));
            assert!(request.extra.is_empty());
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(read(&json!({})).unwrap_err().param.as_deref(), Some("messages"));
        assert_eq!(read(&json!({"messages": []})).unwrap_err().param.as_deref(), Some("messages"));
        assert_eq!(read_request(b"{").unwrap_err().param, None);
        for (members, param) in [
            (json!({"max_tokens": "9"}), "max_tokens"),
            (json!({"max_tokens": 1.5}), "max_tokens"),
            (json!({"system": 7}), "system"),
            (json!({"temperature": "hot"}), "temperature"),
            (json!({"stop_sequences": [1]}), "stop_sequences"),
            (json!({"metadata": {"user_id": 5}}), "metadata.user_id"),
            (json!({"messages": [{"role": "tool", "content": "x"}]}), "messages[0].role"),
            (json!({"messages": [{"role": "user"}]}), "messages[0].content"),
            (json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}), "messages[0].content[0].text"),
            (json!({"tools": [{"name": "f"}]}), "tools[0].input_schema"),
            (json!({"tool_choice": {"type": "tool"}}), "tool_choice.name"),
            (json!({"thinking": {"type": "enabled"}}), "thinking.budget_tokens"),
        ] {
            assert_eq!(with(members).unwrap_err().param.as_deref(), Some(param));
        }
    }
}
