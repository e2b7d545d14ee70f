//! Reading a stream.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::read_call;
use super::citation::{Cites, cites, read_citation};
use super::fault::read_fault;
use super::usage::{read_finish, read_logprob, read_usage};
use crate::api::chat::Delta;
use crate::dialects::{Event, Fault, ReadEvents};

/// `call_id` is ours; ids of calls that came without one are made of it.
pub fn read_events(call_id: &str) -> EventReader {
    EventReader { call_id: call_id.to_owned(), ..EventReader::default() }
}

/// Reads the events of one stream. <https://docs.cohere.com/v2/docs/streaming>
#[derive(Debug, Default)]
pub struct EventReader {
    call_id: String,
    started: bool,
    whole: bool,
    /// The provider's index of each call; its place is ours.
    calls: Vec<u64>,
    /// Characters of text so far, and how many there were when each part of the content began.
    characters: u32,
    begun: Vec<(u64, u32)>,
}

/// The events that a stream is full of.
#[derive(Deserialize)]
struct Piece {
    r#type: PieceType,
    #[serde(default)]
    index: u64,
    delta: PieceDelta,
    #[serde(default)]
    logprobs: Option<Value>,
}

#[derive(Deserialize)]
enum PieceType {
    #[serde(rename = "content-delta")]
    Content,
    #[serde(rename = "tool-plan-delta")]
    ToolPlan,
    #[serde(rename = "tool-call-delta")]
    Arguments,
}

#[derive(Deserialize)]
struct PieceDelta {
    message: PieceMessage,
}

#[derive(Deserialize)]
struct PieceMessage {
    #[serde(default)]
    content: PieceContent,
    #[serde(default)]
    tool_plan: String,
    #[serde(default)]
    tool_calls: PieceCall,
}

#[derive(Deserialize, Default)]
struct PieceContent {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thinking: String,
}

#[derive(Deserialize, Default)]
struct PieceCall {
    #[serde(default)]
    function: PieceFunction,
}

#[derive(Deserialize, Default)]
struct PieceFunction {
    #[serde(default)]
    arguments: String,
}

impl ReadEvents for EventReader {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        if event.data == b"[DONE]" {
            return Ok(());
        }
        if let Ok(piece) = serde_json::from_slice(event.data) {
            self.piece(piece, deltas);
            return Ok(());
        }
        let value: Value = serde_json::from_slice(event.data).map_err(|_| Fault::malformed())?;
        self.rare(event.name, &value, deltas)
    }

    fn is_whole(&self) -> bool {
        self.whole
    }
}

impl EventReader {
    fn piece(&mut self, piece: Piece, deltas: &mut Vec<Delta>) {
        let message = piece.delta.message;
        match piece.r#type {
            PieceType::Content => {
                push_reasoning(message.content.thinking, deltas);
                self.text(message.content.text, deltas);
                if let Some(entry) = piece.logprobs.as_ref().and_then(read_logprob) {
                    deltas.push(Delta::Logprobs { choice: 0, value: json!({"content": [entry], "refusal": null}) });
                }
            }
            PieceType::ToolPlan => self.text(message.tool_plan, deltas),
            PieceType::Arguments => self.arguments(piece.index, message.tool_calls.function.arguments, deltas),
        }
    }

    /// Events that come once, or in a shape that [`Piece`] does not have.
    fn rare(&mut self, name: Option<&str>, event: &Value, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let delta = event.get("delta").unwrap_or(&Value::Null);
        let message = delta.get("message").unwrap_or(&Value::Null);
        let index = event.get("index").and_then(Value::as_u64).unwrap_or(0);
        match event.get("type").and_then(Value::as_str).or(name) {
            Some("message-start") if !self.started => {
                self.started = true;
                let id = event.get("id").and_then(Value::as_str).map(str::to_owned);
                deltas.push(Delta::Start { id, model: None, created: None });
            }
            Some(kind @ ("content-start" | "content-delta")) => {
                if kind == "content-start" {
                    self.begun.push((index, self.characters));
                }
                let content = message.get("content").unwrap_or(&Value::Null);
                let text = |name: &str| content.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                push_reasoning(text("thinking"), deltas);
                self.text(text("text"), deltas);
            }
            Some("tool-call-start") => self.call(index, message.get("tool_calls").unwrap_or(&Value::Null), deltas),
            Some("citation-start") => self.cite(message.get("citations").unwrap_or(&Value::Null), deltas),
            Some("message-end") => self.end(delta, deltas)?,
            Some("error") | None => return Err(read_error(event)),
            Some(_) if event.get("error").is_some_and(|error| !error.is_null()) => return Err(read_error(event)),
            Some(_) => {}
        }
        Ok(())
    }

    fn text(&mut self, text: String, deltas: &mut Vec<Delta>) {
        if text.is_empty() {
            return;
        }
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        self.characters = self.characters.saturating_add(characters);
        deltas.push(Delta::Text { choice: 0, text });
    }

    fn call(&mut self, index: u64, call: &Value, deltas: &mut Vec<Delta>) {
        let number = self.calls.len();
        self.calls.push(index);
        let call = read_call(call.get(0).unwrap_or(call), &self.call_id, number);
        deltas.push(Delta::ToolCall {
            choice: 0,
            call: u32::try_from(number).unwrap_or(u32::MAX),
            id: call.id,
            name: call.name,
            custom: false,
            signature: None,
        });
        self.arguments(index, call.arguments, deltas);
    }

    /// Of several calls with one index, the latest is meant.
    fn arguments(&mut self, index: u64, text: String, deltas: &mut Vec<Delta>) {
        let Some(call) = self.calls.iter().rposition(|&known| known == index) else { return };
        if !text.is_empty() {
            deltas.push(Delta::Arguments { choice: 0, call: u32::try_from(call).unwrap_or(u32::MAX), text });
        }
    }

    fn cite(&self, citation: &Value, deltas: &mut Vec<Delta>) {
        let citation = citation.get(0).unwrap_or(citation);
        let before = match cites(citation) {
            Cites::Thinking => return,
            Cites::Plan => 0,
            Cites::Text(index) => {
                let exact = self.begun.iter().rev().find(|(known, _)| Some(*known) == index);
                exact.or(self.begun.last()).map_or(0, |&(_, before)| before)
            }
        };
        let annotate = |annotation| Delta::Annotation { choice: 0, annotation };
        deltas.extend(read_citation(citation, before).into_iter().map(annotate));
    }

    fn end(&mut self, delta: &Value, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let finish = read_finish(delta.get("finish_reason").and_then(Value::as_str), delta)?;
        if !self.whole {
            self.whole = true;
            deltas.push(Delta::Finish { choice: 0, finish });
            deltas.extend(delta.get("usage").and_then(read_usage).map(Delta::Usage));
        }
        Ok(())
    }
}

fn push_reasoning(text: String, deltas: &mut Vec<Delta>) {
    if !text.is_empty() {
        deltas.push(Delta::Reasoning { choice: 0, text });
    }
}

/// An event without a type is an error's document, or nothing that is known.
fn read_error(event: &Value) -> Fault {
    if event.get("message").or_else(|| event.get("error")).is_some() { read_fault(event) } else { Fault::malformed() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chat::Finish;
    use crate::error::FailureClass;

    fn feed(events: &[Value]) -> (Result<Vec<Delta>, Fault>, bool) {
        let mut reader = read_events("abcd");
        let mut deltas = Vec::new();
        for event in events {
            let data = event.to_string();
            if let Err(fault) = reader.read(Event { name: None, data: data.as_bytes() }, &mut deltas) {
                return (Err(fault), reader.is_whole());
            }
        }
        (Ok(deltas), reader.is_whole())
    }

    fn start(index: u64, id: &str, name: &str) -> Value {
        json!({"type": "tool-call-start", "index": index,
            "delta": {"message": {"tool_calls": {"id": id, "function": {"name": name, "arguments": ""}}}}})
    }

    fn more(index: u64, text: &str) -> Value {
        json!({"type": "tool-call-delta", "index": index,
            "delta": {"message": {"tool_calls": {"function": {"arguments": text}}}}})
    }

    fn end(reason: &str) -> Value {
        json!({"type": "message-end", "delta": {"finish_reason": reason, "usage": {"billed_units": {"input_tokens": 2, "output_tokens": 1}}}})
    }

    #[test]
    fn interleaved_calls_are_counted_from_zero() {
        let (deltas, whole) =
            feed(&[start(3, "a", "f"), start(7, "", "g"), more(7, "{}"), more(3, "["), more(3, "]"), end("TOOL_CALL")]);
        let deltas = deltas.unwrap();
        assert!(whole);
        let ids: Vec<_> = deltas
            .iter()
            .filter_map(|delta| match delta {
                Delta::ToolCall { call, id, .. } => Some((*call, id.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(ids, [(0, "a"), (1, "call_abcd_1")]);
        let of = |wanted| -> String {
            deltas
                .iter()
                .filter_map(|delta| match delta {
                    Delta::Arguments { call, text, .. } if *call == wanted => Some(text.as_str()),
                    _ => None,
                })
                .collect()
        };
        assert_eq!((of(0).as_str(), of(1).as_str()), ("[]", "{}"));
    }

    #[test]
    fn the_end_gives_finish_and_usage_once() {
        let (deltas, whole) = feed(&[end("MAX_TOKENS"), end("MAX_TOKENS")]);
        let deltas = deltas.unwrap();
        assert!(whole && deltas.len() == 2);
        assert_eq!(deltas[0], Delta::Finish { choice: 0, finish: Finish::Length });
        assert!(matches!(deltas[1], Delta::Usage(usage) if usage.input == 2 && usage.output == 1));
    }

    #[test]
    fn an_end_in_error_is_a_fault_and_the_stream_is_not_whole() {
        let (deltas, whole) = feed(&[json!({"type": "message-end", "delta": {"finish_reason": "ERROR",
            "error": "your request resulted in an invalid tool generation", "error_type": "INVALID_TOOL_GENERATION"}})]);
        assert_eq!(deltas.unwrap_err().class, FailureClass::ServerError);
        assert!(!whole);
        let (deltas, _) = feed(&[json!({"id": "x", "message": "internal error"})]);
        assert_eq!(deltas.unwrap_err().class, FailureClass::ServerError);
    }

    #[test]
    fn what_is_unknown_says_nothing_and_what_is_no_json_is_malformed() {
        let (deltas, _) = feed(&[json!({"type": "debug", "x": 1}), json!({"type": "content-delta", "delta": null})]);
        assert_eq!(deltas.unwrap(), []);
        let mut reader = read_events("c");
        let fault = reader.read(Event { name: None, data: b"{\"type\":" }, &mut Vec::new()).unwrap_err();
        assert_eq!(fault.class, FailureClass::Malformed);
    }

    #[test]
    fn citations_count_from_the_start_of_the_answer() {
        let piece = |text: &str| json!({"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": text}}}});
        let (deltas, _) = feed(&[
            json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "Ümm"}}}),
            json!({"type": "content-start", "index": 1, "delta": {"message": {"content": {"type": "text", "text": ""}}}}),
            piece("16"),
            json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"start": 0, "end": 2, "sources": []}}}}),
        ]);
        let Some(Delta::Annotation { annotation, .. }) = deltas.unwrap().pop() else { panic!("no annotation") };
        assert_eq!(annotation.span, Some((3, 5)));
    }
}
