//! Gemini's `generateContent`: no ids of calls, `STOP` also for calls, and streams whose lines end in CRLF.

use serde_json::{Value, json};

use super::{Finish, Scenario, pieces};

fn finish(scenario: &Scenario) -> &'static str {
    match scenario.finish {
        Finish::Stop | Finish::StopSequence | Finish::Tools => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered => "SAFETY",
    }
}

fn usage(scenario: &Scenario, whole: bool) -> Value {
    let spent = scenario.spent;
    let mut usage = json!({
        "promptTokenCount": spent.input, "totalTokenCount": spent.input + spent.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": spent.input}]
    });
    if spent.cached > 0 {
        usage["cachedContentTokenCount"] = spent.cached.into();
        usage["cacheTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": spent.cached}]);
    }
    if spent.reasoning > 0 {
        usage["thoughtsTokenCount"] = spent.reasoning.into();
    }
    if whole {
        usage["candidatesTokenCount"] = (spent.output - spent.reasoning).into();
    }
    usage
}

/// Calls, of which the first has the proof of all thoughts; where there is none, the last text has it.
fn calls(scenario: &Scenario) -> Vec<Value> {
    let mut calls: Vec<_> = scenario
        .calls
        .iter()
        .map(|call| {
            let args: Value = serde_json::from_str(call.arguments).expect("arguments are JSON");
            json!({"functionCall": {"name": call.name, "args": args}})
        })
        .collect();
    if let Some(first) = calls.first_mut().filter(|_| !scenario.signature.is_empty()) {
        first["thoughtSignature"] = scenario.signature.into();
    }
    calls
}

fn sign(part: &mut Value, scenario: &Scenario) {
    if !scenario.signature.is_empty() && scenario.calls.is_empty() {
        part["thoughtSignature"] = scenario.signature.into();
    }
}

fn document(scenario: &Scenario, parts: &[Value], last: bool) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if parts.is_empty() {
        candidate["content"] = json!({"role": "model"});
    }
    if last {
        candidate["finishReason"] = finish(scenario).into();
    }
    json!({
        "candidates": [candidate], "usageMetadata": usage(scenario, last), "modelVersion": "up-gemini-m-001",
        "responseId": "up-response"
    })
}

pub(super) fn whole(scenario: &Scenario) -> Value {
    let mut parts = Vec::new();
    if !scenario.reasoning.is_empty() {
        parts.push(json!({"text": scenario.reasoning, "thought": true}));
    }
    if !scenario.text.is_empty() {
        let mut part = json!({"text": scenario.text});
        sign(&mut part, scenario);
        parts.push(part);
    }
    parts.extend(calls(scenario));
    document(scenario, &parts, true)
}

pub(super) fn events(scenario: &Scenario) -> Vec<String> {
    let mut documents = Vec::new();
    for piece in pieces(scenario.reasoning, 2) {
        documents.push(document(scenario, &[json!({"text": piece, "thought": true})], false));
    }
    for piece in pieces(scenario.text, 4) {
        documents.push(document(scenario, &[json!({"text": piece})], false));
    }
    // Calls stand together or each in a chunk of its own, as it pleases.
    let calls = calls(scenario);
    for some in calls.chunks(if scenario.reasoning.is_empty() { 1 } else { 2 }) {
        documents.push(document(scenario, some, false));
    }
    let mut end = json!({"text": ""});
    sign(&mut end, scenario);
    documents.push(document(scenario, &[end], true));
    documents.iter().map(|document| format!("data: {document}\r\n\r\n")).collect()
}
