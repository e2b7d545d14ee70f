//! OpenAI's chat completions, and Mistral's way with them.

use serde_json::{Value, json};

use super::scenario::Call;
use super::{Finish, Manner, Scenario, data, pieces};

fn finish(scenario: &Scenario) -> &'static str {
    match scenario.finish {
        Finish::Stop | Finish::StopSequence => "stop",
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

fn usage(scenario: &Scenario) -> Value {
    let spent = scenario.spent;
    json!({
        "prompt_tokens": spent.input, "completion_tokens": spent.output, "total_tokens": spent.input + spent.output,
        "prompt_tokens_details": {"cached_tokens": spent.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": spent.reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0
        }
    })
}

fn call(scenario: &Scenario, call: &Call, arguments: &str) -> Value {
    let mut written =
        json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}});
    if scenario.manner == Manner::WithoutIds {
        written["id"] = Value::Null;
    }
    written
}

fn text(scenario: &Scenario) -> Value {
    let silent = scenario.text.is_empty() && (!scenario.calls.is_empty() || !scenario.refusal.is_empty());
    if silent { Value::Null } else { scenario.text.into() }
}

pub(super) fn whole(scenario: &Scenario) -> Value {
    let refusal = Some(scenario.refusal).filter(|refusal| !refusal.is_empty());
    let mut message = json!({
        "role": "assistant", "content": text(scenario), "refusal": refusal, "annotations": []
    });
    if !scenario.reasoning.is_empty() {
        message["reasoning_content"] = scenario.reasoning.into();
    }
    if !scenario.calls.is_empty() {
        message["tool_calls"] = scenario.calls.iter().map(|one| call(scenario, one, one.arguments)).collect();
    }
    json!({
        "id": "chatcmpl-up", "object": "chat.completion", "created": 1_750_000_000, "model": "up-openai-m-2025",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(scenario)}],
        "usage": usage(scenario), "service_tier": "default", "system_fingerprint": "fp_up"
    })
}

pub(super) fn events(scenario: &Scenario, include_usage: bool) -> Vec<String> {
    let chunk = |choices: Value, found: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1_750_000_000,
            "model": "up-openai-m-2025", "service_tier": "default", "system_fingerprint": "fp_up", "choices": choices
        });
        if include_usage {
            chunk["usage"] = found;
        }
        data(&chunk)
    };
    let choice = |delta: &Value, finish: Option<&str>| {
        let choice = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        chunk(choice, Value::Null)
    };
    let text = text(scenario);
    let first = if text.is_null() { text } else { "".into() };
    let mut deltas = vec![json!({"role": "assistant", "content": first, "refusal": null})];
    deltas.extend(pieces(scenario.reasoning, 3).iter().map(|piece| json!({"reasoning_content": piece})));
    deltas.extend(pieces(scenario.text, 5).iter().map(|piece| json!({"content": piece})));
    deltas.extend(pieces(scenario.refusal, 2).iter().map(|piece| json!({"refusal": piece})));
    deltas.extend(calls(scenario).iter().map(|call| json!({"tool_calls": [call]})));
    let mut events: Vec<_> = deltas.iter().map(|delta| choice(delta, None)).collect();
    events.push(choice(&json!({}), Some(finish(scenario))));
    if include_usage {
        events.push(chunk(json!([]), usage(scenario)));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The pieces of all calls, in the order in which they are streamed.
fn calls(scenario: &Scenario) -> Vec<Value> {
    let at = |index: usize, mut call: Value| {
        call["index"] = index.into();
        call
    };
    let calls = scenario.calls.iter().enumerate();
    if matches!(scenario.manner, Manner::IndexZero | Manner::WithoutIds) {
        let index = |place| if scenario.manner == Manner::IndexZero { 0 } else { place };
        return calls.map(|(place, one)| at(index(place), call(scenario, one, one.arguments))).collect();
    }
    let begin = |(index, one)| at(index, call(scenario, one, ""));
    let rows = |(index, one): (usize, &Call)| {
        let piece = move |piece: &String| at(index, json!({"function": {"arguments": piece}}));
        pieces(one.arguments, 4).iter().map(piece).collect::<Vec<_>>()
    };
    if scenario.manner == Manner::InTurn {
        return calls.flat_map(|(index, one)| [vec![begin((index, one))], rows((index, one))].concat()).collect();
    }
    let mut mixed: Vec<_> = calls.clone().map(begin).collect();
    let rows: Vec<_> = calls.map(rows).collect();
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    for place in 0..longest {
        mixed.extend(rows.iter().filter_map(|row| row.get(place).cloned()));
    }
    mixed
}

/// Mistral's ids are nine letters and digits.
fn mistral_call(place: usize, one: &Call) -> Value {
    json!({
        "id": one.id.replace('_', "AB"), "function": {"name": one.name, "arguments": one.arguments}, "index": place
    })
}

fn mistral_usage(scenario: &Scenario) -> Value {
    let spent = scenario.spent;
    json!({
        "prompt_tokens": spent.input, "completion_tokens": spent.output, "total_tokens": spent.input + spent.output,
        "num_cached_tokens": spent.cached, "prompt_tokens_details": {"cached_tokens": spent.cached},
        "service_tier": "default"
    })
}

fn thought(text: &str) -> Value {
    json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]})
}

pub(super) fn mistral_whole(scenario: &Scenario) -> Value {
    let mut content = Value::from(scenario.text);
    if !scenario.reasoning.is_empty() {
        content = json!([thought(scenario.reasoning), {"type": "text", "text": scenario.text}]);
        content[0]["closed"] = true.into();
    }
    let calls: Vec<_> = scenario.calls.iter().enumerate().map(|(place, one)| mistral_call(place, one)).collect();
    let calls = Some(calls).filter(|calls| !calls.is_empty());
    json!({
        "id": "5f0c1f2e", "created": 1_750_000_000, "model": "up-mistral-m", "usage": mistral_usage(scenario),
        "object": "chat.completion", "choices": [{
            "index": 0, "finish_reason": finish(scenario),
            "message": {"role": "assistant", "tool_calls": calls, "content": content}
        }]
    })
}

pub(super) fn mistral_events(scenario: &Scenario) -> Vec<String> {
    let chunk = |delta: &Value, finish: Option<&str>| {
        json!({
            "id": "5f0c1f2e", "object": "chat.completion.chunk", "created": 1_750_000_000, "model": "up-mistral-m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "p": "abcdef"
        })
    };
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    deltas.extend(pieces(scenario.reasoning, 3).iter().map(|piece| json!({"content": [thought(piece)]})));
    deltas.extend(pieces(scenario.text, 5).iter().map(|piece| json!({"content": piece})));
    let calls: Vec<_> = scenario.calls.iter().enumerate().map(|(place, one)| mistral_call(place, one)).collect();
    // The last chunk has all of the calls, the reason and the usage.
    let mut last = json!({"content": ""});
    if !calls.is_empty() {
        last["tool_calls"] = calls.into();
    }
    let mut last = chunk(&last, Some(finish(scenario)));
    last["usage"] = mistral_usage(scenario);
    let mut events: Vec<_> = deltas.iter().map(|delta| data(&chunk(delta, None))).collect();
    events.extend([data(&last), "data: [DONE]\n\n".to_owned()]);
    events
}
