//! OpenAI's responses, of which every event passes as it is.

use serde_json::{Value, json};

use super::{Finish, Scenario, named, pieces};

fn response(scenario: &Scenario, status: &str, output: &[Value], usage: &Value) -> Value {
    let reason = match (status, scenario.finish) {
        ("incomplete", Finish::Length) => json!({"reason": "max_output_tokens"}),
        ("incomplete", _) => json!({"reason": "content_filter"}),
        _ => Value::Null,
    };
    json!({
        "id": "resp_up", "object": "response", "created_at": 1_750_000_000, "status": status, "error": null,
        "incomplete_details": reason, "instructions": null, "max_output_tokens": null, "model": "up-openai-m-2025",
        "output": output, "parallel_tool_calls": true, "previous_response_id": null, "store": true,
        "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "usage": usage, "metadata": {}
    })
}

fn usage(scenario: &Scenario) -> Value {
    let spent = scenario.spent;
    json!({
        "input_tokens": spent.input, "input_tokens_details": {"cached_tokens": spent.cached},
        "output_tokens": spent.output, "output_tokens_details": {"reasoning_tokens": spent.reasoning},
        "total_tokens": spent.input + spent.output
    })
}

fn status(scenario: &Scenario) -> &'static str {
    if matches!(scenario.finish, Finish::Length | Finish::Filtered) { "incomplete" } else { "completed" }
}

fn items(scenario: &Scenario) -> Vec<Value> {
    let mut items = Vec::new();
    if !scenario.reasoning.is_empty() {
        items.push(json!({
            "id": "rs_up", "type": "reasoning", "encrypted_content": scenario.signature,
            "summary": [{"type": "summary_text", "text": scenario.reasoning}]
        }));
    }
    let part = if scenario.refusal.is_empty() {
        json!({"type": "output_text", "annotations": [], "logprobs": [], "text": scenario.text})
    } else {
        json!({"type": "refusal", "refusal": scenario.refusal})
    };
    if scenario.calls.is_empty() || !scenario.text.is_empty() {
        let status = status(scenario);
        items
            .push(json!({"id": "msg_up", "type": "message", "status": status, "content": [part], "role": "assistant"}));
    }
    items.extend(scenario.calls.iter().enumerate().map(|(place, call)| {
        json!({
            "id": format!("fc_up{place}"), "type": "function_call", "status": "completed", "arguments": call.arguments,
            "call_id": call.id, "name": call.name
        })
    }));
    items
}

pub(crate) fn whole(scenario: &Scenario) -> Value {
    response(scenario, status(scenario), &items(scenario), &usage(scenario))
}

pub(crate) fn events(scenario: &Scenario) -> Vec<String> {
    let begun = response(scenario, "in_progress", &[], &Value::Null);
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    let items = items(scenario);
    for (index, item) in items.iter().enumerate() {
        let (begin, inside) = inside(item);
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": begin}));
        events.extend(inside.into_iter().map(|mut event| {
            event["item_id"] = item["id"].clone();
            event["output_index"] = index.into();
            event
        }));
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    let status = status(scenario);
    let end = response(scenario, status, &items, &usage(scenario));
    events.push(json!({"type": format!("response.{status}"), "response": end}));
    let number = |(number, mut event): (usize, Value)| {
        event["sequence_number"] = number.into();
        named(&event)
    };
    events.into_iter().enumerate().map(number).collect()
}

/// The item as it begins, and the events between its two ends.
fn inside(item: &Value) -> (Value, Vec<Value>) {
    let mut begin = item.clone();
    if item["type"] == "function_call" {
        begin["status"] = "in_progress".into();
        begin["arguments"] = "".into();
        let arguments = item["arguments"].as_str().expect("arguments are text");
        let mut events: Vec<_> = pieces(arguments, 4)
            .iter()
            .map(|piece| json!({"type": "response.function_call_arguments.delta", "delta": piece}))
            .collect();
        events.push(json!({"type": "response.function_call_arguments.done", "arguments": arguments}));
        return (begin, events);
    }
    let (list, place, part_name, text_name) = match item["type"].as_str() {
        Some("reasoning") => ("summary", "summary_index", "reasoning_summary_part", "reasoning_summary_text"),
        _ if item["content"][0]["type"] == "refusal" => ("content", "content_index", "content_part", "refusal"),
        _ => ("content", "content_index", "content_part", "output_text"),
    };
    begin[list] = json!([]);
    if list == "content" {
        begin["status"] = "in_progress".into();
    }
    let part = &item[list][0];
    let member = if text_name == "refusal" { "refusal" } else { "text" };
    let words = part[member].as_str().expect("parts have text");
    let mut empty = part.clone();
    empty[member] = "".into();
    let mut events = vec![json!({"type": format!("response.{part_name}.added"), "part": empty})];
    let delta = |piece: &String| json!({"type": format!("response.{text_name}.delta"), "delta": piece});
    events.extend(pieces(words, 4).iter().map(delta));
    events.push(json!({"type": format!("response.{text_name}.done"), member: words}));
    events.push(json!({"type": format!("response.{part_name}.done"), "part": part}));
    for event in &mut events {
        event[place] = 0.into();
    }
    (begin, events)
}
