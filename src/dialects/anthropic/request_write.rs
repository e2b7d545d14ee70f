//! A request, written.

use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use super::block::{Blocks, Entry};
use super::conversation::{Conversation, Turn};
use super::model::Model;
use super::settings_write::{ToolBody, write_output, write_tool_choice, write_tools};
use super::thinking_write::{self, Limit, Mode, Plan};
use crate::api::chat::{ChatRequest, Field, Format, Losses, ToolChoice};
use crate::dialects::codec::{Invalid, Target, Written};

#[derive(Debug, Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Blocks::is_empty")]
    system: Blocks<'a>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// Writes a request for Anthropic. One that came in Anthropic's own format keeps its words, even those that the model
/// may refuse; others are fitted to what the model takes.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Written, Invalid> {
    let own = request.format == Format::Anthropic;
    let model = Model::parse(target.model);
    let mut losses = Losses::default();
    let form = write_output(request, model, &mut losses);
    let mut conversation = Conversation::write(request, &mut losses);
    if conversation.turns.is_empty() {
        return Err(Invalid::new("messages", "nothing in `messages` can be sent to this model"));
    }
    if let Some(instruction) = &form.instruction {
        conversation.system.push(Entry::text(instruction));
    }
    let mut limit = Limit::new(request.max_tokens, target.max_output);
    if !own {
        limit.cap(&mut losses);
    }
    let plan = think(request, model, &conversation, &mut limit, &mut losses);
    let mut extra = if own { request.extra.clone() } else { Map::new() };
    let thinking = merged("thinking", plan.mode.map(|mode| json!(mode)), &mut extra);
    let output_config = output_config(&plan, form.schema, &mut extra);
    let tools = write_tools(request, model, &mut losses);
    let tool_choice = if tools.is_empty() && !own {
        let idle = matches!(request.tool_choice, None | Some(ToolChoice::Auto | ToolChoice::None));
        losses.dropped_if(!idle, Field::ToolChoice);
        None
    } else {
        write_tool_choice(request, own || !plan.thinks(), &mut losses)
    };
    let mut body = Body {
        model: target.model,
        max_tokens: limit.tokens,
        system: Blocks(conversation.system),
        messages: conversation.turns,
        tools,
        tool_choice,
        thinking,
        output_config,
        temperature: request.sampling.temperature.clone(),
        top_p: request.sampling.top_p.as_ref(),
        top_k: request.sampling.top_k,
        stop_sequences: stop(request, &mut losses),
        stream: request.stream,
        metadata: metadata(request, &mut losses),
        service_tier: service_tier(request, &mut losses),
        extra,
    };
    if !own {
        fit_sampling(&mut body, model, plan.thinks(), &mut losses);
        request.extra.keys().for_each(|name| losses.dropped(Field::Extra(name.clone())));
    }
    report_unknown(request, &mut losses);
    let body = serde_json::to_vec(&body).expect("structs with text keys always serialise");
    Ok(Written { body, losses })
}

fn think(
    request: &ChatRequest,
    model: Model,
    conversation: &Conversation<'_>,
    limit: &mut Limit,
    losses: &mut Losses,
) -> Plan {
    let Some(wish) = &request.thinking else { return Plan::default() };
    // The provider would refuse the whole call: the thoughts were another vendor's, or the client kept none.
    let stuck = conversation.calls_without_thought();
    if request.format == Format::Anthropic {
        let mut plan = thinking_write::write_own(wish);
        if stuck && matches!(plan.mode, Some(Mode::Enabled { .. })) {
            losses.dropped(Field::Thinking);
            plan.mode = None;
        }
        return plan;
    }
    if stuck && !model.adapts() && !wish.is_off() {
        losses.dropped(Field::Thinking);
        return Plan::default();
    }
    thinking_write::write(wish, model, limit, losses)
}

fn output_config(plan: &Plan, schema: Option<Value>, extra: &mut Map<String, Value>) -> Option<Value> {
    let mut config = Map::new();
    if let Some(effort) = plan.effort {
        config.insert("effort".into(), effort.into());
    }
    if let Some(schema) = schema {
        config.insert("format".into(), json!({"type": "json_schema", "schema": schema}));
    }
    merged("output_config", (!config.is_empty()).then_some(Value::Object(config)), extra)
}

/// A member together with those of its members that the common form had no place for.
fn merged(name: &str, value: Option<Value>, extra: &mut Map<String, Value>) -> Option<Value> {
    match (value, extra.shift_remove(name)) {
        (Some(Value::Object(mut members)), Some(Value::Object(rest))) => {
            members.extend(rest);
            Some(Value::Object(members))
        }
        (value, rest) => value.or(rest),
    }
}

fn stop<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Vec<&'a str> {
    let own = request.format == Format::Anthropic;
    let texts: Vec<_> = request.stop.iter().map(String::as_str).filter(|text| own || !text.trim().is_empty()).collect();
    if texts.len() < request.stop.len() {
        losses.approximated(Field::Stop);
    }
    texts
}

fn metadata(request: &ChatRequest, losses: &mut Losses) -> Option<Value> {
    let mut metadata = Map::new();
    match &request.metadata {
        Some(rest) if request.format == Format::Anthropic => metadata.clone_from(rest),
        rest => losses.dropped_if(rest.is_some(), Field::Metadata),
    }
    if let Some(user) = &request.user {
        metadata.insert("user_id".into(), user.as_str().into());
    }
    (!metadata.is_empty()).then_some(Value::Object(metadata))
}

fn service_tier<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Option<&'a str> {
    match request.service_tier.as_deref()? {
        // Without a tier of its own, `auto` is what may use bought capacity.
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        tier if request.format == Format::Anthropic => Some(tier),
        "priority" => {
            losses.approximated(Field::ServiceTier);
            Some("auto")
        }
        _ => {
            losses.dropped(Field::ServiceTier);
            None
        }
    }
}

/// Takes out what the model refuses. While it thinks, a temperature other than 1 is refused, and any `top_k`.
/// <https://docs.claude.com/en/build-with-claude/extended-thinking#feature-compatibility>
fn fit_sampling(body: &mut Body<'_>, model: Model, thinks: bool, losses: &mut Losses) {
    let fixed = thinks || model.samples_by_itself();
    if let Some(temperature) = body.temperature.as_ref().and_then(Number::as_f64) {
        if fixed {
            losses.dropped_if(temperature != 1.0, Field::Temperature);
            body.temperature = None;
        } else if !(0.0..=1.0).contains(&temperature) {
            losses.approximated(Field::Temperature);
            body.temperature = Some(Number::from(u8::from(temperature > 1.0)));
        }
    }
    if let Some(top_p) = body.top_p.and_then(Number::as_f64) {
        let refused = model.samples_by_itself()
            || (thinks && top_p < 0.95)
            || (body.temperature.is_some() && model.takes_one_of_temperature_and_top_p());
        if refused || top_p >= 1.0 {
            losses.dropped_if(top_p != 1.0, Field::TopP);
            body.top_p = None;
        }
    }
    if fixed {
        losses.dropped_if(body.top_k.is_some(), Field::TopK);
        body.top_k = None;
    }
}

fn report_unknown(request: &ChatRequest, losses: &mut Losses) {
    let sampling = &request.sampling;
    let some = |number: &Option<Number>| number.as_ref().and_then(Number::as_f64).is_some_and(|number| number != 0.0);
    losses.dropped_if(request.n.is_some_and(|n| n != 1), Field::N);
    losses.dropped_if(request.logprobs == Some(true), Field::Logprobs);
    losses.dropped_if(request.top_logprobs.is_some_and(|top| top > 0), Field::TopLogprobs);
    losses.dropped_if(sampling.seed.is_some(), Field::Seed);
    losses.dropped_if(some(&sampling.presence_penalty), Field::PresencePenalty);
    losses.dropped_if(some(&sampling.frequency_penalty), Field::FrequencyPenalty);
    losses.dropped_if(sampling.logit_bias.is_some(), Field::LogitBias);
    losses.dropped_if(request.prompt_cache_key.is_some(), Field::PromptCacheKey);
}

#[cfg(test)]
mod tests;
