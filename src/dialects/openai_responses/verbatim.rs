//! Judging the events of a stream that goes to the client as it came.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::judge::Document;
use crate::api::chat::{Delta, Finish, Format};
use crate::dialects::refusal::fault_inside;
use crate::dialects::{Event, Fault, ReadEvents};
use crate::error::FailureClass;

/// Reads OpenAI's own stream, so that its first content, its usage and its end are known. Of items of hosted tools it
/// tells only that they are there.
#[derive(Debug, Default)]
pub struct VerbatimEvents {
    started: bool,
    whole: bool,
    refused: bool,
    /// The places in the output of the calls that have begun.
    calls: Vec<u64>,
}

/// Members are read when the kind of event is known, so that an odd one elsewhere spoils nothing.
#[derive(Debug, Deserialize)]
struct Said<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output_index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    #[serde(rename = "type")]
    kind: Value,
    call_id: Value,
    name: Value,
}

fn parse<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn owned(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl VerbatimEvents {
    pub fn new() -> Self {
        Self::default()
    }

    fn start(&mut self, said: &Said<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let document: Document = parse(said.response).unwrap_or_default();
        document.check()?;
        if !std::mem::replace(&mut self.started, true) {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            deltas.push(Delta::Start {
                id: text(&document.id),
                model: text(&document.model),
                created: document.created_at.as_u64(),
            });
        }
        Ok(())
    }

    fn begin_item(&mut self, said: &Said<'_>, deltas: &mut Vec<Delta>) {
        let item: Item = parse(said.item).unwrap_or_default();
        let custom = item.kind == "custom_tool_call";
        if !custom && item.kind != "function_call" {
            return;
        }
        let index = parse(said.output_index).unwrap_or(u64::MAX);
        let call = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.calls.push(index);
        let (id, name) = (owned(&item.call_id), owned(&item.name));
        deltas.push(Delta::ToolCall { choice: 0, call, id, name, custom, signature: None });
    }

    /// A hosted tool is at its end: the client may show what it did.
    fn end_item(said: &Said<'_>, deltas: &mut Vec<Delta>) {
        let item: Item = parse(said.item).unwrap_or_default();
        let ours = ["message", "reasoning", "function_call", "custom_tool_call"];
        if item.kind.as_str().is_some_and(|kind| !ours.contains(&kind)) {
            let (format, value) = (Format::OpenAiResponses, json!({ "type": item.kind }));
            deltas.push(Delta::Foreign { choice: 0, format, value });
        }
    }

    fn arguments(&self, said: &Said<'_>, text: String, deltas: &mut Vec<Delta>) {
        let index = parse(said.output_index).unwrap_or(u64::MAX);
        let place = self.calls.iter().rposition(|&call| call == index);
        if let Some(Ok(call)) = place.map(u32::try_from) {
            deltas.push(Delta::Arguments { choice: 0, call, text });
        }
    }

    fn end(&mut self, said: &Said<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let document: Document = parse(said.response).ok_or_else(Fault::malformed)?;
        document.check()?;
        self.whole = true;
        let finish = match document.incomplete_reason() {
            Some("max_output_tokens") => Finish::Length,
            Some("content_filter") => Finish::ContentFilter,
            Some(reason) => Finish::Other(reason.to_owned()),
            None if !document.is_completed() => Finish::Other("incomplete".to_owned()),
            None if self.refused => Finish::Refusal,
            None if !self.calls.is_empty() => Finish::ToolCalls,
            None => Finish::Stop,
        };
        deltas.push(Delta::Finish { choice: 0, finish });
        deltas.extend(document.usage().map(Delta::Usage));
        Ok(())
    }

    /// The response has failed, or the stream has: then the error stands alone, or is the event itself.
    #[cold]
    fn fault(said: &Said<'_>, data: &[u8]) -> Fault {
        if let Some(Err(fault)) = parse::<Document>(said.response).map(|document| document.check()) {
            return fault;
        }
        match parse(said.error) {
            Some(error @ (Value::Object(_) | Value::String(_))) => fault_inside(&error),
            _ if said.response.is_some() => Fault::new(FailureClass::ServerError),
            _ => {
                let mut event: Value = serde_json::from_slice(data).unwrap_or_default();
                // `error` is the kind of event, not of error.
                event["type"].take();
                fault_inside(&event)
            }
        }
    }
}

impl ReadEvents for VerbatimEvents {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        if event.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let said: Said<'_> = serde_json::from_slice(event.data).map_err(|_| Fault::malformed())?;
        let kind = parse(said.kind).map(|Text(kind)| kind);
        let delta = || parse(said.delta).map(|Text(text)| text.into_owned()).unwrap_or_default();
        let choice = 0;
        match kind.as_deref().or(event.name).unwrap_or_default() {
            "response.output_text.delta" => deltas.push(Delta::Text { choice, text: delta() }),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                deltas.push(Delta::Reasoning { choice, text: delta() });
            }
            "response.refusal.delta" => {
                let text = delta();
                self.refused |= !text.is_empty();
                deltas.push(Delta::Refusal { choice, text });
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(&said, delta(), deltas);
            }
            "response.output_item.added" => self.begin_item(&said, deltas),
            "response.output_item.done" => Self::end_item(&said, deltas),
            "response.created" | "response.in_progress" | "response.queued" => self.start(&said, deltas)?,
            "response.completed" | "response.incomplete" => self.end(&said, deltas)?,
            "response.failed" | "response.cancelled" | "error" => return Err(Self::fault(&said, event.data)),
            "" if said.error.is_some() => return Err(Self::fault(&said, event.data)),
            _ => {}
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Usage;

    fn read(reader: &mut VerbatimEvents, event: &Value) -> Result<Vec<Delta>, Fault> {
        let mut deltas = Vec::new();
        reader.read(Event { name: None, data: event.to_string().as_bytes() }, &mut deltas)?;
        Ok(deltas)
    }

    #[test]
    fn calls_are_numbered_without_gaps() {
        let mut reader = VerbatimEvents::new();
        for (index, wanted) in [(1, 0), (4, 1)] {
            let item = json!({ "type": "function_call", "call_id": "c", "name": "f" });
            let added = json!({ "type": "response.output_item.added", "output_index": index, "item": item });
            let begun = read(&mut reader, &added).unwrap();
            assert!(matches!(begun[..], [Delta::ToolCall { call, .. }] if call == wanted));
        }
        let more = json!({ "type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}" });
        assert_eq!(read(&mut reader, &more).unwrap(), [Delta::Arguments { choice: 0, call: 0, text: "{}".into() }]);
        let lost = json!({ "type": "response.function_call_arguments.delta", "output_index": 9, "delta": "{}" });
        assert_eq!(read(&mut reader, &lost).unwrap(), []);
    }

    #[test]
    fn the_end_tells_why_and_what_it_used() {
        let usage = json!({ "input_tokens": 2, "output_tokens": 1 });
        let used = Delta::Usage(Usage { input: 2, output: 1, ..Usage::default() });
        for (kind, status, reason, finish) in [
            ("completed", "completed", Value::Null, Finish::Stop),
            ("incomplete", "incomplete", json!("max_output_tokens"), Finish::Length),
            ("incomplete", "incomplete", json!("content_filter"), Finish::ContentFilter),
            ("completed", "incomplete", Value::Null, Finish::Other("incomplete".into())),
        ] {
            let mut reader = VerbatimEvents::new();
            assert!(!reader.is_whole());
            let response =
                json!({ "status": status, "incomplete_details": { "reason": reason }, "output": [], "usage": usage });
            let event = json!({ "type": format!("response.{kind}"), "response": response });
            let finish = Delta::Finish { choice: 0, finish };
            assert_eq!(read(&mut reader, &event).unwrap(), [finish, used.clone()]);
            assert!(reader.is_whole());
        }
    }

    #[test]
    fn errors_are_faults_in_every_shape() {
        let limited = json!({ "code": "rate_limit_exceeded", "message": "slow down" });
        for event in [
            json!({ "type": "error", "code": "rate_limit_exceeded", "message": "slow down" }),
            json!({ "type": "error", "error": limited }),
            json!({ "error": limited }),
            json!({ "type": "response.failed", "response": { "status": "failed", "error": limited } }),
            json!({ "type": "response.completed", "response": { "status": "completed", "error": limited } }),
        ] {
            let fault = read(&mut VerbatimEvents::new(), &event).unwrap_err();
            assert_eq!(fault.class, FailureClass::RateLimited, "{event}");
        }
        let failed = json!({ "type": "response.failed", "response": {} });
        assert_eq!(read(&mut VerbatimEvents::new(), &failed).unwrap_err().class, FailureClass::ServerError);
    }

    #[test]
    fn odd_events_say_nothing_and_no_json_is_a_fault() {
        for event in [
            json!({}),
            json!({ "type": 7 }),
            json!({ "type": "response.audio.delta", "delta": { "x": 1 } }),
            json!({ "type": "response.output_item.added", "item": 7, "output_index": "x" }),
        ] {
            assert_eq!(read(&mut VerbatimEvents::new(), &event), Ok(vec![]), "{event}");
        }
        let mut reader = VerbatimEvents::new();
        let cut = reader.read(Event { name: None, data: b"{\"type\":" }, &mut Vec::new());
        assert_eq!(cut, Err(Fault::malformed()));
        assert_eq!(reader.read(Event { name: None, data: b"[DONE]" }, &mut Vec::new()), Ok(()));
    }
}
