//! Answers of Anthropic, Gemini and Cohere through OpenAI's chat door.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{gateway, kind_of, reading};
use crate::grammar::{Said, check_chat, read_chat};
use crate::harness::*;

const ENDPOINTS: [&str; 4] = ["messages", "generateContent", "streamGenerateContent", "v2.chat"];

fn recordings(shared: &std::path::Path) -> Vec<Recording> {
    let mut all = Recording::all(shared, &ENDPOINTS);
    all.retain(|recording| ["anthropic", "gemini", "vertexai", "cohere"].contains(&&*recording.provider));
    all
}

fn request(recording: &Recording, stream: bool, split: &str) -> Value {
    let model = format!("{}-replayed", kind_of(recording));
    let request = say(Door::Chat, &model, &recording.tag(split));
    if stream { streamed(Door::Chat, request) } else { request }
}

/// What the client hears otherwise than it was recorded.
fn differences(found: &Said, expected: &Said) -> Vec<String> {
    let mut wrong = Vec::new();
    if found.text != expected.text {
        wrong.push(format!("text {:?} is not {:?}", found.text, expected.text));
    }
    if found.reasoning != expected.reasoning {
        wrong.push(format!("reasoning {:?} is not {:?}", found.reasoning, expected.reasoning));
    }
    if found.signatures != expected.signatures {
        wrong.push(format!("signatures {:?} are not {:?}", found.signatures, expected.signatures));
    }
    if found.finish != expected.finish {
        wrong.push(format!("finish {:?} is not {:?}", found.finish, expected.finish));
    }
    if found.usage != expected.usage {
        wrong.push(format!("usage {:?} is not {:?}", found.usage, expected.usage));
    }
    let call = |tool: &crate::grammar::Tool| {
        let arguments = if tool.arguments.is_empty() { "{}" } else { &tool.arguments };
        (tool.name.clone(), serde_json::from_str::<Value>(arguments).unwrap_or_default())
    };
    let calls = |said: &Said| said.tools.iter().map(call).collect::<Vec<_>>();
    if calls(found) != calls(expected) {
        wrong.push(format!("calls {:?} are not {:?}", found.tools, expected.tools));
    }
    let ids_kept = found
        .tools
        .iter()
        .zip(&expected.tools)
        .all(|(found, expected)| expected.id.is_empty() || found.id == expected.id);
    if !ids_kept {
        wrong.push(format!("ids of {:?} are not those of {:?}", found.tools, expected.tools));
    }
    wrong
}

#[tokio::test]
async fn recorded_answers_arrive_through_the_chat_door() {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay, &["anthropic", "gemini", "cohere"]).await;
    let mut faults = Vec::new();
    let mut counts: BTreeMap<(String, &str), (usize, usize)> = BTreeMap::new();
    for recording in recordings(&shared).iter().filter(|recording| recording.status() == 200) {
        let Some(expected) = reading::read(recording) else { continue };
        let asked_as_stream = recording.is_stream() || recording.endpoint == "streamGenerateContent";
        let ways: &[&str] =
            if asked_as_stream { &["", " split=1", " split=random:7", " split=random:8"] } else { &[""] };
        let mut good = true;
        for way in ways {
            let response = gateway.chat(&request(recording, asked_as_stream, way)).await;
            let text = response.text();
            let said = match (response.status, asked_as_stream) {
                (200, true) => check_chat(&text, true),
                (200, false) => {
                    serde_json::from_str(&text).map_err(|error| error.to_string()).and_then(|answer| read_chat(&answer))
                }
                (status, _) => Err(format!("status {status}")),
            };
            let wrong = match said {
                Ok(said) => differences(&said, &expected),
                Err(rule) => vec![format!("{rule}:\n{text:.3000}")],
            };
            good &= wrong.is_empty();
            if !wrong.is_empty() {
                faults.push(format!("{}{way}: {}", recording.id, wrong.join("; ")));
                break;
            }
        }
        let form = if asked_as_stream { "streamed" } else { "whole" };
        let count = counts.entry((recording.provider.clone(), form)).or_default();
        count.0 += usize::from(good);
        count.1 += 1;
    }
    for ((provider, form), (good, all)) in &counts {
        eprintln!("through the chat door, {provider} {form}: {good} of {all}");
    }
    assert!(counts.values().map(|(_, all)| all).sum::<usize>() >= 100, "{counts:?}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn recorded_errors_of_other_dialects_arrive_as_the_contract_says() {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let mut faults = Vec::new();
    let mut count = 0;
    for recording in recordings(&shared) {
        let in_stream = recording.status() == 200 && reading::read(&recording).is_none();
        if recording.status() == 200 && !in_stream {
            continue;
        }
        count += 1;
        // A key that failed is left alone for a while: each has a gateway of its own.
        let gateway = gateway(&replay, &[kind_of(&recording)]).await;
        let stream = recording.is_stream() || recording.endpoint == "streamGenerateContent";
        let response = gateway.chat(&request(&recording, stream, "")).await;
        let (id, text) = (&recording.id, response.text());
        let recorded = recording.response.to_string();
        let expected = match recording.status() {
            // Cohere's end that is an error: before content it is a status, after content an event.
            200 if text.contains("\"error\"") && !text.contains("[DONE]") => continue,
            200 => 502,
            400 if recorded.contains("API_KEY_INVALID") => 502,
            400 => 400,
            429 => 429,
            _ => 502,
        };
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        if response.status != expected || !error["error"]["message"].is_string() {
            faults.push(format!("{id}: {} -> {} (not {expected}) {text:.300}", recording.status(), response.status));
        }
        let words = &recording.response["body"];
        let message = words["error"]["message"].as_str().or(words["message"].as_str()).unwrap_or_default();
        if expected == 400 && !text.contains(&message[..message.len().min(20)]) {
            faults.push(format!("{id}: the words {message:?} are lost: {text}"));
        }
    }
    eprintln!("{count} recorded errors of other dialects");
    assert!(count >= 12, "{count} recorded errors");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn reported_errors_arrive_as_the_contract_says() {
    let Some(shared) = shared() else { return };
    let mut faults = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(shared.join("traffic/reported"))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let document: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let kind = name.split('-').next().unwrap_or_default().to_owned();
        let response = &document["response"];
        let status: u16 = response["status"].as_u64().unwrap().try_into().unwrap();
        let stream = response["sse_text"].as_str();
        let reply = match stream {
            Some(text) => Reply::stream([text]),
            None => Reply::new(status, "application/json", response["body"].to_string()),
        };
        let provider = Scripted::always(reply).await;
        let lines =
            format!("kind = \"{kind}\"\napi_keys = [\"k\"]\nmodels = [{{ name = \"m\", input = 1, output = 1 }}]");
        let gateway = Gateway::start(Setup::new().provider("only", &provider, &lines)).await;
        let request = say(Door::Chat, "m", "hi");
        let request = if stream.is_some() { with(request, json!({"stream": true})) } else { request };
        let answer = gateway.chat(&request).await;
        let good = match status {
            200 if name.ends_with("midway") => {
                answer.status == 200 && !answer.text().contains("[DONE]") && answer.text().contains("\"error\"")
            }
            // No key is left that could pay; a request that is too large for every minute's limit is a 429 too.
            429 => [429, 502].contains(&answer.status) && answer.header("retry-after").is_some(),
            _ => answer.status == 502 && answer.header("retry-after").is_some(),
        };
        if !good {
            faults.push(format!("{name}: {} {}", answer.status, answer.text()));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
