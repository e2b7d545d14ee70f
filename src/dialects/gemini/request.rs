//! The body of a request.

use serde::Serialize;

use super::config::{GenerationConfig, write_config};
use super::contents::{System, Turn, write_contents};
use super::model::Model;
use super::tools::{ToolConfig, WireTool, write_choice, write_tools};
use crate::api::chat::{ChatRequest, Extra, Field, Format, Losses};
use crate::dialects::{Invalid, Target, Written};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    contents: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<System<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_config: Option<GenerationConfig<'a>>,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

/// Model and streaming stand in the path, and usage is always reported.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Written, Invalid> {
    let mut losses = Losses::default();
    let body = to_bytes(&write_body(request, target, &mut losses))?;
    Ok(Written { body, losses })
}

pub(super) fn write_body<'a>(request: &'a ChatRequest, target: &Target<'_>, losses: &mut Losses) -> Body<'a> {
    let model = Model::of(target.model);
    lose(request, losses);
    let contents = write_contents(request, model, losses);
    let tools = write_tools(request, losses);
    Body {
        contents: contents.turns,
        system_instruction: contents.system,
        tool_config: write_choice(request, &tools, losses),
        tools,
        generation_config: write_config(request, model, target.max_output, losses),
        extra: Some(&request.extra).filter(|_| request.format == Format::Gemini),
    }
}

/// Members that Gemini has no place for.
fn lose(request: &ChatRequest, losses: &mut Losses) {
    losses.dropped_if(request.parallel_tool_calls == Some(false), Field::ParallelToolCalls);
    losses.dropped_if(request.user.is_some(), Field::User);
    losses.dropped_if(request.metadata.is_some(), Field::Metadata);
    // There is one tier, which both of these words are content with.
    let special = !matches!(request.service_tier.as_deref(), None | Some("auto" | "default"));
    losses.dropped_if(special, Field::ServiceTier);
    losses.dropped_if(request.prompt_cache_key.is_some(), Field::PromptCacheKey);
    if request.format != Format::Gemini {
        for name in request.extra.keys() {
            losses.dropped(Field::Extra(name.clone()));
        }
    }
}

pub(super) fn to_bytes(body: &impl Serialize) -> Result<Vec<u8>, Invalid> {
    let unwritable = |error| Invalid { message: format!("the request cannot be written: {error}"), param: None };
    serde_json::to_vec(body).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use serde_json::{Number, Value, json};

    use super::*;
    use crate::api::chat::{
        CacheHint, Effort, Fate, Message, OutputFormat, Part, Role, Thinking, Tool, ToolChoice, ToolKind,
    };

    fn asked() -> ChatRequest {
        let mut request = ChatRequest::new(Format::OpenAiChat);
        request.messages.push(Message::new(Role::User, vec![Part::text("Hello")]));
        request
    }

    fn written(request: &ChatRequest, model: &str) -> (Value, Vec<(Field, Fate)>) {
        let written = write_request(request, &Target { model, max_output: Some(1_000), ask_usage: true }).unwrap();
        let losses = written.losses.iter().map(|loss| (loss.field.clone(), loss.fate)).collect();
        (serde_json::from_slice(&written.body).unwrap(), losses)
    }

    fn function(name: &str, parameters: Option<Value>) -> Tool {
        let kind = ToolKind::Function { name: name.into(), description: None, parameters, strict: None };
        Tool { kind, cache: None, extra: Extra::new() }
    }

    #[test]
    fn a_plain_question_is_nothing_but_contents() {
        let (body, losses) = written(&asked(), "gemini-2.5-flash");
        assert_eq!(body, json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}));
        assert_eq!(losses, []);
    }

    #[test]
    fn every_setting_has_its_name() {
        let mut request = asked();
        request.sampling.temperature = Number::from_f64(0.7);
        request.sampling.top_p = Number::from_f64(0.3);
        request.sampling.top_k = Some(50);
        request.sampling.seed = Some(-42);
        request.sampling.presence_penalty = Some(1.into());
        request.sampling.frequency_penalty = Some((-1).into());
        request.max_tokens = Some(500);
        request.stop = vec!["4242".into()];
        request.n = Some(2);
        request.logprobs = Some(true);
        request.top_logprobs = Some(3);
        request.thinking = Some(Thinking { budget: Some(200), visible: Some(false), ..Thinking::default() });
        request.output = Some(OutputFormat::Json);
        let (body, losses) = written(&request, "gemini-2.5-flash");
        let config = json!({
            "temperature": 0.7, "topP": 0.3, "topK": 50, "seed": -42, "presencePenalty": 1, "frequencyPenalty": -1,
            "maxOutputTokens": 500, "stopSequences": ["4242"], "candidateCount": 2,
            "responseLogprobs": true, "logprobs": 3, "responseMimeType": "application/json",
            "thinkingConfig": {"includeThoughts": false, "thinkingBudget": 200}
        });
        assert_eq!((&body["generationConfig"], losses), (&config, vec![]));
    }

    #[test]
    fn what_gemini_would_refuse_is_brought_within_its_bounds() {
        let mut request = asked();
        request.sampling.temperature = Some(3.into());
        request.sampling.seed = Some(i64::MAX);
        request.max_tokens = Some(5_000);
        request.stop = (0..7).map(|stop| stop.to_string()).collect();
        request.n = Some(9);
        let (body, losses) = written(&request, "gemini-2.5-flash");
        let config = &body["generationConfig"];
        assert_eq!(config["temperature"], 2);
        assert!(config["seed"].as_i64().is_some_and(|seed| i32::try_from(seed).is_ok()));
        assert_eq!((&config["maxOutputTokens"], &config["candidateCount"]), (&json!(1_000), &json!(8)));
        assert_eq!(config["stopSequences"], json!(["0", "1", "2", "3", "4"]));
        let fields = [Field::Temperature, Field::Seed, Field::MaxTokens, Field::N, Field::Stop];
        assert_eq!(losses, fields.map(|field| (field, Fate::Approximated)));
    }

    #[test]
    fn nothing_is_lost_in_silence() {
        let mut request = asked();
        request.messages[0].name = Some("ada".into());
        request.messages[0].parts[0].cache = Some(CacheHint::default());
        request.messages[0].extra.insert("weight".into(), 1.into());
        request.messages[0].extra.insert("reasoning_content".into(), "echo".into());
        request.sampling.logit_bias = Some(json!({"1": 2}));
        request.top_logprobs = Some(2);
        request.parallel_tool_calls = Some(false);
        request.tool_choice = Some(ToolChoice::Required);
        request.user = Some("u".into());
        request.metadata = Some(Extra::new());
        request.service_tier = Some("flex".into());
        request.prompt_cache_key = Some("k".into());
        request.thinking = Some(Thinking { effort: Some(Effort::High), ..Thinking::default() });
        request.extra.insert("verbosity".into(), "low".into());
        let value = json!({"type": "web_search"});
        let kind = ToolKind::Foreign { format: Format::OpenAiResponses, value };
        request.tools.push(Tool { kind, cache: None, extra: Extra::new() });
        let (body, losses) = written(&request, "gemini-2.0-flash");
        assert_eq!(body, json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}));
        let lost = [
            Field::ParallelToolCalls,
            Field::User,
            Field::Metadata,
            Field::ServiceTier,
            Field::PromptCacheKey,
            Field::Extra("verbosity".into()),
            Field::Name,
            Field::Extra("weight".into()),
            Field::CacheHint,
            Field::Tools,
            Field::ToolChoice,
            Field::LogitBias,
            Field::Thinking,
            Field::TopLogprobs,
        ];
        assert_eq!(losses, lost.map(|field| (field, Fate::Dropped)));
    }

    #[test]
    fn tools_have_schemas_of_objects() {
        let mut request = asked();
        let schema = json!({"$schema": "x", "properties": {"unit": {"const": "C"}}, "additionalProperties": false});
        request.tools =
            vec![function("weather", Some(schema)), function("now", None), function("any", Some(json!({})))];
        request.tool_choice = Some(ToolChoice::Tool("now".into()));
        let (body, losses) = written(&request, "gemini-2.5-flash");
        let schema = json!({"type": "object", "properties": {"unit": {"enum": ["C"]}}, "additionalProperties": false});
        let declarations = json!([
            {"name": "weather", "parametersJsonSchema": schema},
            {"name": "now"},
            {"name": "any", "parametersJsonSchema": {"type": "object"}}
        ]);
        assert_eq!(body["tools"], json!([{"functionDeclarations": declarations}]));
        let config = json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["now"]}});
        assert_eq!((&body["toolConfig"], losses), (&config, vec![]));
    }

    #[test]
    fn each_choice_has_its_mode() {
        let mut request = asked();
        request.tools = vec![function("now", None)];
        for (choice, mode) in [(ToolChoice::Auto, "AUTO"), (ToolChoice::None, "NONE"), (ToolChoice::Required, "ANY")] {
            request.tool_choice = Some(choice);
            let config = json!({"functionCallingConfig": {"mode": mode}});
            assert_eq!(written(&request, "gemini-2.5-flash").0["toolConfig"], config);
        }
    }

    #[test]
    fn a_schema_of_the_answer_keeps_its_name() {
        let mut request = asked();
        let schema = json!({"type": "object", "properties": {}, "$schema": "x"});
        let (name, description) = (Some("city".into()), Some("A city".into()));
        request.output = Some(OutputFormat::Schema { name, description, schema, strict: Some(true) });
        let schema = json!({"type": "object", "properties": {}, "title": "city", "description": "A city"});
        let config = json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
        assert_eq!(written(&request, "gemini-2.0-flash").0["generationConfig"], config);

        request.tools = vec![function("now", None)];
        assert_eq!(written(&request, "gemini-3-pro-preview").0["generationConfig"], config);
        let (body, losses) = written(&request, "gemini-2.5-pro");
        assert_eq!(body.get("generationConfig"), None);
        assert_eq!(losses, [(Field::ResponseFormat, Fate::Dropped)]);
    }

    #[test]
    fn members_of_its_own_format_are_handed_on() {
        let mut request = asked();
        request.format = Format::Gemini;
        request.extra.insert("safetySettings".into(), json!([]));
        let kind = ToolKind::Foreign { format: Format::Gemini, value: json!({"googleSearch": {}}) };
        request.tools = vec![Tool { kind, cache: None, extra: Extra::new() }];
        let (body, losses) = written(&request, "gemini-2.5-flash");
        assert_eq!((&body["safetySettings"], &body["tools"]), (&json!([]), &json!([{"googleSearch": {}}])));
        assert_eq!(losses, []);
    }
}
