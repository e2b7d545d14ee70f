//! `generationConfig`: how the answer is made.

use serde::Serialize;
use serde_json::{Number, Value};

use super::model::Model;
use super::schema::adapt;
use super::thinking::{ThinkingConfig, write_thinking};
use crate::api::chat::{ChatRequest, Field, Losses, OutputFormat};

const MAX_STOPS: usize = 5;
const MAX_CANDIDATES: u32 = 8;

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig>,
}

/// `None` where nothing is asked for.
pub(super) fn write_config<'a>(
    request: &'a ChatRequest,
    model: Model<'_>,
    max_output: Option<u32>,
    losses: &mut Losses,
) -> Option<GenerationConfig<'a>> {
    let sampling = &request.sampling;
    losses.dropped_if(sampling.logit_bias.is_some(), Field::LogitBias);
    let mut config = GenerationConfig {
        temperature: sampling.temperature.as_ref().map(|number| temperature(number, losses)),
        top_p: sampling.top_p.as_ref(),
        top_k: sampling.top_k,
        seed: sampling.seed.map(|seed| narrow(seed, losses)),
        presence_penalty: sampling.presence_penalty.as_ref(),
        frequency_penalty: sampling.frequency_penalty.as_ref(),
        max_output_tokens: request.max_tokens.map(|most| at_most(most, max_output, Field::MaxTokens, losses)),
        stop_sequences: request.stop.iter().map(String::as_str).collect(),
        candidate_count: request.n.filter(|&n| n != 1),
        response_logprobs: request.logprobs.filter(|&wanted| wanted),
        thinking_config: request.thinking.as_ref().and_then(|thinking| write_thinking(thinking, model, losses)),
        ..GenerationConfig::default()
    };
    config.candidate_count = config.candidate_count.map(|n| at_most(n, Some(MAX_CANDIDATES), Field::N, losses));
    if config.stop_sequences.len() > MAX_STOPS {
        config.stop_sequences.truncate(MAX_STOPS);
        losses.approximated(Field::Stop);
    }
    match request.top_logprobs {
        Some(top) if config.response_logprobs.is_some() => config.logprobs = Some(top).filter(|&top| top > 0),
        top => losses.dropped_if(top.is_some_and(|top| top > 0), Field::TopLogprobs),
    }
    write_output(request, model, &mut config, losses);
    Some(config).filter(|config| *config != GenerationConfig::default())
}

fn temperature(number: &Number, losses: &mut Losses) -> Number {
    let value = number.as_f64().unwrap_or(1.0);
    if (0.0..=2.0).contains(&value) {
        return number.clone();
    }
    losses.approximated(Field::Temperature);
    Number::from(if value < 0.0 { 0 } else { 2 })
}

/// Gemini's seeds have 32 bits. Which one it is does not matter, as long as equal ones stay equal.
fn narrow(seed: i64, losses: &mut Losses) -> i32 {
    i32::try_from(seed).unwrap_or_else(|_| {
        losses.approximated(Field::Seed);
        let folded = (seed ^ (seed >> 32)) & i64::from(i32::MAX);
        i32::try_from(folded).unwrap_or_default()
    })
}

/// Gemini refuses what is above its limit instead of giving what it can.
fn at_most(wanted: u32, limit: Option<u32>, field: Field, losses: &mut Losses) -> u32 {
    match limit {
        Some(limit) if wanted > limit => {
            losses.approximated(field);
            limit
        }
        _ => wanted,
    }
}

fn write_output(request: &ChatRequest, model: Model<'_>, config: &mut GenerationConfig<'_>, losses: &mut Losses) {
    let schema = match &request.output {
        None | Some(OutputFormat::Text) => return,
        Some(OutputFormat::Json) => None,
        Some(OutputFormat::Schema { name, description, schema, .. }) => {
            Some(described(adapt(schema), name.as_deref(), description.as_deref()))
        }
    };
    if !request.tools.is_empty() && !model.takes_tools_with_json() {
        losses.dropped(Field::ResponseFormat);
        return;
    }
    config.response_mime_type = Some("application/json");
    config.response_json_schema = schema;
}

/// A schema's name and description have their place inside of it.
fn described(mut schema: Value, name: Option<&str>, description: Option<&str>) -> Value {
    if let Value::Object(members) = &mut schema
        && !members.contains_key("$ref")
    {
        for (member, text) in [("title", name), ("description", description)] {
            if let Some(text) = text {
                members.entry(member).or_insert_with(|| text.into());
            }
        }
    }
    schema
}
