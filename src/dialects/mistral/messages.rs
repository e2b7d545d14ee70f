//! The messages: roles, members, ids, and their order, as Mistral's validator wants them.
//! <https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/validator.py>

use serde_json::{Map, Value, json};

use super::Changes;
use super::ids::shorten;
use super::parts::adapt_parts;
use crate::api::chat::Field;
use crate::dialects::extra;

pub(super) fn adapt_messages(messages: &mut Vec<Value>, changes: &mut Changes) {
    let mut adapted = Vec::with_capacity(messages.len());
    let mut before = String::new();
    let mut functions = 0;
    for mut message in messages.drain(..) {
        if let Value::Object(message) = &mut message {
            legacy(message, &mut functions, changes);
            if says_nothing(message) {
                changes.made();
                continue;
            }
            let role = adapt_role(message, &before, changes);
            if before == "tool" && role == "user" {
                // "Unexpected role 'user' after role 'tool'": somebody has to answer first. pydantic-ai has it say the same.
                adapted.push(json!({"role": "assistant", "content": "OK"}));
                changes.made();
            }
            adapt_message(message, &role, changes);
            before = role;
        }
        adapted.push(message);
    }
    continue_last(&mut adapted, changes);
    *messages = adapted;
}

/// OpenAI's `function_call` and its result, of the time before tools. A result follows its call.
fn legacy(message: &mut Map<String, Value>, functions: &mut usize, changes: &mut Changes) {
    let id = |number: usize| shorten(&format!("function_call_{number}"));
    if message.get("role").is_some_and(|role| role == "function") {
        message.insert("role".into(), "tool".into());
        message.insert("tool_call_id".into(), id(*functions).into());
        changes.made();
    }
    if let Some(Value::Object(function)) = message.get_mut("function_call").map(Value::take) {
        *functions += 1;
        message.insert("tool_calls".into(), json!([{"id": id(*functions), "type": "function", "function": function}]));
        changes.made();
    }
}

/// "Assistant message must have either content or tool_calls, but not none."
fn says_nothing(message: &Map<String, Value>) -> bool {
    let is_empty = |name: &str| match message.get(name) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    message.get("role").is_some_and(|role| role == "assistant")
        && ["content", "tool_calls", "refusal"].into_iter().all(is_empty)
}

/// The role that the message gets.
fn adapt_role(message: &mut Map<String, Value>, before: &str, changes: &mut Changes) -> String {
    let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
    let adapted = match role {
        // "Unexpected role 'system' after role 'assistant'"
        "developer" | "system" if matches!(before, "assistant" | "tool") => {
            changes.approximated(Field::Extra("messages.role".into()));
            "user"
        }
        "developer" => {
            changes.made();
            "system"
        }
        _ => return role.to_owned(),
    };
    message.insert("role".into(), adapted.into());
    adapted.to_owned()
}

fn adapt_message(message: &mut Map<String, Value>, role: &str, changes: &mut Changes) {
    let empty = message.get("content").is_none_or(|content| content.is_null() || content == "");
    if let (true, Some(Value::String(refusal))) = (empty, message.get_mut("refusal").map(Value::take)) {
        message.insert("content".into(), refusal.into());
        changes.made();
    }
    let known: &[&str] = match role {
        "system" | "user" => &["role", "content"],
        "assistant" => &["role", "content", "tool_calls", "prefix"],
        "tool" => &["role", "content", "tool_call_id", "name"],
        _ => return,
    };
    message.retain(|name, value| {
        let keep = known.contains(&name.as_str());
        match name.as_str() {
            _ if keep => {}
            _ if value.is_null() => changes.made(),
            "reasoning" | "reasoning_content" | "reasoning_details" | "thinking_blocks" if role == "assistant" => {
                changes.dropped(Field::Reasoning);
            }
            _ if role == "assistant" && extra::is_echo(name) => changes.made(),
            "name" => changes.dropped(Field::Name),
            "cache_control" => changes.dropped(Field::CacheHint),
            _ => changes.dropped(Field::Extra(name.clone())),
        }
        keep
    });
    if let Some(Value::Array(parts)) = message.get_mut("content") {
        adapt_parts(parts, changes);
    }
    if let Some(id) = message.get_mut("tool_call_id") {
        adapt_id(id, changes);
    }
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(call) = call {
            adapt_call(call, changes);
        }
    }
}

fn adapt_id(id: &mut Value, changes: &mut Changes) {
    if let Some(short) = id.as_str().and_then(shorten) {
        *id = short.into();
        changes.made();
    }
}

fn adapt_call(call: &mut Map<String, Value>, changes: &mut Changes) {
    if let Some(custom) = call.shift_remove("custom") {
        changes.approximated(Field::Tools);
        let arguments = json!({"input": custom["input"]}).to_string();
        call.insert("type".into(), "function".into());
        call.insert("function".into(), json!({"name": custom["name"], "arguments": arguments}));
    }
    if let Some(id) = call.get_mut("id") {
        adapt_id(id, changes);
    }
    call.retain(|name, value| {
        let keep = matches!(name.as_str(), "id" | "type" | "function" | "index");
        match name.as_str() {
            _ if keep => {}
            _ if value.is_null() => changes.made(),
            "extra_content" if value.pointer("/google/thought_signature").is_some() => {
                changes.dropped(Field::Reasoning);
            }
            _ if extra::is_echo(name) => changes.made(),
            _ => changes.dropped(Field::Extra(name.clone())),
        }
        keep
    });
}

/// "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
fn continue_last(messages: &mut [Value], changes: &mut Changes) {
    let [_, .., Value::Object(last)] = messages else { return };
    let calls = last.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty());
    let says = last.get("content").is_some_and(|content| !content.is_null() && content != "");
    let is_assistant = last.get("role").is_some_and(|role| role == "assistant");
    if is_assistant && says && !calls && last.get("prefix") != Some(&Value::Bool(true)) {
        last.insert("prefix".into(), true.into());
        changes.made();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapt(messages: Value) -> (Vec<Value>, Vec<Field>) {
        let Value::Array(mut messages) = messages else { panic!("no messages") };
        let mut changes = Changes::default();
        adapt_messages(&mut messages, &mut changes);
        (messages, changes.losses.iter().map(|loss| loss.field.clone()).collect())
    }

    #[test]
    fn ids_of_calls_and_results_stay_the_same_as_each_other() {
        let call = |id| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let (messages, lost) = adapt(json!([
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": null, "tool_calls": [call("call_1"), call("abcdefgh9")]},
            {"role": "tool", "tool_call_id": "call_1", "content": "1"},
            {"role": "tool", "tool_call_id": "abcdefgh9", "content": "2"},
        ]));
        assert_eq!(messages[1]["tool_calls"][0]["id"], messages[2]["tool_call_id"]);
        assert_eq!(messages[2]["tool_call_id"].as_str().unwrap().len(), 9);
        assert_eq!(messages[3]["tool_call_id"], "abcdefgh9");
        assert_eq!(lost, []);
    }

    #[test]
    fn an_answer_sent_back_loses_its_echoes_in_silence_but_not_its_reasoning() {
        let (messages, lost) = adapt(json!([
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": "x", "name": "bob"},
            {"role": "assistant", "content": "y", "refusal": null, "annotations": [], "reasoning_content": "hm", "vendor": 1},
            {"role": "user", "content": "z"},
        ]));
        assert_eq!(messages[0], json!({"role": "system", "content": "be brief"}));
        assert_eq!(messages[2], json!({"role": "assistant", "content": "y"}));
        assert_eq!(lost, [Field::Name, Field::Reasoning, Field::Extra("vendor".into())]);
    }

    #[test]
    fn the_order_is_one_that_mistral_takes() {
        let (messages, lost) = adapt(json!([
            {"role": "user", "content": "x"},
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
            {"role": "assistant", "content": "", "reasoning_content": "hm"},
            {"role": "user", "content": "y"},
            {"role": "assistant", "content": null, "refusal": "no"},
            {"role": "system", "content": "be brief"},
            {"role": "assistant", "content": "Sure: "},
        ]));
        let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant", "tool", "assistant", "user", "assistant", "user", "assistant"]);
        assert_eq!(messages[1]["tool_calls"][0]["id"], messages[2]["tool_call_id"]);
        assert_eq!((&messages[5]["content"], &messages[7]["prefix"]), (&json!("no"), &json!(true)));
        assert_eq!(lost, [Field::Extra("messages.role".into())]);
    }
}
