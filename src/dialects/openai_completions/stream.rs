//! Writing a stream.

use std::collections::BTreeMap;

use super::answer::{Body, Written, finish_reason};
use crate::api::Usage;
use crate::api::chat::{ChatRequest, Delta, Finish};
use crate::dialects::sse::write_event;
use crate::dialects::{Heading, WriteEvents};

pub fn write_events(heading: Heading, _request: &ChatRequest) -> EventWriter {
    EventWriter {
        id: format!("cmpl-{}", heading.id),
        created: heading.created,
        model: heading.model,
        include_usage: heading.include_usage,
        choices: BTreeMap::new(),
        usage: None,
    }
}

/// Every chunk has the shape of a whole answer; usage, where it is wanted, is in the last, which has no choices.
#[derive(Debug)]
pub struct EventWriter {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
    choices: BTreeMap<u32, Standing>,
    usage: Option<Usage>,
}

/// How a choice stands.
#[derive(Debug, Default)]
struct Standing {
    /// Told at the end: a provider may go on behind it.
    finish: Option<Finish>,
}

impl EventWriter {
    fn send(&self, choices: Vec<Written>, usage: Option<Usage>, out: &mut Vec<u8>) {
        let usage = self.include_usage.then(|| usage.map(Into::into));
        let (id, model) = (&*self.id, &*self.model);
        let body = Body { id, object: "text_completion", created: self.created, model, choices, usage };
        write_event(None, &body, out);
    }
}

impl WriteEvents for EventWriter {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Start { model: Some(model), .. } if !model.is_empty() => self.model = model,
            // The format has no other place for a refusal's words.
            Delta::Text { choice, text } | Delta::Refusal { choice, text } if !text.is_empty() => {
                self.choices.entry(choice).or_default();
                self.send(vec![Written::new(choice, text, None)], None, out);
            }
            Delta::Finish { choice, finish } => {
                self.choices.entry(choice).or_default().finish.get_or_insert(finish);
            }
            Delta::Usage(usage) => self.usage = Some(usage),
            _ => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.choices.entry(0).or_default();
        for (choice, Standing { finish }) in std::mem::take(&mut self.choices) {
            let reason = finish_reason(&finish.unwrap_or(Finish::Stop));
            self.send(vec![Written::new(choice, String::new(), Some(reason))], None, out);
        }
        if self.include_usage && self.usage.is_some() {
            self.send(Vec::new(), self.usage, out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::chat::Format;

    fn stream(include_usage: bool, deltas: Vec<Delta>) -> Vec<Value> {
        let heading = Heading { id: "0a".into(), created: 7, model: "m".into(), include_usage };
        let mut writer = write_events(heading, &ChatRequest::new(Format::OpenAiCompletions));
        let mut out = Vec::new();
        for delta in deltas {
            writer.write(delta, &mut out);
        }
        writer.end(&mut out);
        let out = String::from_utf8(out).unwrap();
        let chunks = out.strip_suffix("data: [DONE]\n\n").unwrap().lines().filter(|line| !line.is_empty());
        chunks.map(|line| serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap()).collect()
    }

    fn text(choice: u32, text: &str) -> Delta {
        Delta::Text { choice, text: text.into() }
    }

    #[test]
    fn several_choices_are_told_as_they_come() {
        let chunks = stream(
            false,
            vec![
                Delta::Start { id: None, model: Some("big-1".into()), created: None },
                text(0, "a"),
                text(1, "b"),
                Delta::Reasoning { choice: 0, text: "hm".into() },
                text(0, ""),
                Delta::Finish { choice: 1, finish: Finish::Length },
                Delta::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
            ],
        );
        let chunk = |index, text: &str, finish: Value| {
            json!({ "id": "cmpl-0a", "object": "text_completion", "created": 7, "model": "big-1",
                "choices": [{ "index": index, "text": text, "logprobs": null, "finish_reason": finish }] })
        };
        let wanted = [
            chunk(0, "a", Value::Null),
            chunk(1, "b", Value::Null),
            chunk(0, "", json!("stop")),
            chunk(1, "", json!("length")),
        ];
        assert_eq!(chunks, wanted);
    }

    #[test]
    fn usage_stands_alone_and_only_where_it_is_wanted() {
        let used = Delta::Usage(Usage { input: 1, output: 2, ..Usage::default() });
        let finish = Delta::Finish { choice: 0, finish: Finish::Stop };
        let chunks = stream(true, vec![used, text(0, "a"), finish]);
        let usages: Vec<_> = chunks.iter().map(|chunk| chunk["usage"]["total_tokens"].as_u64()).collect();
        assert_eq!(usages, [None, None, Some(3)]);
        assert!(chunks.iter().all(|chunk| chunk.get("usage").is_some()));
        assert_eq!(chunks[2]["choices"], json!([]));
    }

    #[test]
    fn a_refusal_is_text() {
        let deltas =
            vec![Delta::Refusal { choice: 0, text: "no".into() }, Delta::Finish { choice: 0, finish: Finish::Stop }];
        let chunks = stream(false, deltas);
        assert_eq!(chunks[0]["choices"][0]["text"], "no");
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
    }
}
