//! A conversation of three turns with parallel calls of tools and signed reasoning, through every door to every
//! provider: what a client sends back as it got it reaches the provider as it was (PITFALLS 34, 37).

use serde_json::{Value, json};

use crate::asked::Asked;
use crate::grammar::{check, read};
use crate::harness::*;
use crate::upstreams::{Cut, Fleet, Vendor, play, scenario};

/// The conversation as a client of this door keeps it.
struct Client {
    door: Door,
    request: Value,
}

impl Client {
    fn new(door: Door, vendor: Vendor) -> Self {
        let prompt = format!("Weather in Paris and Tokyo? {}", play("thinking-and-tools", Cut::Events));
        let mut request = with_tools(door, say(door, vendor.model(), &prompt));
        if door == Door::Responses {
            let input = json!([{"role": "user", "content": prompt}]);
            request =
                with(request, json!({"input": input, "include": ["reasoning.encrypted_content"], "store": false}));
        }
        Self { door, request }
    }

    fn history(&mut self) -> &mut Vec<Value> {
        let name = if self.door == Door::Responses { "input" } else { "messages" };
        self.request[name].as_array_mut().expect("the history is a list")
    }

    /// Adds the answer exactly as it came, and a result for each of its calls.
    fn take(&mut self, answer: &Value, results: &[&str]) {
        let door = self.door;
        let said = read(door, answer).unwrap();
        let ids = said.tools.into_iter().map(|tool| tool.id);
        let results: Vec<_> = ids.zip(results).collect();
        match door {
            Door::Responses => {
                let items = answer["output"].as_array().cloned().unwrap_or_default();
                self.history().extend(items);
                let result = |(id, text)| json!({"type": "function_call_output", "call_id": id, "output": text});
                self.history().extend(results.into_iter().map(result));
            }
            Door::Messages => {
                self.history().push(json!({"role": "assistant", "content": answer["content"]}));
                let result = |(id, text)| json!({"type": "tool_result", "tool_use_id": id, "content": text});
                let results: Vec<_> = results.into_iter().map(result).collect();
                self.history().push(json!({"role": "user", "content": results}));
            }
            _ => {
                self.history().push(answer["choices"][0]["message"].clone());
                let result = |(id, text)| json!({"role": "tool", "tool_call_id": id, "content": text});
                self.history().extend(results.into_iter().map(result));
            }
        }
    }
}

/// A whole answer out of a stream, as the vendors' own clients put it together.
fn assemble(door: Door, stream: &[u8]) -> Value {
    let events = data(stream);
    match door {
        Door::Responses => events.last().expect("there is a last event")["response"].clone(),
        Door::Messages => assemble_message(&events),
        _ => assemble_chat(&events),
    }
}

fn assemble_chat(events: &[Value]) -> Value {
    let mut answer =
        json!({"object": "chat.completion", "id": events[0]["id"], "model": events[0]["model"], "created": 1});
    let mut message = json!({"role": "assistant", "content": null});
    let mut finish = Value::Null;
    for choice in events.iter().map(|event| &event["choices"][0]) {
        for (name, value) in choice["delta"].as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                ("role", _) | (_, Value::Null) => {}
                ("tool_calls", calls) => {
                    calls.as_array().into_iter().flatten().for_each(|call| add_call(call, &mut message))
                }
                (name, Value::String(text)) => {
                    let earlier = message[name].as_str().unwrap_or_default();
                    message[name] = format!("{earlier}{text}").into();
                }
                (name, Value::Array(entries)) => {
                    if !message[name].is_array() {
                        message[name] = json!([]);
                    }
                    message[name].as_array_mut().expect("just made").extend(entries.clone());
                }
                (name, other) => message[name] = other.clone(),
            }
        }
        if choice["finish_reason"].is_string() {
            finish = choice["finish_reason"].clone();
        }
    }
    answer["choices"] = json!([{"index": 0, "message": message, "finish_reason": finish}]);
    answer
}

fn add_call(piece: &Value, message: &mut Value) {
    if !message["tool_calls"].is_array() {
        message["tool_calls"] = json!([]);
    }
    let calls = message["tool_calls"].as_array_mut().expect("just made");
    let index = piece["index"].as_u64().expect("pieces have an index") as usize;
    if index == calls.len() {
        let mut call = piece.clone();
        call.as_object_mut().expect("pieces are objects").remove("index");
        calls.push(call);
    } else {
        let earlier = calls[index]["function"]["arguments"].as_str().unwrap_or_default();
        let more = piece["function"]["arguments"].as_str().unwrap_or_default();
        calls[index]["function"]["arguments"] = format!("{earlier}{more}").into();
    }
}

fn assemble_message(events: &[Value]) -> Value {
    let mut message = Value::Null;
    let mut input = String::new();
    for event in events {
        let index = event["index"].as_u64().unwrap_or(0) as usize;
        match event["type"].as_str() {
            Some("message_start") => message = event["message"].clone(),
            Some("content_block_start") => {
                input.clear();
                message["content"].as_array_mut().expect("a list").push(event["content_block"].clone());
            }
            Some("content_block_delta") => {
                let block = &mut message["content"][index];
                for (name, value) in event["delta"].as_object().into_iter().flatten() {
                    match name.as_str() {
                        "partial_json" => input += value.as_str().unwrap_or_default(),
                        "text" | "thinking" | "signature" => {
                            let earlier = block[name].as_str().unwrap_or_default();
                            block[name] = format!("{earlier}{}", value.as_str().unwrap_or_default()).into();
                        }
                        _ => {}
                    }
                }
            }
            Some("content_block_stop") if !input.is_empty() => {
                message["content"][index]["input"] = serde_json::from_str(&input).expect("input is JSON");
            }
            Some("message_delta") => {
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["stop_sequence"] = Value::Null;
            }
            _ => {}
        }
    }
    message
}

/// The next answer of a conversation.
async fn turn(fleet: &Fleet, client: &Client, stream: bool) -> Result<Value, String> {
    let request = if stream { streamed(client.door, client.request.clone()) } else { client.request.clone() };
    let response = fleet.gateway.call(client.door, &request).await;
    if response.status != 200 {
        return Err(format!("{}: {}\nto {request}", response.status, response.text()));
    }
    if stream {
        check(client.door, &response.text(), true)?;
    }
    Ok(if stream { assemble(client.door, &response.body) } else { response.json() })
}

/// What is wrong with what the provider got after `turns` turns with calls (1: two results; 2: three).
pub(crate) fn faults_of(asked: &Asked, vendor: Vendor, turns: usize) -> Vec<String> {
    let said = [scenario("thinking-and-tools"), scenario("more-thinking-and-tools")];
    let mut faults = Vec::new();
    let expected: Vec<(&str, Value)> = said[..turns]
        .iter()
        .flat_map(|scenario| &scenario.calls)
        .map(|call| (call.name, serde_json::from_str(call.arguments).unwrap()))
        .collect();
    let found: Vec<_> = asked.calls().into_iter().map(|(name, arguments)| (name, arguments.clone())).collect();
    if found != expected {
        faults.push(format!("calls: {found:?} are not {expected:?}"));
    }
    let results: Vec<_> = asked
        .results()
        .into_iter()
        .map(|(call, text)| (call, text.split(" [[").next().unwrap_or_default().to_owned()))
        .collect();
    let expected = [(0, "sunny"), (1, "rain"), (2, "snow")].map(|(call, text)| (call, text.to_owned()));
    if *results != expected[..turns + 1] {
        faults.push(format!("results: {results:?}"));
    }
    let proofs: Vec<_> = said[..turns].iter().map(|scenario| scenario.signature).collect();
    if matches!(vendor, Vendor::Anthropic | Vendor::Gemini) && asked.signatures != proofs {
        faults.push(format!("signatures: {:?} are not {proofs:?}", asked.signatures));
    }
    let thoughts: Vec<_> = said[..turns].iter().map(|scenario| scenario.reasoning).collect();
    if vendor == Vendor::Anthropic && asked.reasoning() != thoughts {
        faults.push(format!("reasoning: {:?} is not {thoughts:?}", asked.reasoning()));
    }
    faults
}

async fn try_conversation(fleet: &Fleet, door: Door, vendor: Vendor, stream: bool) -> Result<Vec<String>, String> {
    let mut client = Client::new(door, vendor);
    let first = turn(fleet, &client, stream).await?;
    client.take(&first, &["sunny", &format!("rain {}", play("more-thinking-and-tools", Cut::Events))]);
    let second = turn(fleet, &client, stream).await?;
    let mut faults = faults_of(&Asked::read(vendor, &fleet.at(vendor).last().json()), vendor, 1);
    client.take(&second, &[&format!("snow {}", play("text", Cut::Events))]);
    let third = turn(fleet, &client, stream).await?;
    faults.extend(faults_of(&Asked::read(vendor, &fleet.at(vendor).last().json()), vendor, 2));
    let said = read(door, &third)?;
    if said.text != scenario("text").text {
        faults.push(format!("the last words: {}", said.text));
    }
    if !faults.is_empty() {
        faults.push(format!("the provider got {}", fleet.at(vendor).last().text()));
    }
    Ok(faults)
}

async fn assert_conversations(vendor: Vendor) {
    let fleet = Fleet::start().await;
    let mut faults = Vec::new();
    for door in [Door::Chat, Door::Responses, Door::Messages] {
        if vendor.is_verbatim(door) {
            // The client's own words.
            continue;
        }
        for stream in [false, true] {
            let found = try_conversation(&fleet, door, vendor, stream).await;
            let found = found.unwrap_or_else(|fault| vec![fault]);
            faults.extend(found.iter().map(|fault| format!("{door:?} -> {vendor:?}, stream {stream}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

macro_rules! every_vendor {
    ($($test:ident $vendor:ident;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                assert_conversations(Vendor::$vendor).await;
            }
        )+
    };
}

every_vendor! {
    conversations_with_openai_keep_calls_and_results OpenAi;
    conversations_with_anthropic_keep_calls_and_signatures Anthropic;
    conversations_with_gemini_keep_calls_and_signatures Gemini;
    conversations_with_cohere_keep_calls_and_results Cohere;
    conversations_with_mistral_keep_calls_and_results Mistral;
}

#[tokio::test]
async fn what_nobody_knows_in_a_message_sent_back_is_tolerated() {
    let fleet = Fleet::start().await;
    for vendor in Vendor::ALL {
        let assistant = json!({
            "role": "assistant", "content": "Hello.", "provider_specific_fields": {"a": [1]}, "annotations": [],
            "audio": null, "refusal": null, "function_call": null, "tool_calls": null, "x_unknown": {"b": 2}
        });
        let messages = json!([{"role": "user", "content": "Hi"}, assistant, {"role": "user", "content": play("text", Cut::Whole)}]);
        let response = fleet.gateway.call(Door::Chat, &json!({"model": vendor.model(), "messages": messages})).await;
        assert_eq!(response.status, 200, "{vendor:?}: {}", response.text());
        let got = fleet.at(vendor).last();
        let asked = Asked::read(vendor, &got.json());
        assert_eq!(asked.said.len(), 3, "{vendor:?}: {}", got.text());
        if !vendor.is_verbatim(Door::Chat) {
            assert!(!got.text().contains("x_unknown") && !got.text().contains("provider_specific"), "{}", got.text());
        }
    }
}
