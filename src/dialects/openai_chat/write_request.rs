//! A request in OpenAI's chat form: what providers of that format get from other doors.

use serde_json::{Map, Value, json};

use super::write_messages::write_messages;
use crate::api::chat::{
    ChatRequest, Effort, Field, Format, Losses, OutputFormat, Thinking, Tool, ToolChoice, ToolKind,
};
use crate::config::{LimitName, Quirks};
use crate::dialects::{Invalid, Target, Written};

/// Writes a request as `quirks` say that this vendor wants it.
pub fn write_request(request: &ChatRequest, target: &Target<'_>, quirks: &Quirks) -> Result<Written, Invalid> {
    let mut losses = Losses::default();
    let thinks = quirks.openai_models && is_reasoning_model(target.model);
    let mut body = Map::new();
    body.insert("model".into(), target.model.into());
    body.insert("messages".into(), Value::Array(write_messages(request, quirks, &mut losses)));
    if request.stream {
        body.insert("stream".into(), true.into());
        if request.include_usage || target.ask_usage {
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
    }
    write_tools(request, &mut body, &mut losses);
    write_sampling(request, thinks, quirks, &mut body, &mut losses);
    write_thinking(request, thinks, quirks, &mut body, &mut losses);
    if let Some(format) = &request.output {
        body.insert("response_format".into(), response_format(format));
    }
    if let Some(limit) = request.max_tokens {
        let name = if quirks.limit == LimitName::Newer { "max_completion_tokens" } else { "max_tokens" };
        body.insert(name.into(), limit.into());
    }
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.into(), value);
        }
    };
    put("n", request.n.map(Value::from));
    if thinks {
        losses.dropped_if(request.logprobs == Some(true), Field::Logprobs);
        losses.dropped_if(request.top_logprobs.is_some_and(|count| count > 0), Field::TopLogprobs);
    } else {
        put("logprobs", request.logprobs.map(Value::from));
        put("top_logprobs", request.top_logprobs.map(Value::from));
    }
    put("user", request.user.clone().map(Value::from));
    put("prompt_cache_key", request.prompt_cache_key.clone().map(Value::from));
    match (&request.metadata, quirks.metadata) {
        (Some(metadata), true) => put("metadata", Some(Value::Object(metadata.clone()))),
        (metadata, _) => losses.dropped_if(metadata.is_some(), Field::Metadata),
    }
    put("service_tier", service_tier(request, &mut losses).map(Value::from));
    for (name, value) in &request.extra {
        match request.format {
            Format::OpenAiChat => put(name, Some(value.clone())),
            _ => losses.dropped(Field::Extra(name.clone())),
        }
    }
    let body = serde_json::to_vec(&body).expect("maps with text keys always serialise");
    Ok(Written { body, losses })
}

/// The models of OpenAI that think, and therefore take an effort and no sampling.
/// <https://platform.openai.com/docs/guides/reasoning>
fn is_reasoning_model(model: &str) -> bool {
    let version = |rest: &str| rest.bytes().next().is_some_and(|digit| digit.is_ascii_digit());
    model.strip_prefix('o').is_some_and(version)
        || model.strip_prefix("gpt-").is_some_and(|rest| matches!(rest.bytes().next(), Some(b'5'..=b'9')))
            && !model.contains("-chat")
}

fn write_tools(request: &ChatRequest, body: &mut Map<String, Value>, losses: &mut Losses) {
    let own = request.format == Format::OpenAiChat;
    let tools: Vec<_> = request.tools.iter().filter_map(|tool| write_tool(tool, own, losses)).collect();
    if tools.is_empty() {
        let idle = matches!(request.tool_choice, None | Some(ToolChoice::Auto | ToolChoice::None));
        losses.dropped_if(!idle, Field::ToolChoice);
        return;
    }
    body.insert("tools".into(), Value::Array(tools));
    let choice = request.tool_choice.as_ref().and_then(|choice| match choice {
        ToolChoice::Auto => Some("auto".into()),
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "function": {"name": name}})),
        ToolChoice::Foreign { format: Format::OpenAiChat, value } => Some(value.clone()),
        ToolChoice::Foreign { .. } => {
            losses.dropped(Field::ToolChoice);
            None
        }
    });
    if let Some(choice) = choice {
        body.insert("tool_choice".into(), choice);
    }
    if let Some(parallel) = request.parallel_tool_calls {
        body.insert("parallel_tool_calls".into(), parallel.into());
    }
}

fn write_tool(tool: &Tool, own: bool, losses: &mut Losses) -> Option<Value> {
    losses.dropped_if(tool.cache.is_some(), Field::CacheHint);
    match &tool.kind {
        ToolKind::Function { name, description, parameters, strict } => {
            let mut function = Map::new();
            function.insert("name".into(), name.as_str().into());
            function.extend(description.as_ref().map(|text| ("description".into(), text.as_str().into())));
            function.extend(parameters.as_ref().map(|schema| ("parameters".into(), schema.clone())));
            function.extend(strict.map(|strict| ("strict".into(), strict.into())));
            for (name, value) in &tool.extra {
                match own {
                    true => drop(function.insert(name.clone(), value.clone())),
                    false => losses.dropped(Field::Extra(name.clone())),
                }
            }
            Some(json!({"type": "function", "function": function}))
        }
        ToolKind::Foreign { format: Format::OpenAiChat, value } => Some(value.clone()),
        ToolKind::Foreign { .. } => {
            losses.dropped(Field::Tools);
            None
        }
    }
}

fn write_sampling(
    request: &ChatRequest,
    thinks: bool,
    quirks: &Quirks,
    body: &mut Map<String, Value>,
    losses: &mut Losses,
) {
    let sampling = &request.sampling;
    let numbers = [
        ("temperature", &sampling.temperature, Field::Temperature),
        ("top_p", &sampling.top_p, Field::TopP),
        ("presence_penalty", &sampling.presence_penalty, Field::PresencePenalty),
        ("frequency_penalty", &sampling.frequency_penalty, Field::FrequencyPenalty),
    ];
    for (name, number, field) in numbers {
        match number {
            // What these models do anyway may be said.
            Some(number) if thinks => losses.dropped_if(number.as_f64() != Some(1.0), field),
            Some(number) => drop(body.insert(name.into(), number.clone().into())),
            None => {}
        }
    }
    match sampling.top_k {
        Some(top_k) if quirks.top_k => drop(body.insert("top_k".into(), top_k.into())),
        top_k => losses.dropped_if(top_k.is_some(), Field::TopK),
    }
    body.extend(sampling.seed.map(|seed| ("seed".into(), seed.into())));
    if thinks {
        losses.dropped_if(sampling.logit_bias.is_some(), Field::LogitBias);
        losses.dropped_if(!request.stop.is_empty(), Field::Stop);
        return;
    }
    body.extend(sampling.logit_bias.as_ref().map(|bias| ("logit_bias".into(), bias.clone())));
    if !request.stop.is_empty() {
        if request.stop.len() > quirks.stops {
            losses.approximated(Field::Stop);
        }
        body.insert("stop".into(), request.stop.iter().take(quirks.stops).cloned().collect::<Vec<_>>().into());
    }
}

fn write_thinking(
    request: &ChatRequest,
    thinks: bool,
    quirks: &Quirks,
    body: &mut Map<String, Value>,
    losses: &mut Losses,
) {
    let Some(thinking) = &request.thinking else { return };
    if quirks.effort && (thinks || !quirks.openai_models) {
        let effort = thinking.effort_word().or(thinking.adaptive.then_some(Effort::Medium));
        let guessed = effort.is_some() && thinking.effort.is_none() && !thinking.is_off();
        // OpenAI's own models never show their thoughts here, those of other vendors always do.
        let shown_otherwise = thinking.visible == Some(thinks) && !thinking.is_off();
        if guessed || shown_otherwise || effort == Some(Effort::Max) {
            losses.approximated(Field::Thinking);
        }
        body.extend(effort.map(|effort| ("reasoning_effort".into(), openai_effort(effort).into())));
        return;
    }
    // A model of OpenAI's that does not think does what `none` asks for.
    losses.dropped_if(!quirks.openai_models || !Thinking::is_off(thinking), Field::Thinking);
}

/// OpenAI's words end at `xhigh`.
fn openai_effort(effort: Effort) -> &'static str {
    match effort {
        Effort::Max => Effort::XHigh.as_str(),
        effort => effort.as_str(),
    }
}

fn response_format(format: &OutputFormat) -> Value {
    match format {
        OutputFormat::Text => json!({"type": "text"}),
        OutputFormat::Json => json!({"type": "json_object"}),
        OutputFormat::Schema { name, description, schema, strict } => {
            let mut inner = Map::new();
            inner.insert("name".into(), name.as_deref().unwrap_or("answer").into());
            inner.extend(description.as_ref().map(|text| ("description".into(), text.as_str().into())));
            inner.insert("schema".into(), schema.clone());
            inner.extend(strict.map(|strict| ("strict".into(), strict.into())));
            json!({"type": "json_schema", "json_schema": inner})
        }
    }
}

/// Anthropic's door has put its words into OpenAI's; those that it could not are no tiers here.
fn service_tier(request: &ChatRequest, losses: &mut Losses) -> Option<String> {
    let tier = request.service_tier.as_deref()?;
    match (request.format, tier) {
        (Format::Anthropic, "auto" | "default") => Some(tier.to_owned()),
        (Format::Anthropic, _) => {
            losses.dropped(Field::ServiceTier);
            None
        }
        _ => Some(tier.to_owned()),
    }
}
