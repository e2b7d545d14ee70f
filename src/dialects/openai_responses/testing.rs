//! The grammar of a stream, as strict clients read it.

use serde_json::{Value, json};

use super::read_request;
use crate::api::chat::ChatRequest;
use crate::dialects::Heading;

pub(crate) fn heading() -> Heading {
    Heading { id: "0a1b".into(), created: 1_700_000_000, model: "m".into(), include_usage: true }
}

pub(crate) fn request() -> ChatRequest {
    read_request(br#"{"model":"m","input":"hi","stream":true}"#).unwrap()
}

/// Panics where a stream breaks the rules. Returns the answer that its last event repeats.
///
/// Numbers have no gaps; items never overlap; what is added is done; the deltas of each part make up what is done; the
/// last event holds the items as they were done.
pub(crate) fn check_grammar(stream: &str) -> Value {
    let events = stream.strip_suffix("\n\n").expect("a stream ends with an empty line").split("\n\n");
    let events: Vec<Value> = events.enumerate().map(|(number, event)| parse(event, number)).collect();
    let kinds: Vec<&str> = events.iter().map(kind).collect();
    assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
    let (last, middle) = events[2..].split_last().expect("a stream has an end");
    assert!(["response.completed", "response.incomplete"].contains(&kind(last)), "{last}");
    assert_eq!(kind(last), format!("response.{}", last["response"]["status"].as_str().unwrap()));
    let mut reader = Reader::default();
    for event in middle {
        reader.read(event);
    }
    assert_eq!(reader.item, None, "an item is open at the end");
    assert_eq!(Value::Array(reader.done), last["response"]["output"]);
    for event in &events[..2] {
        assert_eq!(event["response"]["status"], "in_progress");
        assert_eq!(event["response"]["id"], last["response"]["id"]);
        assert_eq!(event["response"]["output"], json!([]));
    }
    last["response"].clone()
}

fn parse(event: &str, number: usize) -> Value {
    let (name, data) = event.split_once('\n').expect("an event has two lines");
    let event: Value = serde_json::from_str(data.strip_prefix("data: ").expect("the second line is data")).unwrap();
    assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
    assert_eq!(event["sequence_number"], number);
    event
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().expect("an event has a type")
}

#[derive(Default)]
struct Reader {
    done: Vec<Value>,
    /// The open item, put together from its events.
    item: Option<Value>,
    /// The open part of it.
    part: Option<Value>,
}

impl Reader {
    fn read(&mut self, event: &Value) {
        assert_eq!(event["output_index"], self.done.len(), "{event}");
        let kind = kind(event).strip_prefix("response.").unwrap();
        if kind == "output_item.added" {
            assert_eq!(self.item, None, "items overlap: {event}");
            self.item = Some(event["item"].clone());
            return;
        }
        let item = self.item.as_mut().expect("an item is open");
        if kind == "output_item.done" {
            assert_eq!(self.part, None, "a part is open: {event}");
            // What comes only with the end.
            for late in ["status", "encrypted_content"] {
                if let Some(value) = event["item"].get(late) {
                    item[late] = value.clone();
                }
            }
            assert_eq!(*item, event["item"]);
            assert_ne!(item["status"], "in_progress");
            self.done.extend(self.item.take());
            return;
        }
        assert_eq!(event["item_id"], item["id"], "{event}");
        let parts = if item["type"] == "reasoning" { "summary" } else { "content" };
        if let Some(index) = event.get("content_index").or(event.get("summary_index")) {
            assert_eq!(*index, item[parts].as_array().unwrap().len(), "{event}");
        }
        let delta = event["delta"].as_str().unwrap_or_default();
        match kind {
            "content_part.added" | "reasoning_summary_part.added" => {
                assert_eq!(self.part.replace(event["part"].clone()), None, "parts overlap");
            }
            "content_part.done" | "reasoning_summary_part.done" => {
                let part = self.part.take().expect("a part is open");
                assert_eq!(part, event["part"]);
                item[parts].as_array_mut().unwrap().push(part);
            }
            "output_text.delta" | "reasoning_summary_text.delta" => append(self.part.as_mut(), "text", delta),
            "refusal.delta" => append(self.part.as_mut(), "refusal", delta),
            "output_text.annotation.added" => {
                let annotations = self.part.as_mut().unwrap()["annotations"].as_array_mut().unwrap();
                assert_eq!(event["annotation_index"], annotations.len());
                annotations.push(event["annotation"].clone());
            }
            "output_text.done" => {
                let part = self.part.as_mut().unwrap();
                assert_eq!(part["text"], event["text"]);
                part["logprobs"] = event["logprobs"].clone();
            }
            "reasoning_summary_text.done" => assert_eq!(self.part.as_ref().unwrap()["text"], event["text"]),
            "refusal.done" => assert_eq!(self.part.as_ref().unwrap()["refusal"], event["refusal"]),
            "function_call_arguments.delta" => append(Some(item), "arguments", delta),
            "function_call_arguments.done" => assert_eq!(item["arguments"], event["arguments"]),
            "custom_tool_call_input.delta" => append(Some(item), "input", delta),
            "custom_tool_call_input.done" => assert_eq!(item["input"], event["input"]),
            _ => panic!("unknown event {event}"),
        }
    }
}

fn append(to: Option<&mut Value>, member: &str, delta: &str) {
    let to = to.expect("there is something open to append to");
    let text = to[member].as_str().expect("the member is text").to_owned();
    to[member] = Value::String(text + delta);
}

/// Anything that a reader may say, in an order that readers keep.
mod any {
    use proptest::prelude::*;

    use super::super::{write_answer, write_events};
    use super::*;
    use crate::api::Usage;
    use crate::api::chat::{Annotation, ChatAnswer, Choice, Content, Delta, Finish, Format, Part, Signature, ToolCall};
    use crate::dialects::WriteEvents;

    #[derive(Debug, Clone)]
    enum Say {
        Text(String),
        Cite,
        Reason(String),
        Sign,
        Redact,
        Refuse(String),
        Call {
            custom: bool,
            signed: bool,
        },
        /// More arguments for one of the calls so far.
        More(usize),
        Foreign,
    }

    fn say() -> impl Strategy<Value = Say> {
        let text = || prop_oneof!["[a-z{}\"é]{0,5}", Just("\u{1f642}".to_owned())];
        prop_oneof![
            4 => text().prop_map(Say::Text),
            1 => Just(Say::Cite),
            2 => text().prop_map(Say::Reason),
            1 => Just(Say::Sign),
            1 => Just(Say::Redact),
            1 => text().prop_map(Say::Refuse),
            2 => (prop::bool::weighted(0.2), any::<bool>())
                .prop_map(|(custom, signed)| Say::Call { custom, signed }),
            6 => any::<usize>().prop_map(Say::More),
            1 => Just(Say::Foreign),
        ]
    }

    fn finish() -> impl Strategy<Value = Finish> {
        prop_oneof![
            Just(Finish::Stop),
            Just(Finish::Length),
            Just(Finish::ToolCalls),
            Just(Finish::Refusal),
            Just(Finish::ContentFilter),
            Just(Finish::Pause),
        ]
    }

    fn signature() -> Signature {
        Signature { format: Format::Anthropic, value: "s".into() }
    }

    /// Each call's arguments come in these pieces, of which some may never come.
    const PIECES: [&str; 4] = ["{\"a\"", ":[1,\"}\"", "]", "}"];

    fn deltas(said: Vec<Say>) -> Vec<Delta> {
        let (mut calls, choice): (Vec<usize>, _) = (Vec::new(), 0);
        let one = |say| {
            Some(match say {
                Say::Text(text) => Delta::Text { choice, text },
                Say::Cite => {
                    let annotation = Annotation { url: Some("u".into()), ..Annotation::default() };
                    Delta::Annotation { choice, annotation }
                }
                Say::Reason(text) => Delta::Reasoning { choice, text },
                Say::Sign => Delta::Signature { choice, signature: signature() },
                Say::Redact => Delta::Redacted { choice, data: signature() },
                Say::Refuse(text) => Delta::Refusal { choice, text },
                Say::Call { custom, signed } => {
                    let call = u32::try_from(calls.len()).unwrap();
                    calls.push(0);
                    let (id, name) = (format!("c{call}"), "f".into());
                    Delta::ToolCall { choice, call, id, name, custom, signature: signed.then(signature) }
                }
                Say::More(which) => {
                    let call = which.checked_rem(calls.len())?;
                    let text = (*PIECES.get(calls[call])?).to_owned();
                    calls[call] += 1;
                    Delta::Arguments { choice, call: u32::try_from(call).unwrap(), text }
                }
                Say::Foreign => Delta::Foreign { choice, format: Format::Gemini, value: json!({}) },
            })
        };
        said.into_iter().filter_map(one).collect()
    }

    fn write(deltas: &[Delta], request: &ChatRequest) -> Value {
        let mut writer = write_events(heading(), request);
        let mut out = Vec::new();
        for delta in deltas {
            writer.write(delta.clone(), &mut out);
        }
        writer.end(&mut out);
        check_grammar(std::str::from_utf8(&out).unwrap())
    }

    /// All text of one kind, in order.
    fn texts(output: &Value, member: &str) -> String {
        let items = output.as_array().unwrap().iter();
        let parts = items.flat_map(|item| {
            let name = if item["type"] == "reasoning" { "summary" } else { "content" };
            item[name].as_array().cloned().unwrap_or_default()
        });
        let of_kind = parts.filter(|part| part["type"] == member);
        let member = if member == "refusal" { "refusal" } else { "text" };
        of_kind.map(|part| part[member].as_str().unwrap().to_owned()).collect()
    }

    proptest! {
        #[test]
        fn every_stream_keeps_the_grammar_and_loses_nothing(
            said in prop::collection::vec(say(), 0..40), finish in finish(),
        ) {
            let mut deltas = deltas(said);
            deltas.push(Delta::Finish { choice: 0, finish });
            let response = write(&deltas, &request());
            let output = &response["output"];
            let said = |kind: fn(&Delta) -> Option<&String>| deltas.iter().filter_map(kind).cloned().collect::<String>();
            let text = said(|delta| match delta { Delta::Text { text, .. } => Some(text), _ => None });
            prop_assert_eq!(texts(output, "output_text"), text);
            let refusal = said(|delta| match delta { Delta::Refusal { text, .. } => Some(text), _ => None });
            prop_assert_eq!(texts(output, "refusal"), refusal);
            let reasoning = said(|delta| match delta { Delta::Reasoning { text, .. } => Some(text), _ => None });
            prop_assert_eq!(texts(output, "summary_text"), reasoning);
            let calls = output.as_array().unwrap().iter().filter(|item| item.get("call_id").is_some());
            for (call, item) in (0..).zip(calls) {
                let more = deltas.iter().filter_map(|delta| match delta {
                    Delta::Arguments { call: of, text, .. } if *of == call => Some(text.as_str()),
                    _ => None,
                });
                let more: String = more.collect();
                let custom = item["type"] == "custom_tool_call";
                prop_assert_eq!(&item["call_id"], &json!(format!("c{call}")));
                let wanted = if more.is_empty() && !custom { "{}".to_owned() } else { more };
                prop_assert_eq!(&item[if custom { "input" } else { "arguments" }], &json!(wanted));
            }
        }

        #[test]
        fn a_stream_ends_with_what_a_whole_answer_says(
            said in prop::collection::vec(say(), 0..20), finish in finish(),
        ) {
            let parts = said.into_iter().enumerate().map(|(at, say)| Part::from(match say {
                Say::Text(text) => Content::Text { text, annotations: Vec::new() },
                Say::Cite => {
                    let annotation = Annotation { url: Some("u".into()), ..Annotation::default() };
                    Content::Text { text: "cited".into(), annotations: vec![annotation] }
                }
                Say::Reason(text) => Content::Reasoning { text, signature: Some(signature()) },
                Say::Sign => Content::Reasoning { text: String::new(), signature: Some(signature()) },
                Say::Redact => Content::Redacted(signature()),
                Say::Refuse(text) => Content::Refusal(text),
                Say::Call { custom, signed } => {
                    let (id, signature) = (format!("c{at}"), signed.then(signature));
                    Content::ToolCall(ToolCall { id, name: "f".into(), arguments: "{}".into(), custom, signature })
                }
                Say::More(_) => Content::ToolCall(ToolCall {
                    id: format!("c{at}"), name: "f".into(), arguments: "no json".into(), custom: false, signature: None,
                }),
                Say::Foreign => Content::Foreign { format: Format::Gemini, value: json!({}) },
            }));
            let choice = Choice {
                index: 0,
                parts: parts.collect(),
                finish,
                logprobs: Some(json!({ "content": [{ "token": "a", "logprob": -1 }] })),
            };
            let usage = Some(Usage { input: 1, output: 2, ..Usage::default() });
            let mut answer =
                ChatAnswer { id: None, model: None, created: None, choices: vec![choice], usage, service_tier: None };
            // Log probabilities that come behind their text's end are only in the last event.
            answer.choices[0].logprobs = None;
            let whole = write_answer(answer.clone(), &heading(), &request());
            let streamed = write(&answer.into_deltas(), &request());
            prop_assert_eq!(serde_json::from_slice::<Value>(&whole).unwrap(), streamed);
        }
    }
}
