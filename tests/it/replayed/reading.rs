//! What a recorded answer says, read from the recording with nothing of the gateway's.

use serde_json::{Value, json};

use crate::grammar::{Said, Tokens, Tool};
use crate::harness::Recording;

/// What a client of OpenAI's door should hear. `None`: the recording is no answer.
pub(super) fn read(recording: &Recording) -> Option<Said> {
    let documents = documents(recording);
    match &*recording.endpoint {
        "messages" => anthropic(&documents),
        "generateContent" | "streamGenerateContent" => gemini(&documents),
        "v2.chat" => cohere(&documents),
        _ => None,
    }
}

/// The events of a stream, or the whole answer as the only one.
fn documents(recording: &Recording) -> Vec<Value> {
    if recording.is_stream() {
        let text = recording.stream().replace('\r', "");
        return text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()).collect();
    }
    let body = match recording.response["body_text"].as_str() {
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => recording.response["body"].clone(),
    };
    match body {
        Value::Array(documents) => documents,
        document => vec![document],
    }
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn count(value: &Value) -> u64 {
    value.as_u64().or(value.as_f64().map(|count| count as u64)).unwrap_or(0)
}

fn members(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Blocks of a whole message, or of one put together from a stream.
fn anthropic(documents: &[Value]) -> Option<Said> {
    let mut message = documents.first()?.clone();
    if message["type"] == "message_start" {
        message = message["message"].take();
        let mut inputs = Vec::new();
        for event in &documents[1..] {
            let index = count(&event["index"]) as usize;
            let delta = &event["delta"];
            match words(&event["type"]) {
                "content_block_start" => {
                    message["content"].as_array_mut()?.push(event["content_block"].clone());
                    inputs.push(String::new());
                }
                "content_block_delta" => {
                    inputs[index] += words(&delta["partial_json"]);
                    for name in ["text", "thinking", "signature"] {
                        if let Some(more) = delta[name].as_str() {
                            let text = words(&message["content"][index][name]).to_owned() + more;
                            message["content"][index][name] = text.into();
                        }
                    }
                }
                "content_block_stop" if !inputs[index].is_empty() => {
                    message["content"][index]["input"] = serde_json::from_str(&inputs[index]).ok()?;
                }
                "message_delta" => {
                    message["stop_reason"] = delta["stop_reason"].clone();
                    for (name, value) in event["usage"].as_object()? {
                        message["usage"][name] = value.clone();
                    }
                }
                _ => {}
            }
        }
    }
    (message["type"] == "message").then(|| anthropic_message(&message))
}

fn anthropic_message(message: &Value) -> Said {
    let mut said = Said::default();
    for block in members(&message["content"]) {
        match words(&block["type"]) {
            "text" => said.text += words(&block["text"]),
            "thinking" => {
                said.reasoning += words(&block["thinking"]);
                said.signatures.push(words(&block["signature"]).to_owned());
            }
            "redacted_thinking" => said.signatures.push(words(&block["data"]).to_owned()),
            "tool_use" => said.tools.push(Tool {
                id: words(&block["id"]).to_owned(),
                name: words(&block["name"]).to_owned(),
                arguments: block["input"].to_string(),
            }),
            _ => {}
        }
    }
    said.finish = match words(&message["stop_reason"]) {
        "max_tokens" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        _ => "stop",
    }
    .to_owned();
    let usage = &message["usage"];
    let cached = count(&usage["cache_read_input_tokens"]);
    let input = count(&usage["input_tokens"]) + cached + count(&usage["cache_creation_input_tokens"]);
    said.usage = Some(Tokens { input, output: count(&usage["output_tokens"]), cached });
    said
}

fn gemini(documents: &[Value]) -> Option<Said> {
    let mut said = Said::default();
    let mut reason = None;
    for document in documents {
        let candidate = &document["candidates"][0];
        for part in members(&candidate["content"]["parts"]) {
            let text = words(&part["text"]);
            if part["thought"] == true {
                said.reasoning += text
            } else {
                said.text += text
            }
            let call = &part["functionCall"];
            // Parts of Gemini's own, such as its server's tools, have no place in OpenAI's format.
            let known = call.is_object() || part["text"].is_string();
            said.signatures.extend(part["thoughtSignature"].as_str().filter(|_| known).map(str::to_owned));
            if call.is_object() {
                let arguments =
                    Some(&call["args"]).filter(|args| args.is_object()).cloned().unwrap_or_else(|| json!({}));
                let name = words(&call["name"]).to_owned();
                said.tools.push(Tool { id: words(&call["id"]).to_owned(), name, arguments: arguments.to_string() });
            }
        }
        reason = candidate["finishReason"].as_str().or(reason);
        let usage = &document["usageMetadata"];
        if usage.is_object() {
            said.usage = Some(Tokens {
                input: count(&usage["promptTokenCount"]) + count(&usage["toolUsePromptTokenCount"]),
                output: count(&usage["candidatesTokenCount"]) + count(&usage["thoughtsTokenCount"]),
                cached: count(&usage["cachedContentTokenCount"]),
            });
        }
    }
    said.finish = match reason? {
        "STOP" if !said.tools.is_empty() => "tool_calls",
        "STOP" => "stop",
        "MAX_TOKENS" => "length",
        _ => "content_filter",
    }
    .to_owned();
    Some(said)
}

fn cohere(documents: &[Value]) -> Option<Said> {
    let mut said = Said::default();
    let last = documents.last()?;
    let end = if documents.len() > 1 { &last["delta"] } else { last };
    for document in documents {
        let message = if documents.len() > 1 { &document["delta"]["message"] } else { &document["message"] };
        // What it says before it calls tools; nothing that it hides.
        said.text += words(&message["tool_plan"]);
        let streamed = message["content"].as_object().map(|_| &message["content"]);
        for part in members(&message["content"]).chain(streamed) {
            said.text += words(&part["text"]);
            said.reasoning += words(&part["thinking"]);
        }
        let streamed = message["tool_calls"].as_object().map(|_| &message["tool_calls"]);
        for call in members(&message["tool_calls"]).chain(streamed) {
            if let Some(id) = call["id"].as_str() {
                said.tools.push(Tool {
                    id: id.to_owned(),
                    name: words(&call["function"]["name"]).to_owned(),
                    arguments: String::new(),
                });
            }
            said.tools.last_mut()?.arguments += words(&call["function"]["arguments"]);
        }
    }
    said.finish = match words(&end["finish_reason"]) {
        "COMPLETE" | "STOP_SEQUENCE" => "stop",
        "MAX_TOKENS" => "length",
        "TOOL_CALL" => "tool_calls",
        _ => return None,
    }
    .to_owned();
    // What is billed: `tokens` counts what Cohere puts around the prompt, and the cache changes no price.
    let billed = &end["usage"]["billed_units"];
    said.usage =
        Some(Tokens { input: count(&billed["input_tokens"]), output: count(&billed["output_tokens"]), cached: 0 });
    Some(said)
}
