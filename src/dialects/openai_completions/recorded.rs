//! Recorded exchanges, where they are at hand.

use serde_json::Value;

use super::read_request;
use crate::api::chat::{Content, Delta};
use crate::dialects::ReadEvents;
use crate::dialects::openai_chat::{judge, read_events};
use crate::dialects::recorded::{each_event, recordings};

#[test]
fn recorded_requests_are_read() {
    for (name, exchange) in recordings("openai-completions-") {
        let body = &exchange["request"]["body"];
        match (&body["prompt"], read_request(body.to_string().as_bytes())) {
            (Value::String(prompt), Ok(request)) => {
                let Content::Text { text, .. } = &request.messages[0].parts[0].content else { panic!("{name}") };
                assert_eq!(text, prompt, "{name}");
                let given = |member: &str| body.get(member).is_some_and(|value| !value.is_null());
                for member in ["suffix", "logprobs"] {
                    assert_eq!(request.extra.contains_key(member), given(member), "{name}");
                }
            }
            (Value::Array(_), Err(invalid)) => assert_eq!(invalid.param.as_deref(), Some("prompt"), "{name}"),
            // One of them asks for less than nothing.
            (_, Err(invalid)) => assert_eq!(invalid.param.as_deref(), Some("max_tokens"), "{name}"),
            (_, Ok(_)) => panic!("{name}"),
        }
    }
}

#[test]
fn recorded_answers_are_judged() {
    for (name, exchange) in recordings("openai-completions-") {
        let response = &exchange["response"];
        if response["status"] != 200 || !response["body"].is_object() {
            continue;
        }
        let judged = judge(response["body"].to_string().as_bytes()).unwrap();
        let choices = response["body"]["choices"].as_array().unwrap();
        assert_eq!(judged.complete, choices.iter().all(|choice| choice["finish_reason"] == "stop"), "{name}");
        let usage = judged.usage.expect("every one of them reports usage");
        assert_eq!(response["body"]["usage"]["total_tokens"], usage.input + usage.output, "{name}");
    }
}

#[test]
fn recorded_streams_are_judged() {
    for (name, exchange) in recordings("openai-completions-") {
        let response = &exchange["response"];
        let Some(stream) = response["sse_text"].as_str().filter(|_| response["status"] == 200) else { continue };
        let mut reader = read_events("id", 1);
        let mut deltas = Vec::new();
        each_event(stream, |event| reader.read(event, &mut deltas).unwrap());
        assert!(reader.is_whole(), "{name}");
        let chunks = stream.lines().filter_map(|line| line.strip_prefix("data: "));
        let chunks: Vec<Value> = chunks.filter_map(|data| serde_json::from_str(data).ok()).collect();
        let wanted: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
        let text = deltas.iter().filter_map(|delta| match delta {
            Delta::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(text.collect::<String>(), wanted, "{name}");
        let usage = deltas.iter().any(|delta| matches!(delta, Delta::Usage(_)));
        assert_eq!(usage, chunks.iter().any(|chunk| chunk["usage"].is_object()), "{name}");
        assert_eq!(deltas.iter().filter(|delta| matches!(delta, Delta::Finish { .. })).count(), 1, "{name}");
    }
}
