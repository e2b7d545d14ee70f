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
    let body = serde_json::to_vec(&body).expect("maps with text keys always serialise");
    Ok(Written { body, losses })
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
/// <https://docs.cohere.com/docs/tool-use-parameter-types>
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
        (!matches!(request.service_tier.as_deref(), None | Some("auto" | "default")), Field::ServiceTier),
        (request.prompt_cache_key.is_some(), Field::PromptCacheKey),
    ] {
        losses.dropped_if(given, field);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Number;

    use super::*;
    use crate::api::chat::{Effort, Fate, Message, Part, Role};

    const TARGET: Target<'_> = Target { model: "command-a", max_output: None, ask_usage: true };

    fn request() -> ChatRequest {
        let mut request = ChatRequest::new(Format::OpenAiChat);
        request.messages.push(Message::new(Role::User, vec![Part::text("x")]));
        request
    }

    fn function(name: &str, strict: Option<bool>) -> Tool {
        let parameters = Some(json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}));
        let kind = ToolKind::Function { name: name.into(), description: None, parameters, strict };
        Tool { kind, cache: None, extra: Map::new() }
    }

    fn write(request: &ChatRequest) -> (Value, Vec<(Field, Fate)>) {
        let written = write_request(request, &TARGET).unwrap();
        let losses = written.losses.iter().map(|loss| (loss.field.clone(), loss.fate)).collect();
        (serde_json::from_slice(&written.body).unwrap(), losses)
    }

    #[test]
    fn a_plain_request_loses_nothing() {
        let mut request = request();
        request.sampling.temperature = Number::from_f64(0.25);
        request.sampling.top_k = Some(5);
        request.sampling.seed = Some(7);
        request.stop = vec!["a".into()];
        request.max_tokens = Some(9);
        let wanted = json!({"model": "command-a", "messages": [{"role": "user", "content": "x"}], "stream": false,
            "temperature": 0.25, "k": 5, "seed": 7, "stop_sequences": ["a"], "max_tokens": 9});
        assert_eq!(write(&request), (wanted, vec![]));
    }

    #[test]
    fn numbers_out_of_range_are_moved_in_and_told() {
        let mut request = request();
        let number = |number| Number::from_f64(number);
        request.sampling.temperature = number(1.7);
        request.sampling.top_p = number(0.995);
        request.sampling.frequency_penalty = number(-2.0);
        request.sampling.presence_penalty = number(0.5);
        request.sampling.top_k = Some(1000);
        request.stop = vec!["a".into(); 6];
        let (body, losses) = write(&request);
        assert_eq!(
            (&body["temperature"], &body["p"], &body["frequency_penalty"]),
            (&json!(1.0), &json!(0.99), &json!(0.0))
        );
        assert_eq!((&body["presence_penalty"], &body["k"]), (&json!(0.5), &json!(500)));
        assert_eq!(body["stop_sequences"].as_array().unwrap().len(), 5);
        let fields = [Field::Temperature, Field::TopP, Field::FrequencyPenalty, Field::TopK, Field::Stop];
        assert_eq!(losses, fields.map(|field| (field, Fate::Approximated)));
    }

    #[test]
    fn what_cohere_has_no_place_for_is_told() {
        let mut request = request();
        request.n = Some(2);
        request.parallel_tool_calls = Some(false);
        request.sampling.logit_bias = Some(json!({"1": 2}));
        request.sampling.seed = Some(-1);
        request.top_logprobs = Some(3);
        request.user = Some("u".into());
        request.metadata = Some(Map::new());
        request.service_tier = Some("flex".into());
        request.prompt_cache_key = Some("k".into());
        request.extra.insert("store".into(), true.into());
        let (body, losses) = write(&request);
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["model", "messages", "stream"]);
        let fields = [
            Field::ParallelToolCalls,
            Field::Seed,
            Field::LogitBias,
            Field::N,
            Field::TopLogprobs,
            Field::User,
            Field::Metadata,
            Field::ServiceTier,
            Field::PromptCacheKey,
            Field::Extra("store".into()),
        ];
        assert_eq!(losses, fields.map(|field| (field, Fate::Dropped)));
    }

    #[test]
    fn a_named_tool_is_forced_by_leaving_the_others_out() {
        let mut request = request();
        request.tools = vec![function("f", None), function("g", None)];
        request.tool_choice = Some(ToolChoice::Tool("g".into()));
        let (body, losses) = write(&request);
        assert_eq!(body["tool_choice"], "REQUIRED");
        assert_eq!(body["tools"].as_array().unwrap().len(), 1);
        assert_eq!(body["tools"][0]["function"]["name"], "g");
        assert_eq!(losses, [(Field::ToolChoice, Fate::Approximated)]);
        request.tools.remove(0);
        assert_eq!(write(&request).1, []);
        request.tools.clear();
        let (body, losses) = write(&request);
        assert!(body.get("tool_choice").is_none());
        assert_eq!(losses, [(Field::ToolChoice, Fate::Dropped)]);
    }

    #[test]
    fn tools_are_strict_together_or_not_at_all() {
        let mut request = request();
        request.tools = vec![function("f", Some(true)), function("g", Some(true))];
        assert_eq!(write(&request).0["strict_tools"], true);
        request.tools[1] = function("g", Some(false));
        let (body, losses) = write(&request);
        assert!(body.get("strict_tools").is_none());
        assert_eq!(losses, [(Field::ToolStrict, Fate::Dropped)]);
    }

    #[test]
    fn a_schema_is_kept_unless_there_are_tools() {
        let mut request = request();
        let schema = json!({"type": "object"});
        request.output = Some(OutputFormat::Schema {
            name: Some("n".into()),
            description: None,
            schema: schema.clone(),
            strict: None,
        });
        let (body, losses) = write(&request);
        assert_eq!(body["response_format"], json!({"type": "json_object", "json_schema": schema}));
        assert_eq!(losses, []);
        request.tools = vec![function("f", None)];
        let (body, losses) = write(&request);
        assert!(body.get("response_format").is_none());
        assert_eq!(losses, [(Field::ResponseFormat, Fate::Dropped)]);
    }

    #[test]
    fn effort_becomes_a_budget() {
        let thinking = |effort, budget| {
            let mut request = request();
            request.thinking = Some(Thinking { effort, budget, ..Thinking::default() });
            let (body, losses) = write(&request);
            (body["thinking"].clone(), losses)
        };
        let near = vec![(Field::Thinking, Fate::Approximated)];
        assert_eq!(thinking(Some(Effort::Low), None), (json!({"type": "enabled", "token_budget": 1024}), near));
        assert_eq!(thinking(None, Some(77)), (json!({"type": "enabled", "token_budget": 77}), vec![]));
        assert_eq!(thinking(Some(Effort::None), None), (json!({"type": "disabled"}), vec![]));
    }

    #[test]
    fn a_request_without_messages_is_refused() {
        assert!(write_request(&ChatRequest::new(Format::OpenAiChat), &TARGET).is_err());
    }
}
