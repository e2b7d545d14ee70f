//! Every recorded exchange with Anthropic, against a reading that shares nothing with the codec.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::testing::assemble;
use super::{read_answer, read_events, read_request, write_answer, write_events, write_request};
use crate::api::Usage;
use crate::api::chat::{ChatRequest, Content, Delta, Format};
use crate::dialects::codec::{Heading, ReadEvents, Target, WriteEvents};
use crate::dialects::sse::Event;

fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traffic").join(name);
    if !folder.is_dir() {
        eprintln!("skipped: there is no {}", folder.display());
        return None;
    }
    Some(folder)
}

fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let read = |path: PathBuf| {
        let document = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), document)
    };
    files.into_iter().filter(json).map(read).collect()
}

fn recordings() -> Option<Vec<(String, Value)>> {
    let ours = |(_, recording): &(String, Value)| {
        recording["provider"] == "anthropic" && recording["endpoint"].as_str().unwrap().starts_with("messages")
    };
    Some(documents(&folder("dev")?).into_iter().filter(ours).collect())
}

/// What the client must see of a message, with everything left out that the common form does not keep.
fn essence(message: &Value) -> Value {
    let mut content = Vec::new();
    for block in message["content"].as_array().unwrap() {
        let mut block = block.clone();
        let members = block.as_object_mut().unwrap();
        match members["type"].as_str().unwrap() {
            "text" if members["text"] == "" => continue,
            "text" => {
                members.retain(|name, value| name != "citations" || value.as_array().is_some_and(|a| !a.is_empty()))
            }
            "tool_use" => drop(members.remove("caller")),
            _ => {}
        }
        content.push(block);
    }
    let usage = &message["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    json!({
        "content": content,
        "model": message["model"],
        "stop_reason": message["stop_reason"],
        "stop_sequence": message["stop_sequence"],
        "usage": [count("input_tokens"), count("cache_creation_input_tokens"), count("cache_read_input_tokens"),
            count("output_tokens")],
    })
}

fn check_usage(usage: Usage, message: &Value) {
    let count = |name: &str| message["usage"][name].as_u64().unwrap_or(0);
    let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    assert_eq!(usage.input, count("input_tokens") + read + written);
    assert_eq!((usage.cached, usage.cache_write, usage.output), (read, written, count("output_tokens")));
}

fn heading() -> Heading {
    Heading { id: "x".into(), created: 0, model: "nobody".into(), include_usage: true }
}

fn check_deltas(deltas: &[Delta], message: &Value) {
    let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::<(String, String, String)>::new());
    for delta in deltas {
        match delta {
            Delta::Text { text: more, .. } => text.push_str(more),
            Delta::Reasoning { text: more, .. } => thinking.push_str(more),
            Delta::ToolCall { call, id, name, .. } => {
                assert_eq!(*call as usize, calls.len());
                calls.push((id.clone(), name.clone(), String::new()));
            }
            Delta::Arguments { call, text, .. } => calls[*call as usize].2.push_str(text),
            _ => {}
        }
    }
    let all = |kind: &str, member: &str| -> String {
        let blocks = message["content"].as_array().unwrap().iter().filter(|block| block["type"] == kind);
        blocks.map(|block| block[member].as_str().unwrap()).collect()
    };
    assert_eq!(text, all("text", "text"));
    assert_eq!(thinking, all("thinking", "thinking"));
    let calls: Vec<_> =
        calls.iter().map(|(id, name, text)| json!([id, name, serde_json::from_str::<Value>(text).unwrap()])).collect();
    let used = message["content"].as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let used: Vec<_> = used.map(|block| json!([block["id"], block["name"], block["input"]])).collect();
    assert_eq!(calls, used);
}

#[test]
fn answers_come_out_as_they_went_in() {
    let Some(recordings) = recordings() else { return };
    let request = ChatRequest::new(Format::Anthropic);
    let mut checked = 0;
    for (name, recording) in &recordings {
        let body = &recording["response"]["body"];
        if recording["endpoint"] != "messages" || recording["response"]["status"] != 200 || !body.is_object() {
            continue;
        }
        let answer = read_answer(body.to_string().as_bytes(), "c").unwrap();
        check_usage(answer.usage.unwrap(), body);
        check_deltas(&answer.clone().into_deltas(), body);
        let streamed = answer.clone().into_deltas();
        let written: Value = serde_json::from_slice(&write_answer(answer, &heading(), &request)).unwrap();
        assert_eq!(essence(&written), essence(body), "{name}");
        let mut writer = write_events(heading(), &request);
        let mut out = Vec::new();
        streamed.into_iter().for_each(|delta| writer.write(delta, &mut out));
        writer.end(&mut out);
        assert_eq!(essence(&assemble(&out)), essence(body), "{name} as a stream");
        checked += 1;
    }
    assert!(checked >= 26, "{checked}");
}

#[test]
fn streams_come_out_as_they_went_in() {
    let Some(recordings) = recordings() else { return };
    let request = ChatRequest::new(Format::Anthropic);
    let mut checked = 0;
    for (name, recording) in &recordings {
        let Some(stream) = recording["response"]["sse_text"].as_str() else { continue };
        let expected = assemble(stream.as_bytes());
        let mut reader = read_events("c");
        let mut writer = write_events(heading(), &request);
        let (mut all, mut out) = (Vec::new(), Vec::new());
        for lines in stream.split_terminator("\n\n") {
            let mut joined = Vec::new();
            let event = Event::parse(lines.as_bytes(), &mut joined).unwrap();
            let mut deltas = Vec::new();
            reader.read(event, &mut deltas).unwrap();
            all.extend(deltas.iter().cloned());
            deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
        }
        writer.end(&mut out);
        assert!(reader.is_whole(), "{name}");
        check_deltas(&all, &expected);
        let usage =
            all.iter().rev().find_map(|delta| if let Delta::Usage(usage) = delta { Some(*usage) } else { None });
        check_usage(usage.unwrap(), &expected);
        assert_eq!(essence(&assemble(&out)), essence(&expected), "{name}");
        checked += 1;
    }
    assert!(checked >= 26, "{checked}");
}

/// A request in one of its equal forms: strings as blocks, defaults left out, members under their newer names.
fn canonical(request: &Value) -> Value {
    fn content(value: &mut Value) {
        if let Value::String(text) = value {
            *value = json!([{"type": "text", "text": text}]);
        }
        for block in value.as_array_mut().unwrap() {
            let members = block.as_object_mut().unwrap();
            members.retain(|name, value| !(value.is_null() || name == "is_error" && value == false));
            if members["type"] == "tool_result"
                && let Some(inner) = members.get_mut("content")
            {
                content(inner);
            }
        }
    }
    let mut request = request.clone();
    let members = request.as_object_mut().unwrap();
    members.retain(|_, value| !value.is_null() && value != &json!([]) && value != &json!(false));
    if let Some(format) = members.remove("output_format") {
        members.entry("output_config").or_insert(Value::Object(Map::new()))["format"] = format;
    }
    if let Some(schema) = members.get_mut("output_config").and_then(|config| config.get_mut("format")) {
        schema.as_object_mut().unwrap().retain(|name, _| name == "type" || name == "schema");
    }
    members.entry("max_tokens").or_insert(4096.into());
    members.get_mut("system").map(content);
    for message in members["messages"].as_array_mut().unwrap() {
        content(&mut message["content"]);
    }
    request
}

fn requests() -> Option<Vec<(String, Value)>> {
    let mut requests: Vec<(String, Value)> =
        recordings()?.into_iter().map(|(name, recording)| (name, recording["request"]["body"].clone())).collect();
    for (name, document) in documents(&folder("dev/parallel")?) {
        requests.push((name, document["requests"]["anthropic"]["body"].clone()));
    }
    // One recording is of a request that Anthropic itself refused for its shape.
    requests
        .retain(|(_, body)| body["messages"].as_array().is_some_and(|messages| messages.iter().all(Value::is_object)));
    Some(requests)
}

#[test]
fn requests_come_out_as_they_went_in() {
    let Some(requests) = requests() else { return };
    for (name, body) in &requests {
        let request = read_request(body.to_string().as_bytes()).unwrap();
        let target = Target { model: body["model"].as_str().unwrap(), max_output: None, ask_usage: false };
        let written = write_request(&request, &target).unwrap();
        assert!(written.losses.is_empty(), "{name}: {:?}", written.losses);
        let written: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(canonical(&written), canonical(body), "{name}");
    }
    assert!(requests.len() >= 80, "{}", requests.len());
}

#[test]
fn requests_of_another_format_keep_anthropics_rules() {
    let Some(requests) = requests() else { return };
    // One client gave the result of a call that nobody made, which is not for us to mend.
    for (name, body) in requests.iter().filter(|(name, _)| name != "anthropic-messages-014") {
        let mut request = read_request(body.to_string().as_bytes()).unwrap();
        request.format = Format::OpenAiChat;
        let target = Target { model: body["model"].as_str().unwrap(), max_output: Some(64_000), ask_usage: false };
        let written = write_request(&request, &target).unwrap();
        let written: Value = serde_json::from_slice(&written.body).unwrap();
        let mut open = Vec::new();
        for (index, message) in written["messages"].as_array().unwrap().iter().enumerate() {
            assert_eq!(message["role"], if index % 2 == 0 { "user" } else { "assistant" }, "{name}");
            let blocks = canonical(&json!({"messages": [message]}))["messages"][0]["content"].take();
            let ids = |kind: &str, member: &str| -> Vec<Value> {
                let blocks = blocks.as_array().unwrap().iter().filter(|block| block["type"] == kind);
                blocks.map(|block| block[member].clone()).collect()
            };
            if message["role"] == "user" {
                assert_eq!(ids("tool_result", "tool_use_id"), open, "{name}");
            }
            open = ids("tool_use", "id");
            assert!(ids("text", "text").iter().all(|text| !text.as_str().unwrap().trim().is_empty()), "{name}");
        }
        if let Some(budget) = written["thinking"]["budget_tokens"].as_u64() {
            assert!(budget >= 1024 && budget < written["max_tokens"].as_u64().unwrap(), "{name}");
            assert_eq!(written.get("temperature"), None, "{name}");
        }
    }
}

#[test]
fn reported_errors_are_faults() {
    let Some(folder) = folder("reported") else { return };
    let mut checked = 0;
    for (name, recording) in documents(&folder).iter().filter(|(name, _)| name.starts_with("anthropic")) {
        let fault = match recording["response"]["sse_text"].as_str() {
            Some(stream) => {
                let mut reader = read_events("c");
                let mut joined = Vec::new();
                stream.split_terminator("\n\n").find_map(|lines| {
                    let event = Event::parse(lines.as_bytes(), &mut joined).unwrap();
                    reader.read(event, &mut Vec::new()).err()
                })
            }
            None => super::read_error(recording["response"]["body"].to_string().as_bytes()),
        };
        assert!(fault.is_some(), "{name}");
        checked += 1;
    }
    assert!(checked >= 5, "{checked}");
}

#[test]
fn parts_are_whole_where_the_provider_answers_in_blocks() {
    let Some(recordings) = recordings() else { return };
    for (_, recording) in &recordings {
        let body = &recording["response"]["body"];
        if recording["response"]["status"] == 200 && body["content"].is_array() {
            let answer = read_answer(body.to_string().as_bytes(), "c").unwrap();
            let blocks = body["content"].as_array().unwrap().len();
            let citation = |content: &Content| {
                matches!(content, Content::Foreign { value, .. }
                if value["type"] == "citations_delta" || value["type"] == "content_block_stop")
            };
            let parts = answer.choices[0].parts.iter().filter(|part| !citation(&part.content)).count();
            assert_eq!(parts, blocks);
        }
    }
}
