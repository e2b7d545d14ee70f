//! Judging the events of a stream that goes to the client as it came.

use serde_json::Value;

use super::judge::{Document, text};
use crate::api::chat::{Delta, Finish};
use crate::dialects::verbatim::fault_inside;
use crate::dialects::{Event, Fault, ReadEvents};

/// Reads a provider's own stream of completions, so that its first content, its usage and its end are known.
#[derive(Debug)]
pub struct VerbatimEvents {
    choices: usize,
    finished: Vec<u32>,
    started: bool,
    done: bool,
}

impl VerbatimEvents {
    /// For a request that gets so many choices: `n` for each of its prompts.
    pub fn new(choices: usize) -> Self {
        Self { choices, finished: Vec::new(), started: false, done: false }
    }

    fn choice(&mut self, value: &Value, deltas: &mut Vec<Delta>) {
        let index = value.get("index").and_then(Value::as_u64).map_or(0, |index| index.min(u64::from(u32::MAX)));
        let choice = u32::try_from(index).unwrap_or(0);
        deltas.push(Delta::Text { choice, text: text(value, "text").to_owned() });
        let finish = match text(value, "finish_reason") {
            "" => return,
            "stop" | "eos" => Finish::Stop,
            "length" => Finish::Length,
            "content_filter" => Finish::ContentFilter,
            other => Finish::Other(other.to_owned()),
        };
        if !self.finished.contains(&choice) {
            self.finished.push(choice);
            deltas.push(Delta::Finish { choice, finish });
        }
    }
}

impl ReadEvents for VerbatimEvents {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        if event.data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let document = Document::read(event.data)?;
        if event.name == Some("error") {
            return Err(fault_inside(&serde_json::from_slice(event.data).unwrap_or_default()));
        }
        if !std::mem::replace(&mut self.started, true) {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let (id, model) = (text(&document.id), text(&document.model));
            deltas.push(Delta::Start { id, model, created: document.created.as_u64() });
        }
        for choice in document.choices() {
            self.choice(choice, deltas);
        }
        deltas.extend(document.usage().map(Delta::Usage));
        Ok(())
    }

    /// Several vendors send no `[DONE]`.
    fn is_whole(&self) -> bool {
        self.done || self.finished.len() >= self.choices.max(1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Usage;
    use crate::error::FailureClass;

    fn read(reader: &mut VerbatimEvents, event: &Value) -> Result<Vec<Delta>, Fault> {
        let mut deltas = Vec::new();
        reader.read(Event { name: None, data: event.to_string().as_bytes() }, &mut deltas)?;
        Ok(deltas)
    }

    #[test]
    fn a_stream_is_whole_when_every_choice_has_ended() {
        let mut reader = VerbatimEvents::new(2);
        let end = |index| json!({ "choices": [{ "index": index, "text": "", "finish_reason": "stop" }] });
        for index in [0, 0] {
            read(&mut reader, &end(index)).unwrap();
        }
        assert!(!reader.is_whole());
        read(&mut reader, &end(1)).unwrap();
        assert!(reader.is_whole());
        let mut reader = VerbatimEvents::new(1);
        reader.read(Event { name: None, data: b"[DONE]" }, &mut Vec::new()).unwrap();
        assert!(reader.is_whole());
    }

    #[test]
    fn text_and_usage_are_taken_from_any_chunk() {
        let mut reader = VerbatimEvents::new(1);
        let chunk = json!({ "id": "x", "choices": [{ "index": 0, "text": "a" }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 2 } });
        let wanted = [
            Delta::Start { id: Some("x".into()), model: None, created: None },
            Delta::Text { choice: 0, text: "a".into() },
            Delta::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
        ];
        assert_eq!(read(&mut reader, &chunk).unwrap(), wanted);
    }

    #[test]
    fn errors_are_faults() {
        let error = json!({ "error": { "message": "overloaded", "code": 503 } });
        assert_eq!(read(&mut VerbatimEvents::new(1), &error).unwrap_err().class, FailureClass::ServerError);
        let named = Event { name: Some("error"), data: b"{\"type\":\"rate_limit_error\"}" };
        let fault = VerbatimEvents::new(1).read(named, &mut Vec::new()).unwrap_err();
        assert_eq!(fault.class, FailureClass::RateLimited);
        let cut = Event { name: None, data: b"{\"choices\":" };
        assert_eq!(VerbatimEvents::new(1).read(cut, &mut Vec::new()), Err(Fault::malformed()));
    }
}
