//! Anthropic's messages.

use serde_json::{Value, json};

use super::{Finish, Scenario, named, pieces};

fn finish(scenario: &Scenario) -> (&'static str, Option<&'static str>) {
    match scenario.finish {
        Finish::Stop => ("end_turn", None),
        Finish::StopSequence => ("stop_sequence", Some("END")),
        Finish::Length => ("max_tokens", None),
        Finish::Tools => ("tool_use", None),
        Finish::Filtered => ("refusal", None),
    }
}

/// Fresh input does not count what the cache gave.
fn usage(scenario: &Scenario, output: u64) -> Value {
    let spent = scenario.spent;
    json!({
        "input_tokens": spent.input - spent.cached, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": spent.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "service_tier": "standard"
    })
}

fn blocks(scenario: &Scenario) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !scenario.reasoning.is_empty() {
        blocks.push(json!({"type": "thinking", "thinking": scenario.reasoning, "signature": scenario.signature}));
    }
    if !scenario.text.is_empty() {
        blocks.push(json!({"type": "text", "text": scenario.text}));
    }
    blocks.extend(scenario.calls.iter().map(|call| {
        let input: Value = serde_json::from_str(call.arguments).expect("arguments are JSON");
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
    }));
    blocks
}

fn message(scenario: &Scenario) -> Value {
    let (reason, sequence) = finish(scenario);
    json!({
        "model": "up-anthropic-m-2025", "id": "msg_up", "type": "message", "role": "assistant",
        "content": blocks(scenario), "stop_reason": reason, "stop_sequence": sequence,
        "usage": usage(scenario, scenario.spent.output)
    })
}

pub(super) fn whole(scenario: &Scenario) -> Value {
    message(scenario)
}

pub(super) fn events(scenario: &Scenario) -> Vec<String> {
    let mut start = message(scenario);
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["stop_sequence"] = Value::Null;
    start["usage"] = usage(scenario, 1);
    let mut events = vec![named(&json!({"type": "message_start", "message": start}))];
    for (index, block) in blocks(scenario).into_iter().enumerate() {
        let (begin, deltas) = block_events(scenario, &block);
        events.push(named(&json!({"type": "content_block_start", "index": index, "content_block": begin})));
        if index == 0 {
            events.push("event: ping\ndata: {\"type\": \"ping\"}\n\n".to_owned());
        }
        let delta = |delta: &Value| named(&json!({"type": "content_block_delta", "index": index, "delta": delta}));
        events.extend(deltas.iter().map(delta));
        // As on the wire: objects are padded with blanks.
        events.push(format!(
            "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}     }}\n\n"
        ));
    }
    let (reason, sequence) = finish(scenario);
    events.push(named(&json!({
        "type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence},
        "usage": {"output_tokens": scenario.spent.output}
    })));
    events.push(named(&json!({"type": "message_stop"})));
    events
}

/// The block as it begins, and what is then added to it.
fn block_events(scenario: &Scenario, block: &Value) -> (Value, Vec<Value>) {
    match block["type"].as_str() {
        Some("thinking") => {
            let mut deltas: Vec<_> = pieces(scenario.reasoning, 3)
                .iter()
                .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
                .collect();
            deltas.push(json!({"type": "signature_delta", "signature": scenario.signature}));
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
        }
        Some("text") => {
            let delta = |piece: &String| json!({"type": "text_delta", "text": piece});
            (json!({"type": "text", "text": ""}), pieces(scenario.text, 5).iter().map(delta).collect())
        }
        _ => {
            let mut begin = block.clone();
            begin["input"] = json!({});
            let input = block["input"].to_string();
            let mut deltas = vec![json!({"type": "input_json_delta", "partial_json": ""})];
            if input != "{}" {
                let delta = |piece: &String| json!({"type": "input_json_delta", "partial_json": piece});
                deltas.extend(pieces(&input, 4).iter().map(delta));
            }
            (begin, deltas)
        }
    }
}
