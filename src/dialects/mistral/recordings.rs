//! What real exchanges say, read once more by hand and compared.

use serde_json::{Value, json};

use super::{adapt_answer, adapt_event, adapt_request, read_message};
use crate::dialects::recorded::{events, recordings, spoiled};

/// Text and reasoning of a message or delta, by hand.
fn said(message: &Value) -> (String, String) {
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut text, mut thoughts) = (words(&message["content"]), words(&message["reasoning_content"]));
    for chunk in message["content"].as_array().into_iter().flatten() {
        text += &words(&chunk["text"]);
        for inner in chunk["thinking"].as_array().into_iter().flatten() {
            thoughts += &words(&inner["text"]);
        }
    }
    (text, thoughts)
}

/// The document as it is after adapting, which must have OpenAI's form and say what it said.
fn check(name: &str, document: &str, adapted: Option<Vec<u8>>, member: &str) -> bool {
    let before: Value = serde_json::from_str(document).unwrap();
    let Some(adapted) = adapted else {
        assert!(!before["choices"][0][member]["content"].is_array(), "{name}");
        return false;
    };
    let after: Value = serde_json::from_slice(&adapted).unwrap();
    for (index, choice) in before["choices"].as_array().unwrap().iter().enumerate() {
        let adapted = &after["choices"][index];
        assert!(adapted[member]["content"].is_string() || adapted[member]["content"].is_null(), "{name}");
        assert_eq!(said(&adapted[member]), said(&choice[member]), "{name}");
        assert_eq!(adapted["finish_reason"], choice["finish_reason"], "{name}");
        let calls = |choice: &Value| -> Vec<Value> {
            let calls = choice[member]["tool_calls"].as_array().into_iter().flatten();
            calls.flat_map(|call| [call["id"].clone(), call["function"].clone()]).collect()
        };
        assert_eq!(calls(adapted), calls(choice), "{name}");
    }
    assert_eq!(after["usage"], before["usage"], "{name}");
    true
}

#[test]
fn recorded_exchanges_keep_what_they_say() {
    let (mut count, mut adapted) = (0, 0);
    for (name, recording) in recordings("mistral-chat-completions") {
        count += 1;
        let sent = recording["request"]["body"].to_string();
        assert_eq!(adapt_request(sent.as_bytes()), Ok(None), "{name}");
        let response = &recording["response"];
        if response["status"] != 200 {
            assert!(read_message(&response["body"]).is_some(), "{name}");
            continue;
        }
        if response["sse_text"].is_null() {
            let body = response["body"].to_string();
            adapted += usize::from(check(&name, &body, adapt_answer(body.as_bytes()), "message"));
        }
        for data in events(&recording).iter().filter(|data| *data != "[DONE]") {
            adapted += usize::from(check(&name, data, adapt_event(data.as_bytes()), "delta"));
        }
    }
    assert!(count == 0 || (count >= 29 && adapted > 10), "{count} recordings, {adapted} adapted");
}

/// Why Mistral would refuse the request, as far as `../shared/tools/replay.py` knows.
fn refused(body: &Value) -> Option<String> {
    const KNOWN: &str = "frequency_penalty guardrails logprobs max_tokens messages metadata min_tokens model n \
        parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_logprobs prompt_mode random_seed \
        reasoning_effort repetition_penalty response_format safe_prompt service_tier stop stream temperature tool_choice \
        tools top_k top_logprobs top_p top_prompt_logprobs";
    let unknown = body.as_object()?.keys().find(|name| !KNOWN.split_whitespace().any(|known| known == *name));
    if let Some(name) = unknown {
        return Some(format!("unknown field: {name}"));
    }
    if body["temperature"].as_f64().is_some_and(|temperature| !(0.0..=1.5).contains(&temperature)) {
        return Some("temperature".into());
    }
    let mut open: Vec<&Value> = Vec::new();
    for message in body["messages"].as_array()? {
        match message["role"].as_str() {
            Some("tool") => match open.iter().position(|id| **id == message["tool_call_id"]) {
                Some(at) => drop(open.remove(at)),
                None => return Some("a result without its call".into()),
            },
            Some("system" | "user" | "assistant") if open.is_empty() => {
                open.extend(message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["id"]));
            }
            role => return Some(format!("role {role:?}")),
        }
    }
    None
}

#[test]
fn recorded_requests_to_openai_are_adapted() {
    let mut adapted = 0;
    for prefix in ["openai-chat-completions", "groq-chat-completions", "openrouter-chat", "deepseek-chat", "azure-chat"]
    {
        for (name, recording) in recordings(prefix) {
            let body = &recording["request"]["body"];
            if body["messages"].is_null() {
                continue;
            }
            let sent = match adapt_request(body.to_string().as_bytes()).unwrap() {
                Some((sent, _)) => serde_json::from_slice(&sent).unwrap(),
                None => body.clone(),
            };
            assert_eq!(refused(&sent), None, "{name}");
            assert_eq!(adapt_request(sent.to_string().as_bytes()), Ok(None), "{name}: adapted twice");
            adapted += usize::from(sent != *body);
        }
    }
    assert!(adapted == 0 || adapted > 30, "{adapted}");
}

#[test]
fn nothing_makes_adapting_panic_and_no_request_is_adapted_twice() {
    let request = json!({"model": "m", "temperature": 1.7, "seed": 1, "tool_choice": {"type": "allowed_tools"}, "n": 1,
    "tools": [{"type": "function", "function": {"name": "f", "strict": null}}], "prediction": {"content": [{"text": "a"}]},
    "messages": [
        {"role": "developer", "content": [{"type": "text", "text": "a", "x": 1}, {"type": "file", "file": {"file_data": "data:"}}]},
        {"role": "assistant", "refusal": "a", "tool_calls": [{"id": "b", "custom": {"name": "f", "input": "a"}, "x": null}]},
        {"role": "tool", "tool_call_id": "b", "content": "c"},
        {"role": "assistant", "function_call": {"name": "f"}},
    ]});
    for spoiled in spoiled(&request) {
        if let Ok(Some((sent, _))) = adapt_request(spoiled.to_string().as_bytes()) {
            assert_eq!(adapt_request(&sent), Ok(None), "{spoiled}");
        }
    }
    let answer = |member: &str| {
        json!({"choices": [{"finish_reason": "model_length", member: {"content": [
        {"type": "thinking", "thinking": [{"text": "a"}]}, {"type": "text", "text": "b"}], "tool_calls": [{"id": "a"}]}}]})
    };
    for spoiled in [spoiled(&answer("message")), spoiled(&answer("delta"))].concat() {
        for adapt in [adapt_answer, adapt_event] {
            let adapted = adapt(spoiled.to_string().as_bytes());
            assert!(adapted.is_none_or(|adapted| adapt(&adapted).is_none()), "{spoiled}");
        }
    }
}
