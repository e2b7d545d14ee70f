//! Every recorded answer against a second, plain reading of it; streams also as whole answers and the other way round.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{count_tokens, embeddings, error_class, read_answer, read_events, write_request};
use crate::api::Usage;
use crate::api::chat::{ChatAnswer, ChatRequest, Choice, Content, Delta, Finish, Format, Message, Part, Role};
use crate::dialects::{Event, ReadEvents, Target};
use crate::error::FailureClass;

/// What an answer says, as far as everybody reads it alike.
#[derive(Debug, Default, PartialEq)]
struct Gist {
    text: String,
    thoughts: String,
    calls: Vec<(String, Value)>,
    signatures: Vec<String>,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

/// From the JSON itself.
fn plain(chunks: &[Value]) -> Gist {
    let mut gist = Gist::default();
    let mut usage = json!({});
    for chunk in chunks {
        for (name, value) in chunk["usageMetadata"].as_object().into_iter().flatten() {
            usage[name] = value.clone();
        }
        let candidate = &chunk["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            let text = part["text"].as_str().unwrap_or_default();
            if part["thought"] == true { &mut gist.thoughts } else { &mut gist.text }.push_str(text);
            if let Some(name) = part["functionCall"]["name"].as_str() {
                gist.calls.push((name.to_owned(), part["functionCall"]["args"].clone()));
            }
            gist.signatures.extend(part["thoughtSignature"].as_str().map(str::to_owned));
        }
        gist.finish = match candidate["finishReason"].as_str() {
            Some("STOP") if !gist.calls.is_empty() => Some(Finish::ToolCalls),
            Some("STOP") => Some(Finish::Stop),
            Some("MAX_TOKENS") => Some(Finish::Length),
            Some("SAFETY") => Some(Finish::ContentFilter),
            _ => gist.finish,
        };
    }
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    let of = |details: &str, modality: &str| -> u64 {
        let details = usage[details].as_array().into_iter().flatten();
        let told = details.filter(|detail| detail["modality"] == modality);
        told.map(|detail| detail["tokenCount"].as_u64().unwrap()).sum()
    };
    gist.usage = usage["promptTokenCount"].is_u64().then(|| Usage {
        input: count("promptTokenCount") + count("toolUsePromptTokenCount"),
        cached: count("cachedContentTokenCount"),
        cached_audio: of("cacheTokensDetails", "AUDIO"),
        audio_input: of("promptTokensDetails", "AUDIO"),
        image_input: of("promptTokensDetails", "IMAGE"),
        output: count("candidatesTokenCount") + count("thoughtsTokenCount"),
        reasoning: count("thoughtsTokenCount"),
        ..Usage::default()
    });
    if let (Some(read), Some(total)) = (gist.usage, usage["totalTokenCount"].as_u64()) {
        assert_eq!(read.input + read.output, total, "{usage}");
    }
    gist
}

fn of_answer(answer: &ChatAnswer) -> Gist {
    let [choice] = &answer.choices[..] else { panic!("one candidate is recorded") };
    let mut gist = Gist { finish: Some(choice.finish.clone()), usage: answer.usage, ..Gist::default() };
    for part in &choice.parts {
        match &part.content {
            Content::Text { text, .. } => gist.text.push_str(text),
            Content::Reasoning { text, signature } => {
                gist.thoughts.push_str(text);
                gist.signatures.extend(signature.iter().map(|signature| signature.value.clone()));
            }
            Content::ToolCall(call) => {
                gist.calls.push((call.name.clone(), serde_json::from_str(&call.arguments).unwrap()));
                gist.signatures.extend(call.signature.iter().map(|signature| signature.value.clone()));
            }
            Content::Foreign { value, .. } => {
                gist.signatures.extend(value["thoughtSignature"].as_str().map(str::to_owned));
            }
            other => panic!("nobody recorded {other:?}"),
        }
    }
    gist
}

fn of_stream(events: &[Vec<u8>]) -> Gist {
    let mut reader = read_events("01ab");
    let mut deltas = Vec::new();
    for (index, data) in events.iter().enumerate() {
        assert!(index == 0 || !reader.is_whole(), "whole before the last event");
        reader.read(Event { name: None, data }, &mut deltas).unwrap();
    }
    assert!(reader.is_whole());
    let mut gist = Gist::default();
    let mut arguments: Vec<String> = Vec::new();
    for delta in deltas {
        match delta {
            Delta::Text { text, .. } => gist.text.push_str(&text),
            Delta::Reasoning { text, .. } => gist.thoughts.push_str(&text),
            Delta::Signature { signature, .. } => gist.signatures.push(signature.value),
            Delta::ToolCall { call, name, signature, .. } => {
                assert_eq!(call as usize, arguments.len(), "calls count without gaps");
                gist.calls.push((name, Value::Null));
                gist.signatures.extend(signature.map(|signature| signature.value));
                arguments.push(String::new());
            }
            Delta::Arguments { call, text, .. } => arguments[call as usize].push_str(&text),
            Delta::Foreign { value, .. } => {
                gist.signatures.extend(value["thoughtSignature"].as_str().map(str::to_owned));
            }
            Delta::Finish { finish, .. } => assert_eq!(gist.finish.replace(finish), None),
            Delta::Usage(usage) => gist.usage = Some(usage),
            _ => {}
        }
    }
    for (call, arguments) in gist.calls.iter_mut().zip(arguments) {
        call.1 = serde_json::from_str(&arguments).unwrap();
    }
    gist
}

/// The answer as the client sends it back, and as Gemini gets it.
fn sent_back(choice: &Choice, model: &str) -> Vec<Value> {
    let mut request = ChatRequest::new(Format::OpenAiChat);
    request.messages.push(Message::new(Role::User, vec![Part::text("Go on")]));
    request.messages.push(Message::new(Role::Assistant, choice.parts.clone()));
    let written = write_request(&request, &Target { model, max_output: None, ask_usage: false }).unwrap();
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    body["contents"][1]["parts"].as_array().cloned().unwrap_or_default()
}

/// Signatures stand on the parts that Gemini had put them on.
fn check_sent_back(chunks: &[Value], choice: &Choice, model: &str) {
    let parts = chunks.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array());
    let signed = |part: &&Value| part["thoughtSignature"].is_string();
    let key = |part: &Value| {
        let own = |name: &str| part[name]["name"].as_str().or(part[name]["id"].as_str()).map(str::to_owned);
        let kind = own("functionCall").or_else(|| own("toolCall")).or_else(|| own("toolResponse"));
        (kind, part["thoughtSignature"].as_str().map(str::to_owned))
    };
    let given: Vec<_> = parts.flatten().filter(signed).map(key).collect();
    let back: Vec<_> = sent_back(choice, model).iter().filter(signed).map(key).collect();
    if !given.is_empty() {
        assert_eq!(back, given);
    }
}

fn events_of(recording: &Value) -> Vec<Vec<u8>> {
    let text = recording["response"]["sse_text"].as_str().unwrap().replace("\r\n", "\n");
    let mut joined = Vec::new();
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks.filter_map(|block| Some(Event::parse(block.as_bytes(), &mut joined)?.data.to_vec())).collect()
}

#[derive(Debug, Default)]
struct Tally {
    answers: usize,
    arrays: usize,
    streams: usize,
    errors: usize,
    embeddings: usize,
    counts: usize,
}

fn check(recording: &Value, tally: &mut Tally) {
    let response = &recording["response"];
    let body = response["body"].to_string();
    if response["status"] != 200 {
        let text = response["sse_text"].as_str().or(response["body_text"].as_str()).unwrap_or(&body);
        let class = error_class(text.as_bytes());
        let expected = match (response["status"].as_u64(), text.contains("API_KEY_INVALID")) {
            (_, true) => FailureClass::Unauthorized,
            (Some(404), _) => FailureClass::NotFound,
            (Some(429), _) => FailureClass::RateLimited,
            (Some(400), _) => FailureClass::CallerError,
            _ => FailureClass::ServerError,
        };
        assert_eq!(class, Some(expected));
        tally.errors += 1;
        return;
    }
    match recording["endpoint"].as_str().unwrap() {
        "embedContent" => {
            let (vectors, _) = embeddings::read_answer(body.as_bytes()).unwrap();
            assert_eq!(vectors.len(), recording["request"]["body"]["requests"].as_array().unwrap().len());
            tally.embeddings += 1;
        }
        "countTokens" => {
            assert_eq!(count_tokens::read_answer(body.as_bytes()), response["body"]["totalTokens"].as_u64());
            tally.counts += 1;
        }
        "generateContent" | "streamGenerateContent" => {
            let (chunks, events): (Vec<Value>, Vec<Vec<u8>>) = if response["sse_text"].is_string() {
                tally.streams += 1;
                let events = events_of(recording);
                (events.iter().map(|data| serde_json::from_slice(data).unwrap()).collect(), events)
            } else {
                let chunks = response["body"].as_array().cloned();
                *if chunks.is_some() { &mut tally.arrays } else { &mut tally.answers } += 1;
                let chunks = chunks.unwrap_or_else(|| vec![response["body"].clone()]);
                let events = chunks.iter().map(|chunk| chunk.to_string().into_bytes()).collect();
                (chunks, events)
            };
            let expected = plain(&chunks);
            assert_eq!(of_stream(&events), expected);
            let array = serde_json::to_vec_pretty(&chunks).unwrap();
            let answer = read_answer(&array, "01ab").unwrap();
            assert_eq!(of_answer(&answer), expected);
            if let [single] = &chunks[..] {
                assert_eq!(read_answer(single.to_string().as_bytes(), "01ab").unwrap(), answer);
            }
            assert_eq!(answer.id.as_deref(), chunks[0]["responseId"].as_str());
            check_sent_back(&chunks, &answer.choices[0], answer.model.as_deref().unwrap());
        }
        other => panic!("an unknown endpoint {other}"),
    }
}

#[test]
fn every_recorded_answer_is_read_as_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traffic/dev");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: there are no recordings in {}", folder.display());
        return;
    };
    let mut tally = Tally::default();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ours = (name.starts_with("gemini-") || name.starts_with("vertexai-")) && !name.contains("-chat-");
        if !ours || name.starts_with("gemini-models") {
            continue;
        }
        let recording: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        eprintln!("{name}");
        check(&recording, &mut tally);
    }
    eprintln!("{tally:?}");
    assert!(tally.answers > 0 && tally.streams > 0);
}
