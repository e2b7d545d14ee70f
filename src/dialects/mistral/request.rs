//! The request: its members.

use serde_json::{Map, Number, Value, json};

use super::Changes;
use super::messages::adapt_messages;
use super::tools::{adapt_choice, adapt_tools};
use crate::api::chat::{Field, Losses};
use crate::dialects::{Invalid, extra};

/// Mistral refuses a request with any other member (`extra_forbidden`).
const KNOWN: [&str; 30] = [
    "frequency_penalty",
    "guardrails",
    "logprobs",
    "max_tokens",
    "messages",
    "metadata",
    "min_tokens",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_logprobs",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safe_prompt",
    "service_tier",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "top_prompt_logprobs",
];

/// Those that may be left out but not be null.
const NEVER_NULL: [&str; 6] =
    ["parallel_tool_calls", "prediction", "response_format", "safe_prompt", "stream", "tool_choice"];

const MAX_TEMPERATURE: f64 = 1.5;

/// A request in OpenAI's format as Mistral takes it, and what it lost. `None` where it can go as it is.
pub fn adapt_request(body: &[u8]) -> Result<Option<(Vec<u8>, Losses)>, Invalid> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| Invalid { message: format!("the body is not valid JSON: {error}"), param: None })?;
    let Value::Object(body) = body else {
        return Err(Invalid { message: "the body must be a JSON object".into(), param: None });
    };
    let mut changes = Changes::default();
    let mut adapted = Map::new();
    let limit = body.get("max_completion_tokens").filter(|limit| !limit.is_null()).cloned();
    for (name, value) in with_tools(body, &mut changes) {
        member(name, value, &mut adapted, &mut changes);
    }
    if let Some(limit) = limit {
        adapted.insert("max_tokens".into(), limit);
    }
    if adapted.get("tools").is_none_or(Value::is_null) && adapted.get("tool_choice").is_some_and(Value::is_object) {
        adapted.shift_remove("tool_choice");
        changes.dropped(Field::ToolChoice);
    }
    Ok(changes.made.then(|| (Value::Object(adapted).to_string().into_bytes(), changes.losses)))
}

/// OpenAI's older `functions` and `function_call` as `tools` and `tool_choice`.
fn with_tools(mut body: Map<String, Value>, changes: &mut Changes) -> Map<String, Value> {
    if let Some(Value::Array(functions)) = body.get_mut("functions").map(Value::take)
        && body.get("tools").is_none_or(Value::is_null)
    {
        let tool = |function: Value| json!({"type": "function", "function": function});
        body.insert("tools".into(), functions.into_iter().map(tool).collect());
        changes.made();
    }
    if let Some(choice) = body.get_mut("function_call").map(Value::take).filter(|choice| !choice.is_null())
        && body.get("tool_choice").is_none_or(Value::is_null)
    {
        let choice = if choice.is_object() { json!({"type": "function", "function": choice}) } else { choice };
        body.insert("tool_choice".into(), choice);
        changes.made();
    }
    body
}

fn member(name: String, mut value: Value, adapted: &mut Map<String, Value>, changes: &mut Changes) {
    let is_known = KNOWN.contains(&name.as_str());
    if value.is_null() && (!is_known || NEVER_NULL.contains(&name.as_str())) {
        return changes.made();
    }
    match (name.as_str(), &mut value) {
        ("messages", Value::Array(messages)) => adapt_messages(messages, changes),
        ("tools", Value::Array(tools)) => {
            let some = !tools.is_empty();
            adapt_tools(tools, changes);
            if some && tools.is_empty() {
                return;
            }
        }
        ("tool_choice", choice) => match adapt_choice(choice, changes) {
            Some(adapted) => value = adapted,
            None => return,
        },
        ("temperature", Value::Number(number)) if number.as_f64().is_some_and(|number| number > MAX_TEMPERATURE) => {
            changes.approximated(Field::Temperature);
            value = Number::from_f64(MAX_TEMPERATURE).map_or(Value::Null, Value::Number);
        }
        ("reasoning_effort", Value::String(effort)) => adapt_effort(effort, changes),
        ("prediction", Value::Object(prediction)) => adapt_prediction(prediction, changes),
        ("seed", seed) => {
            let seed = seed.take();
            if seed.as_i64().is_some_and(|seed| seed < 0) {
                return changes.dropped(Field::Seed);
            }
            changes.made();
            adapted.entry("random_seed").or_insert(seed);
            return;
        }
        // Usage is always told at a stream's end; the limit's newer name is taken up by the caller.
        ("stream_options" | "max_completion_tokens", _) => return changes.made(),
        ("user", _) => return changes.dropped(Field::User),
        ("logit_bias", _) => return changes.dropped(Field::LogitBias),
        (_, value) if extra::is_idle(&name, value) => return changes.made(),
        _ if !is_known => return changes.dropped(Field::Extra(name)),
        _ => {}
    }
    adapted.insert(name, value);
}

/// A request for vectors as Mistral takes it: it has another name for their length. `None` where it can go as it is.
/// <https://docs.mistral.ai/api/#tag/embeddings>
pub fn adapt_embeddings(body: &[u8]) -> Option<Vec<u8>> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let dimensions = body.shift_remove("dimensions")?;
    if !dimensions.is_null() {
        body.insert("output_dimension".into(), dimensions);
    }
    Some(Value::Object(body).to_string().into_bytes())
}

/// Mistral's models think or do not: "reasoning_effort='medium' is not supported for this model. Must be one of" `none`,
/// `high`. <https://docs.mistral.ai/capabilities/reasoning/>
fn adapt_effort(effort: &mut String, changes: &mut Changes) {
    let near = match effort.as_str() {
        "minimal" => "none",
        "low" | "medium" | "xhigh" | "max" => "high",
        _ => return,
    };
    changes.approximated(Field::Thinking);
    *effort = near.to_owned();
}

/// Mistral's prediction is one text.
fn adapt_prediction(prediction: &mut Map<String, Value>, changes: &mut Changes) {
    let Some(Value::Array(parts)) = prediction.get("content") else { return };
    let text: String = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
    prediction.insert("content".into(), text.into());
    changes.made();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::chat::{Fate, Format};

    /// What is sent, and what is lost.
    fn adapt(mut body: Value) -> (Value, Vec<(String, Fate)>) {
        body["model"] = "m".into();
        body["messages"] = json!([{"role": "user", "content": "x"}]);
        let Some((sent, losses)) = adapt_request(body.to_string().as_bytes()).unwrap() else {
            return (Value::Null, Vec::new());
        };
        let mut sent: Value = serde_json::from_slice(&sent).unwrap();
        let members = sent.as_object_mut().unwrap();
        members.retain(|name, _| name != "model" && name != "messages");
        let lost = losses.iter().map(|loss| (loss.field.name(Format::OpenAiChat).into_owned(), loss.fate)).collect();
        (sent, lost)
    }

    #[test]
    fn what_mistral_knows_goes_as_it_is() {
        let same = json!({"temperature": 1.5, "stream": true, "tool_choice": "required", "random_seed": 1, "stop": null,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "reasoning_effort": "high"});
        assert_eq!(adapt(same), (Value::Null, vec![]));
    }

    #[test]
    fn members_that_mistral_calls_otherwise_are_renamed() {
        let (sent, lost) = adapt(json!({"seed": 7, "max_tokens": 1, "max_completion_tokens": 2,
            "stream": true, "stream_options": {"include_usage": true}, "tool_choice": null, "audio": null}));
        assert_eq!(sent, json!({"random_seed": 7, "max_tokens": 2, "stream": true}));
        assert_eq!(lost, []);
    }

    #[test]
    fn what_is_refused_is_left_out_and_told() {
        let (sent, lost) = adapt(json!({"user": "u", "store": true, "logit_bias": {}, "temperature": 2,
            "reasoning_effort": "low", "seed": -1}));
        assert_eq!(sent, json!({"temperature": 1.5, "reasoning_effort": "high"}));
        let dropped = ["user", "store", "logit_bias"].map(|name| (name.to_owned(), Fate::Dropped));
        let near = ["temperature", "reasoning_effort"].map(|name| (name.to_owned(), Fate::Approximated));
        let seed = [("seed".to_owned(), Fate::Dropped)];
        assert_eq!(lost, [&dropped[..], &near, &seed].concat());
    }

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        for body in ["[]", "7", "{", ""] {
            assert!(adapt_request(body.as_bytes()).is_err(), "{body}");
        }
    }
}
