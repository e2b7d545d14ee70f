//! Writing a chat request.

use serde_json::{Map, Value, json};

use super::messages::write_messages;
use super::sampling::write_sampling;
use crate::api::chat::{ChatRequest, Field, Format, Losses, OutputFormat, Thinking, Tool, ToolChoice, ToolKind};
use crate::dialects::extra;
use crate::dialects::{Invalid, Target, Written};

/// Writes the body of `POST /v2/chat`.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Written, Invalid> {
    let mut losses = Losses::default();
    let mut body = Map::new();
    body.insert("model".into(), target.model.into());
    let messages = write_messages(&request.messages, &mut losses);
    if messages.is_empty() {
        return Err(Invalid::new("messages", "`messages` is empty; at least one message is needed"));
    }
    body.insert("messages".into(), Value::Array(messages));
    body.insert("stream".into(), request.stream.into());
    write_tools(request, &mut body, &mut losses);
    write_output(request, &mut body, &mut losses);
    write_sampling(request, &mut body, &mut losses);
    if let Some(thinking) = &request.thinking {
        body.insert("thinking".into(), write_thinking(thinking, &mut losses));
    }
    drop_the_rest(request, &mut losses);
    if request.format == Format::Cohere {
        body.extend(request.extra.clone());
    } else {
        extra::drop_all(&request.extra, &mut losses);
    }
    Ok(Written { body: Value::Object(body).to_string().into_bytes(), losses })
}

fn write_tools(request: &ChatRequest, body: &mut Map<String, Value>, losses: &mut Losses) {
    losses.dropped_if(request.parallel_tool_calls == Some(false), Field::ParallelToolCalls);
    let mut tools: Vec<&Tool> = request.tools.iter().collect();
    let choice = match &request.tool_choice {
        None | Some(ToolChoice::Auto) => None,
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Required) => Some("REQUIRED"),
        Some(ToolChoice::Tool(name)) => {
            // Cohere forces some tool, not a certain one. With one tool that is the same.
            let named = |tool: &Tool| matches!(&tool.kind, ToolKind::Function { name: it, .. } if it == name);
            if tools.len() != 1 || !named(tools[0]) {
                losses.approximated(Field::ToolChoice);
            }
            if tools.iter().any(|tool| named(tool)) {
                tools.retain(|tool| named(tool));
            }
            Some("REQUIRED")
        }
        Some(ToolChoice::Foreign { .. }) => {
            losses.dropped(Field::ToolChoice);
            None
        }
    };
    let strict = strictness(&tools, losses);
    let tools: Vec<Value> = tools.into_iter().filter_map(|tool| write_tool(tool, losses)).collect();
    if tools.is_empty() {
        losses.dropped_if(choice == Some("REQUIRED"), Field::ToolChoice);
        return;
    }
    body.insert("tools".into(), Value::Array(tools));
    if strict {
        body.insert("strict_tools".into(), true.into());
    }
    if let Some(choice) = choice {
        body.insert("tool_choice".into(), choice.into());
    }
}

fn write_tool(tool: &Tool, losses: &mut Losses) -> Option<Value> {
    losses.dropped_if(tool.cache.is_some(), Field::CacheHint);
    extra::drop_all(&tool.extra, losses);
    let ToolKind::Function { name, description, parameters, .. } = &tool.kind else {
        losses.dropped(Field::Tools);
        return None;
    };
    let mut function = Map::new();
    function.insert("name".into(), name.as_str().into());
    if let Some(description) = description {
        function.insert("description".into(), description.as_str().into());
    }
    let none = || json!({"type": "object", "properties": {}});
    function.insert("parameters".into(), parameters.clone().unwrap_or_else(none));
    Some(json!({"type": "function", "function": function}))
}

/// Cohere is strict with all tools or with none, and wants a required parameter in each.
/// <https://docs.cohere.com/docs/structured-outputs#structured-outputs-tools>
fn strictness(tools: &[&Tool], losses: &mut Losses) -> bool {
    let (mut any, mut all) = (false, !tools.is_empty());
    for tool in tools {
        let ToolKind::Function { parameters, strict, .. } = &tool.kind else { continue };
        let required = parameters.as_ref().and_then(|schema| schema.get("required")).and_then(Value::as_array);
        any |= *strict == Some(true);
        all &= *strict == Some(true) && required.is_some_and(|names| !names.is_empty());
    }
    losses.dropped_if(any && !all, Field::ToolStrict);
    any && all
}

fn write_output(request: &ChatRequest, body: &mut Map<String, Value>, losses: &mut Losses) {
    let format = match &request.output {
        None | Some(OutputFormat::Text) => return,
        Some(OutputFormat::Json) => json!({"type": "json_object"}),
        Some(OutputFormat::Schema { schema, description, .. }) => {
            if description.is_some() {
                losses.approximated(Field::ResponseFormat);
            }
            json!({"type": "json_object", "json_schema": schema})
        }
    };
    // Not supported together with tools: https://docs.cohere.com/v2/reference/chat#request.body.response_format
    if body.contains_key("tools") {
        losses.dropped(Field::ResponseFormat);
        return;
    }
    body.insert("response_format".into(), format);
}

fn write_thinking(thinking: &Thinking, losses: &mut Losses) -> Value {
    if thinking.is_off() {
        return json!({"type": "disabled"});
    }
    if thinking.visible == Some(false) || (thinking.budget.is_none() && thinking.effort.is_some()) {
        losses.approximated(Field::Thinking);
    }
    match thinking.budget_tokens().filter(|&budget| budget > 0) {
        Some(budget) => json!({"type": "enabled", "token_budget": budget}),
        None => json!({"type": "enabled"}),
    }
}

fn drop_the_rest(request: &ChatRequest, losses: &mut Losses) {
    for (given, field) in [
        (request.n.is_some_and(|n| n > 1), Field::N),
        (request.top_logprobs.is_some_and(|count| count > 0), Field::TopLogprobs),
        (request.user.is_some(), Field::User),
        (request.metadata.is_some(), Field::Metadata),
        (request.service_tier.is_some(), Field::ServiceTier),
        (request.prompt_cache_key.is_some(), Field::PromptCacheKey),
    ] {
        losses.dropped_if(given, field);
    }
}
