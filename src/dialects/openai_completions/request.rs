//! Reading a request.

use serde_json::{Map, Value};

use crate::api::chat::{ChatRequest, Format, Message, Part, Role};
use crate::dialects::Invalid;
use crate::dialects::members::Members;
use crate::dialects::openai_chat::{read_sampling, read_stop};

/// How long an answer may be where the request does not say.
const DEFAULT_TOKENS: u32 = 16;

pub fn read_request(body: &[u8]) -> Result<ChatRequest, Invalid> {
    let mut members = Members::of_body(body)?;
    let mut request = ChatRequest::new(Format::OpenAiCompletions);
    // Who answers is decided before a request is read.
    members.string("model")?;
    request.messages.push(Message::new(Role::User, vec![Part::text(read_prompt(&mut members)?)]));
    request.max_tokens = Some(members.whole("max_tokens")?.unwrap_or(DEFAULT_TOKENS));
    request.extra.extend(read_legacy(&mut members)?);
    request.n = members.whole("n")?;
    request.stop = read_stop(&mut members)?;
    request.stream = members.bool("stream")?.unwrap_or(false);
    request.user = members.string("user")?;
    request.sampling = read_sampling(&mut members)?;
    let mut options = members.object("stream_options")?.unwrap_or_default();
    request.include_usage = options.shift_remove("include_usage") == Some(Value::Bool(true));
    options.retain(|name, value| name != "include_obfuscation" && !value.is_null());
    request.extra.extend(options.into_iter().map(|(name, value)| (format!("stream_options.{name}"), value)));
    request.extra.extend(members.rest());
    Ok(request)
}

/// Several prompts are several calls at once, which no other format has; tokens are those of one model.
fn read_prompt(members: &mut Members<'_>) -> Result<String, Invalid> {
    let prompt = members.value("prompt").ok_or_else(|| members.missing("prompt"))?;
    match prompt {
        Value::String(text) => Ok(text),
        Value::Array(mut prompts) => match (prompts.pop(), prompts.is_empty()) {
            (Some(Value::String(text)), true) => Ok(text),
            (Some(Value::String(_)), false) => {
                Err(Invalid::new("prompt", "this model takes one prompt at a time; send each in a request of its own"))
            }
            (Some(Value::Number(_) | Value::Array(_)), _) => {
                Err(Invalid::new("prompt", "`prompt` must be text: this model takes no tokens"))
            }
            _ => Err(members.wrong("prompt", "a string or an array with one string")),
        },
        _ => Err(members.wrong("prompt", "a string or an array with one string")),
    }
}

/// What only this format has, where it asks for anything.
fn read_legacy(members: &mut Members<'_>) -> Result<Map<String, Value>, Invalid> {
    let mut left = Map::new();
    if let Some(suffix) = members.string("suffix")?.filter(|suffix| !suffix.is_empty()) {
        left.insert("suffix".to_owned(), suffix.into());
    }
    if members.bool("echo")? == Some(true) {
        left.insert("echo".to_owned(), true.into());
    }
    // Beside `n`, as many as `n` ask for no choice among more.
    let n = members.peek("n").and_then(Value::as_u64).unwrap_or(1);
    if let Some(best_of) = members.whole("best_of")?.filter(|&best_of| u64::from(best_of) > n) {
        left.insert("best_of".to_owned(), best_of.into());
    }
    if let Some(logprobs) = members.whole("logprobs")? {
        left.insert("logprobs".to_owned(), logprobs.into());
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use serde_json::{Number, json};

    use super::*;

    fn read(request: &Value) -> Result<ChatRequest, Invalid> {
        read_request(request.to_string().as_bytes())
    }

    #[test]
    fn every_plain_member_finds_its_place() {
        let request = read(&json!({
            "model": "m", "prompt": ["once"], "max_tokens": 5, "temperature": 0, "top_p": 1, "n": 2, "stream": true,
            "stream_options": { "include_usage": true }, "stop": "x", "presence_penalty": 1, "frequency_penalty": -1,
            "logit_bias": { "50256": -100 }, "seed": -7, "user": "u",
        }))
        .unwrap();
        let mut wanted = ChatRequest::new(Format::OpenAiCompletions);
        wanted.messages = vec![Message::new(Role::User, vec![Part::text("once")])];
        wanted.max_tokens = Some(5);
        wanted.n = Some(2);
        wanted.stream = true;
        wanted.include_usage = true;
        wanted.stop = vec!["x".into()];
        wanted.user = Some("u".into());
        wanted.sampling.temperature = Some(Number::from(0));
        wanted.sampling.top_p = Some(Number::from(1));
        wanted.sampling.presence_penalty = Some(Number::from(1));
        wanted.sampling.frequency_penalty = Some(Number::from(-1));
        wanted.sampling.logit_bias = Some(json!({ "50256": -100 }));
        wanted.sampling.seed = Some(-7);
        assert_eq!(request, wanted);
    }

    #[test]
    fn the_legacy_default_of_tokens_is_kept() {
        assert_eq!(read(&json!({ "prompt": "x" })).unwrap().max_tokens, Some(16));
        assert_eq!(read(&json!({ "prompt": "x", "max_tokens": null })).unwrap().max_tokens, Some(16));
    }

    #[test]
    fn only_what_the_client_would_miss_is_left_over() {
        for (members, left) in [
            (json!({ "echo": false, "best_of": 1, "suffix": null, "logprobs": null }), vec![]),
            (json!({ "echo": true, "suffix": "s", "logprobs": 0 }), vec!["suffix", "echo", "logprobs"]),
            (json!({ "n": 3, "best_of": 3 }), vec![]),
            (json!({ "n": 3, "best_of": 4 }), vec!["best_of"]),
            (json!({ "stream_options": { "include_obfuscation": false, "new": 1 } }), vec!["stream_options.new"]),
            (json!({ "novelty": 1, "nothing": null }), vec!["novelty"]),
        ] {
            let mut request = members.clone();
            request["prompt"] = json!("x");
            let extra = read(&request).unwrap().extra;
            assert_eq!(extra.keys().collect::<Vec<_>>(), left, "{members}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused_by_name() {
        for (request, param) in [
            (json!({}), "prompt"),
            (json!({ "prompt": [] }), "prompt"),
            (json!({ "prompt": ["a", "b"] }), "prompt"),
            (json!({ "prompt": [1, 2] }), "prompt"),
            (json!({ "prompt": [[1], [2]] }), "prompt"),
            (json!({ "prompt": {} }), "prompt"),
            (json!({ "prompt": "x", "stop": 7 }), "stop"),
            (json!({ "prompt": "x", "max_tokens": -1 }), "max_tokens"),
            (json!({ "prompt": "x", "logprobs": true }), "logprobs"),
            (json!({ "prompt": "x", "seed": 0.5 }), "seed"),
        ] {
            assert_eq!(read(&request).unwrap_err().param.as_deref(), Some(param), "{request}");
        }
    }
}
