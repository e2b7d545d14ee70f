//! A stream. Every event is a piece of the answer in the form of a whole one; nothing marks the end but that every
//! candidate has said why it ended.

use super::error;
use super::finish::{is_failure, read_finish};
use super::grounding::read_annotations;
use super::logprobs::read_logprobs;
use super::usage::Counts;
use super::wire::{Candidate, Chunk, Ids, read_chunks};
use crate::api::chat::{Annotation, Content, Delta, Finish, Format};
use crate::dialects::{Event, Fault, ReadEvents};

/// `call_id` goes into the ids of tool calls that have none.
pub fn read_events(call_id: &str) -> EventReader {
    EventReader {
        ids: Ids::new(call_id),
        started: false,
        counts: Counts::default(),
        choices: Vec::new(),
        contents: Vec::new(),
    }
}

#[derive(Debug)]
pub struct EventReader {
    ids: Ids,
    started: bool,
    counts: Counts,
    choices: Vec<Choice>,
    /// Scratch.
    contents: Vec<Content>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    calls: u32,
    /// All of it, for the places of annotations.
    text: String,
    annotations: Vec<Annotation>,
    finished: bool,
}

impl ReadEvents for EventReader {
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        for chunk in read_chunks(event.data)? {
            self.chunk(chunk, deltas)?;
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished)
    }
}

impl EventReader {
    fn chunk(&mut self, chunk: Chunk<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        if let Some(said) = chunk.error {
            return Err(error::raw_fault(said));
        }
        let blocked = chunk.is_blocked();
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (chunk.response_id.map(Into::into), chunk.model_version.map(Into::into));
            deltas.push(Delta::Start { id, model, created: None });
        }
        // Before the content: a format that tells the prompt's tokens first can then do so.
        if let Some(later) = chunk.usage_metadata {
            let before = self.counts;
            self.counts.update(later);
            deltas.extend(self.counts.usage().filter(|_| before != self.counts).map(Delta::Usage));
        }
        for candidate in chunk.candidates {
            self.candidate(candidate, deltas)?;
        }
        if blocked {
            self.choice(0).end(Finish::ContentFilter, deltas);
        }
        Ok(())
    }

    fn candidate(&mut self, mut candidate: Candidate<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let mut contents = std::mem::take(&mut self.contents);
        for part in candidate.take_parts() {
            part.read(&mut self.ids, &mut contents);
        }
        let choice = self.choice(candidate.index());
        signatures_last(&mut contents);
        for content in contents.drain(..) {
            choice.say(content, deltas);
        }
        if let Some(value) = candidate.logprobs_result.and_then(read_logprobs) {
            deltas.push(Delta::Logprobs { choice: choice.index, value });
        }
        if let Some(metadata) = candidate.grounding_metadata {
            let found = read_annotations(metadata, &choice.text);
            if !found.is_empty() {
                choice.annotations = found;
            }
        }
        if let Some(reason) = candidate.finish_reason {
            if is_failure(&reason) && choice.calls == 0 && choice.text.is_empty() {
                return Err(Fault::malformed());
            }
            if let Some(finish) = read_finish(&reason, choice.calls > 0) {
                choice.end(finish, deltas);
            }
        }
        self.contents = contents;
        Ok(())
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }
}

/// The signature of a text stands before it, where it can be carried to other formats. In a stream the text has begun
/// long before, and must not be cut in two.
fn signatures_last(contents: &mut [Content]) {
    for at in 1..contents.len() {
        let (before, behind) = contents.split_at_mut(at);
        let (Some(signature), Some(text)) = (before.last_mut(), behind.first_mut()) else { continue };
        let signs = matches!(signature, Content::Reasoning { text, signature: Some(_) } if text.is_empty());
        if signs && matches!(text, Content::Text { .. }) {
            std::mem::swap(signature, text);
        }
    }
}

impl Choice {
    fn say(&mut self, content: Content, deltas: &mut Vec<Delta>) {
        let choice = self.index;
        match content {
            Content::Text { text, .. } => {
                self.text.push_str(&text);
                deltas.push(Delta::Text { choice, text });
            }
            Content::Reasoning { text, signature } => {
                if !text.is_empty() {
                    deltas.push(Delta::Reasoning { choice, text });
                }
                deltas.extend(signature.map(|signature| Delta::Signature { choice, signature }));
            }
            Content::ToolCall(tool) => {
                let call = self.calls;
                self.calls += 1;
                let (id, name, custom, signature) = (tool.id, tool.name, tool.custom, tool.signature);
                deltas.push(Delta::ToolCall { choice, call, id, name, custom, signature });
                deltas.push(Delta::Arguments { choice, call, text: tool.arguments });
            }
            Content::Foreign { format, value } => deltas.push(Delta::Foreign { choice, format, value }),
            Content::Image { source, .. } => deltas.push(Delta::Image { choice, source }),
            // Streams have no other place for sound.
            Content::Audio { source } => {
                if let Some(medium) = super::media::Medium::of(&source)
                    && let Ok(value) = serde_json::to_value(medium)
                {
                    deltas.push(Delta::Foreign { choice, format: Format::Gemini, value });
                }
            }
            Content::Redacted(_) | Content::Refusal(_) | Content::Document { .. } | Content::ToolResult(_) => {}
        }
    }

    fn end(&mut self, finish: Finish, deltas: &mut Vec<Delta>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let choice = self.index;
        let annotations = std::mem::take(&mut self.annotations).into_iter();
        deltas.extend(annotations.map(|annotation| Delta::Annotation { choice, annotation }));
        deltas.push(Delta::Finish { choice, finish });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::chat::Source;
    use crate::error::FailureClass;

    fn read(chunks: &[Value]) -> (Vec<Delta>, bool) {
        let mut reader = read_events("01");
        let mut deltas = Vec::new();
        for chunk in chunks {
            let data = chunk.to_string();
            reader.read(Event { name: None, data: data.as_bytes() }, &mut deltas).unwrap();
        }
        (deltas, reader.is_whole())
    }

    fn fault(data: &str) -> Fault {
        read_events("1").read(Event { name: None, data: data.as_bytes() }, &mut Vec::new()).unwrap_err()
    }

    fn said(parts: &Value, finish: Option<&str>) -> Value {
        json!({"candidates": [{"content": {"parts": parts}, "finishReason": finish}], "responseId": "r"})
    }

    fn start() -> Delta {
        Delta::Start { id: Some("r".into()), model: None, created: None }
    }

    #[test]
    fn calls_over_several_chunks_count_on() {
        let call = |name: &str| json!({"functionCall": {"name": name, "args": {}}});
        let chunks = [
            said(&json!([call("a"), call("b")]), None),
            said(&json!([call("c")]), None),
            said(&json!([{"text": ""}]), Some("STOP")),
        ];
        let (deltas, whole) = read(&chunks);
        let begins: Vec<_> = deltas
            .iter()
            .filter_map(|delta| match delta {
                Delta::ToolCall { call, id, name, .. } => Some((*call, id.as_str(), name.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(begins, [(0, "call_01_0", "a"), (1, "call_01_1", "b"), (2, "call_01_2", "c")]);
        assert_eq!(deltas.last(), Some(&Delta::Finish { choice: 0, finish: Finish::ToolCalls }));
        assert!(whole);
    }

    #[test]
    fn the_end_is_told_once() {
        let usage = json!({"usageMetadata": {"promptTokenCount": 1}});
        let chunks =
            [said(&json!([{"text": "a"}]), Some("STOP")), said(&json!([]), Some("STOP")), usage.clone(), usage];
        let (deltas, whole) = read(&chunks);
        let counts = crate::api::Usage { input: 1, ..crate::api::Usage::default() };
        let expected = [
            start(),
            Delta::Text { choice: 0, text: "a".into() },
            Delta::Finish { choice: 0, finish: Finish::Stop },
            Delta::Usage(counts),
        ];
        assert_eq!((&deltas[..], whole), (&expected[..], true));
    }

    #[test]
    fn a_stream_is_whole_when_every_candidate_has_ended() {
        let candidate = |index: u32, finish: Option<&str>| json!({"index": index, "finishReason": finish});
        let both = json!({"candidates": [candidate(0, None), candidate(1, None)]});
        let first = json!({"candidates": [candidate(0, Some("STOP"))]});
        let second = json!({"candidates": [candidate(1, Some("MAX_TOKENS"))]});
        assert!(!read(&[]).1);
        assert!(!read(&[both.clone(), first.clone()]).1);
        assert!(read(&[both, first, second]).1);
    }

    #[test]
    fn a_refused_prompt_ends_the_stream() {
        let (deltas, whole) = read(&[json!({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r"})]);
        assert_eq!(deltas, [start(), Delta::Finish { choice: 0, finish: Finish::ContentFilter }]);
        assert!(whole);
    }

    #[test]
    fn a_signature_at_the_end_is_told_alone() {
        let chunks = [
            said(&json!([{"text": "Hm", "thought": true}, {"text": "a"}]), None),
            said(&json!([{"text": "", "thoughtSignature": "s"}]), Some("STOP")),
        ];
        let signature = crate::api::chat::Signature { format: Format::Gemini, value: "s".into() };
        let expected = [
            start(),
            Delta::Reasoning { choice: 0, text: "Hm".into() },
            Delta::Text { choice: 0, text: "a".into() },
            Delta::Signature { choice: 0, signature },
            Delta::Finish { choice: 0, finish: Finish::Stop },
        ];
        assert_eq!(read(&chunks).0, expected);
    }

    #[test]
    fn pictures_and_sources_are_not_lost() {
        let picture = json!({"inlineData": {"mimeType": "image/png", "data": "AA=="}});
        let mut last = said(&json!([{"text": "a"}, picture]), Some("STOP"));
        last["candidates"][0]["groundingMetadata"] =
            json!({"groundingChunks": [{"web": {"uri": "https://a.example"}}]});
        let annotation = Annotation { url: Some("https://a.example".into()), ..Annotation::default() };
        let expected = [
            start(),
            Delta::Text { choice: 0, text: "a".into() },
            Delta::Image { choice: 0, source: Source::from_url("data:image/png;base64,AA==") },
            Delta::Annotation { choice: 0, annotation },
            Delta::Finish { choice: 0, finish: Finish::Stop },
        ];
        assert_eq!(read(&[last]).0, expected);
    }

    #[test]
    fn errors_are_faults() {
        let limited = r#"{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}"#;
        assert_eq!(fault(limited).class, FailureClass::RateLimited);
        assert_eq!(fault(&format!("[{limited}]")).class, FailureClass::RateLimited);
        for data in ["", "[DONE]", "null", r#"{"candidates":"#] {
            assert_eq!(fault(data), Fault::malformed(), "{data}");
        }
    }

    /// One value after another takes the place of each member of a chunk that has all of them.
    #[test]
    fn no_member_of_any_type_is_more_than_missing() {
        let values = ["null", "true", "-1", "1e300", "\"\u{e9}\"", "[[]]", "{}", "{\"text\":{\"a\":[1]}}"];
        let chunk = r#"{"candidates":[{"content":{"parts":[{"text":"a","thought":true,"thoughtSignature":"s"},
                {"functionCall":{"id":"1","name":"f","args":{"a":1}}},{"inlineData":{"mimeType":"a/b","data":"c"}},
                {"executableCode":{"code":"1"}}],"role":"model"},"index":0,"finishReason":"STOP","logprobsResult":
                {"chosenCandidates":[{"token":"a","logProbability":-1}]},"groundingMetadata":{"groundingChunks":[{"web":
                {"uri":"u"}}],"groundingSupports":[{"segment":{"startIndex":1,"text":"t"},"groundingChunkIndices":[0]}]}}],
                "usageMetadata":{"promptTokenCount":1,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":1}]},
                "promptFeedback":{"blockReason":"SAFETY"},"modelVersion":"m","responseId":"r"}"#;
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        for (place, value) in (0..64).flat_map(|place| values.map(|value| (place, value))) {
            let mut chunk = chunk.clone();
            replace(&mut chunk, &mut { place }, &serde_json::from_str(value).unwrap());
            let data = chunk.to_string();
            let mut deltas = Vec::new();
            let read = read_events("1").read(Event { name: None, data: data.as_bytes() }, &mut deltas);
            assert!(read.is_ok() && matches!(deltas[0], Delta::Start { .. }), "{data}");
            let answer = crate::dialects::gemini::read_answer(data.as_bytes(), "1");
            assert!(answer.is_ok() || !data.contains("candidates\":[{"), "{data}");
        }
    }

    fn replace(value: &mut Value, place: &mut i32, with: &Value) {
        let members: Vec<&mut Value> = match value {
            Value::Object(members) => members.values_mut().collect(),
            Value::Array(items) => items.iter_mut().collect(),
            _ => return,
        };
        for member in members {
            if *place == 0 {
                *member = with.clone();
            }
            *place -= 1;
            replace(member, place, with);
        }
    }
}
