//! Reading a request.

use serde_json::Value;

use super::input::read_input;
use super::settings::{read_include, read_reasoning, read_text};
use super::tools::{read_tool_choice, read_tools};
use crate::api::chat::{ChatRequest, Format, Message, Part, Role};
use crate::dialects::Invalid;
use crate::dialects::members::Members;

const STATELESS: &str = "this gateway keeps no responses; send the whole input";

pub fn read_request(body: &[u8]) -> Result<ChatRequest, Invalid> {
    let mut members = Members::of_body(body)?;
    refuse_state(&mut members)?;
    let mut request = ChatRequest::new(Format::OpenAiResponses);
    // Who answers is decided before a request is read.
    members.string("model")?;
    if let Some(text) = members.string("instructions")? {
        request.messages.push(Message::new(Role::System, vec![Part::text(text)]));
    }
    let input = members.value("input").ok_or_else(|| members.missing("input"))?;
    read_input(input, &mut request.messages)?;
    read_tools(&mut members, &mut request)?;
    read_tool_choice(&mut members, &mut request)?;
    read_text(&mut members, &mut request)?;
    read_reasoning(&mut members, &mut request)?;
    read_include(&mut members, &mut request)?;
    read_plain(&mut members, &mut request)?;
    ignore_defaults(&mut members)?;
    request.extra.extend(members.rest());
    Ok(request)
}

/// What only a server that keeps responses could do.
fn refuse_state(members: &mut Members<'_>) -> Result<(), Invalid> {
    for name in ["previous_response_id", "conversation", "prompt"] {
        if members.value(name).is_some() {
            return Err(Invalid::new(name, format!("`{name}` cannot be used: {STATELESS}")));
        }
    }
    if members.bool("background")? == Some(true) {
        return Err(Invalid::new("background", "`background` cannot be used: this gateway keeps no responses"));
    }
    Ok(())
}

fn read_plain(members: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    request.parallel_tool_calls = members.bool("parallel_tool_calls")?;
    request.sampling.temperature = members.number("temperature")?;
    request.sampling.top_p = members.number("top_p")?;
    request.max_tokens = members.whole("max_output_tokens")?;
    request.top_logprobs = members.whole("top_logprobs")?;
    if request.top_logprobs.is_some_and(|count| count > 0) {
        request.logprobs = Some(true);
    }
    request.stream = members.bool("stream")?.unwrap_or(false);
    // Every stream of this API ends with usage.
    request.include_usage = request.stream;
    request.user = members.string("user")?;
    request.metadata = members.object("metadata")?;
    request.service_tier = members.string("service_tier")?;
    request.prompt_cache_key = members.string("prompt_cache_key")?;
    Ok(())
}

/// Takes out what asks for nothing that is not so anyway. What asks for more stays, and so is told as lost.
fn ignore_defaults(members: &mut Members<'_>) -> Result<(), Invalid> {
    if members.peek("store") == Some(&Value::Bool(false)) {
        members.bool("store")?;
    }
    if members.peek("truncation").and_then(Value::as_str) == Some("disabled") {
        members.string("truncation")?;
    }
    // Its one member asks for padding against listeners to the stream's rhythm.
    members.object("stream_options")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(request: &Value) -> Result<ChatRequest, Invalid> {
        read_request(request.to_string().as_bytes())
    }

    #[test]
    fn every_plain_member_finds_its_place() {
        let request = read(&json!({
            "model": "m", "instructions": "be brief", "input": "hi", "temperature": 0.5, "top_p": 1.0,
            "max_output_tokens": 64, "top_logprobs": 2, "parallel_tool_calls": false, "stream": true, "user": "u",
            "metadata": { "k": "v" }, "service_tier": "flex", "prompt_cache_key": "p", "safety_identifier": "s",
        }))
        .unwrap();
        let mut wanted = ChatRequest::new(Format::OpenAiResponses);
        wanted.messages = vec![
            Message::new(Role::System, vec![Part::text("be brief")]),
            Message::new(Role::User, vec![Part::text("hi")]),
        ];
        wanted.sampling.temperature = Some(serde_json::Number::from_f64(0.5).unwrap());
        wanted.sampling.top_p = Some(serde_json::Number::from_f64(1.0).unwrap());
        wanted.max_tokens = Some(64);
        wanted.logprobs = Some(true);
        wanted.top_logprobs = Some(2);
        wanted.parallel_tool_calls = Some(false);
        wanted.stream = true;
        wanted.include_usage = true;
        wanted.user = Some("u".into());
        wanted.metadata = json!({ "k": "v" }).as_object().cloned();
        wanted.service_tier = Some("flex".into());
        wanted.prompt_cache_key = Some("p".into());
        wanted.extra.insert("safety_identifier".into(), json!("s"));
        assert_eq!(request, wanted);
    }

    #[test]
    fn only_what_the_client_would_miss_is_left_over() {
        for (member, left) in [
            (json!({ "store": false }), vec![]),
            (json!({ "store": null }), vec![]),
            (json!({ "store": true }), vec!["store"]),
            (json!({ "truncation": "disabled" }), vec![]),
            (json!({ "truncation": "auto" }), vec!["truncation"]),
            (json!({ "background": false, "stream_options": { "include_obfuscation": false } }), vec![]),
            (json!({ "previous_response_id": null, "conversation": null, "prompt": null }), vec![]),
            (json!({ "include": ["reasoning.encrypted_content", "message.output_text.logprobs"] }), vec![]),
            (json!({ "include": ["file_search_call.results"] }), vec!["include"]),
            (json!({ "text": { "verbosity": "low" } }), vec!["text.verbosity"]),
            (json!({ "reasoning": { "effort": "low", "mode": "pro" } }), vec!["reasoning.mode"]),
            (json!({ "max_tool_calls": 3, "novelty": {} }), vec!["max_tool_calls", "novelty"]),
        ] {
            let mut request = member.clone();
            request["input"] = json!("hi");
            let extra = read(&request).unwrap().extra;
            assert_eq!(extra.keys().collect::<Vec<_>>(), left, "{member}");
        }
    }

    #[test]
    fn what_needs_memory_or_makes_no_sense_is_refused_by_name() {
        for (member, param) in [
            (json!({ "previous_response_id": "resp_1" }), "previous_response_id"),
            (json!({ "conversation": { "id": "c" } }), "conversation"),
            (json!({ "prompt": { "id": "p" } }), "prompt"),
            (json!({ "background": true }), "background"),
            (json!({ "input": null }), "input"),
            (json!({ "input": [] }), "input"),
            (json!({ "input": 7 }), "input"),
            (json!({ "input": [7] }), "input[0]"),
            (json!({ "input": [{ "type": "item_reference", "id": "x" }] }), "input[0]"),
            (json!({ "input": [{ "id": "x" }] }), "input[0]"),
            (json!({ "input": [{ "role": "tool", "content": "x" }] }), "input[0].role"),
            (json!({ "input": [{ "role": "user" }] }), "input[0].content"),
            (
                json!({ "input": [{ "role": "user", "content": [{ "type": "input_text" }] }] }),
                "input[0].content[0].text",
            ),
            (json!({ "input": [{ "type": "function_call", "name": "f", "arguments": "" }] }), "input[0].call_id"),
            (json!({ "input": [{ "type": "function_call_output", "call_id": "c" }] }), "input[0].output"),
            (json!({ "temperature": "hot" }), "temperature"),
            (json!({ "max_output_tokens": -1 }), "max_output_tokens"),
            (json!({ "tools": [{ "type": "function" }] }), "tools[0].name"),
            (json!({ "tools": [{ "name": "f" }] }), "tools[0].type"),
            (json!({ "tool_choice": "perhaps" }), "tool_choice"),
            (json!({ "text": { "format": { "type": "json_schema", "name": "n" } } }), "text.format.schema"),
            (json!({ "reasoning": { "effort": "huge" } }), "reasoning.effort"),
            (json!({ "include": "all" }), "include"),
        ] {
            let mut request = member.clone();
            if member.get("input").is_none() {
                request["input"] = json!("hi");
            }
            assert_eq!(read(&request).unwrap_err().param.as_deref(), Some(param), "{member}");
        }
        assert_eq!(read(&json!([])).unwrap_err().param, None);
    }
}
