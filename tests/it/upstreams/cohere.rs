//! Cohere's v2 chat.

use serde_json::{Value, json};

use super::{Finish, Scenario, named, pieces};

fn finish(scenario: &Scenario) -> &'static str {
    match scenario.finish {
        Finish::Stop => "COMPLETE",
        Finish::StopSequence => "STOP_SEQUENCE",
        Finish::Length => "MAX_TOKENS",
        Finish::Tools => "TOOL_CALL",
        Finish::Filtered => "ERROR",
    }
}

fn usage(scenario: &Scenario) -> Value {
    let spent = scenario.spent;
    json!({
        "billed_units": {"input_tokens": spent.input, "output_tokens": spent.output},
        "tokens": {"input_tokens": spent.input, "output_tokens": spent.output, "reasoning_tokens": spent.reasoning},
        "cached_tokens": spent.cached
    })
}

pub(super) fn whole(scenario: &Scenario) -> Value {
    let mut message = json!({"role": "assistant"});
    let mut content = Vec::new();
    if !scenario.reasoning.is_empty() {
        content.push(json!({"type": "thinking", "thinking": scenario.reasoning}));
    }
    if !scenario.text.is_empty() {
        content.push(json!({"type": "text", "text": scenario.text}));
    }
    if !content.is_empty() {
        message["content"] = content.into();
    }
    if !scenario.calls.is_empty() {
        message["tool_calls"] = scenario
            .calls
            .iter()
            .map(|call| {
                json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
            })
            .collect();
    }
    json!({"id": "up-generation", "message": message, "finish_reason": finish(scenario), "usage": usage(scenario)})
}

pub(super) fn events(scenario: &Scenario) -> Vec<String> {
    let empty = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let mut events = vec![named(&json!({"id": "up-generation", "type": "message-start", "delta": {"message": empty}}))];
    let mut index = 0;
    for (kind, words) in [("thinking", scenario.reasoning), ("text", scenario.text)] {
        if words.is_empty() {
            continue;
        }
        let content = |kind: &str, content: &Value| {
            named(&json!({"type": kind, "index": index, "delta": {"message": {"content": content}}}))
        };
        events.push(content("content-start", &json!({"type": kind, kind: ""})));
        events.extend(pieces(words, 4).iter().map(|piece| content("content-delta", &json!({kind: piece}))));
        events.push(named(&json!({"type": "content-end", "index": index})));
        index += 1;
    }
    for (index, call) in scenario.calls.iter().enumerate() {
        let tool = |kind: &str, tool: &Value| {
            named(&json!({"type": kind, "index": index, "delta": {"message": {"tool_calls": tool}}}))
        };
        let function = json!({"name": call.name, "arguments": ""});
        events.push(tool("tool-call-start", &json!({"id": call.id, "type": "function", "function": function})));
        let delta = |piece: &String| tool("tool-call-delta", &json!({"function": {"arguments": piece}}));
        events.extend(pieces(call.arguments, 4).iter().map(delta));
        events.push(named(&json!({"type": "tool-call-end", "index": index})));
    }
    let delta = json!({"finish_reason": finish(scenario), "usage": usage(scenario)});
    events.push(named(&json!({"type": "message-end", "delta": delta})));
    events.push("data: [DONE]\n\n".to_owned());
    events
}
