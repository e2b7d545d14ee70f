//! A stream of chunks in OpenAI's chat form: what the door gives for providers of other formats.

use serde::Serialize;
use serde_json::{Value, json};

use super::reasoning::{detail, extra_content, redacted};
use super::write_answer::{WrittenUsage, finish_word, image, url_citation};
use crate::api::Usage;
use crate::api::chat::{Annotation, ChatRequest, Delta};
use crate::dialects::{Heading, WriteEvents};

/// The longest reasoning whose text is repeated beside its signature.
const SIGNED_TEXT_LIMIT: usize = 1 << 20;

/// Writes chunks. Each choice begins with its role and ends with its finish reason; usage comes in a last chunk, and only
/// if it was asked for.
#[derive(Debug)]
pub struct EventWriter {
    heading: Heading,
    /// What every chunk begins with, up to the choice's index. Made when the model's name is known.
    head: Vec<u8>,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    /// Reasoning that has not been signed yet.
    reasoning: String,
    /// Entries of `reasoning_details` so far.
    details: usize,
    /// Characters of text so far, and up to where the part before this one went.
    said: u32,
    border: u32,
    /// Citations of the part that is being said, whose place is known at its end.
    cited: Vec<Annotation>,
    /// Calls that have no arguments yet.
    bare: Vec<u32>,
    /// Told at the end: a provider may go on behind it.
    finish: Option<&'static str>,
}

/// For one call's stream.
pub fn write_events(heading: Heading, _: &ChatRequest) -> EventWriter {
    EventWriter { heading, head: Vec::new(), choices: Vec::new(), usage: None }
}

impl WriteEvents for EventWriter {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Start { model, created, .. } => {
                self.heading.model = model.unwrap_or_else(|| std::mem::take(&mut self.heading.model));
                self.heading.created = created.unwrap_or(self.heading.created);
                self.choice(0, out);
            }
            Delta::Text { text, .. } if text.is_empty() => {}
            Delta::Text { choice, text } => {
                self.end_reasoning(choice, out);
                self.chunk(choice, &Content { content: &text }, out);
                let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                let said = &mut self.choice(choice, out).said;
                *said = said.saturating_add(length);
            }
            Delta::Annotation { choice, annotation } => {
                if annotation.span.is_none() {
                    return self.choice(choice, out).cited.push(annotation);
                }
                if let Some(citation) = url_citation(&annotation) {
                    self.chunk(choice, &json!({"annotations": [citation]}), out);
                }
            }
            Delta::Reasoning { text, .. } if text.is_empty() => {}
            Delta::Reasoning { choice, text } => {
                self.chunk(choice, &ReasoningContent { reasoning_content: &text }, out);
                let kept = &mut self.choice(choice, out).reasoning;
                if kept.len() + text.len() <= SIGNED_TEXT_LIMIT {
                    kept.push_str(&text);
                }
            }
            Delta::Signature { choice, signature } => {
                let state = self.choice(choice, out);
                let entry = detail(state.details, &std::mem::take(&mut state.reasoning), Some(&signature));
                state.details += 1;
                self.chunk(choice, &json!({"reasoning_details": [entry]}), out);
            }
            Delta::Redacted { choice, data } => {
                self.end_reasoning(choice, out);
                let state = self.choice(choice, out);
                let entry = redacted(state.details, &data);
                state.details += 1;
                self.chunk(choice, &json!({"reasoning_details": [entry]}), out);
            }
            Delta::Refusal { choice, text } => self.chunk(choice, &json!({"refusal": text}), out),
            Delta::ToolCall { choice, call, id, name, custom, signature } => {
                self.end_reasoning(choice, out);
                let mut begun = if custom {
                    json!({"index": call, "id": id, "type": "custom", "custom": {"name": name, "input": ""}})
                } else {
                    json!({"index": call, "id": id, "type": "function", "function": {"name": name, "arguments": ""}})
                };
                if let (Some(extra), Some(members)) = (extra_content(signature.as_ref()), begun.as_object_mut()) {
                    members.insert("extra_content".into(), extra);
                }
                self.chunk(choice, &json!({"tool_calls": [begun]}), out);
                if !custom {
                    self.choice(choice, out).bare.push(call);
                }
            }
            Delta::Arguments { choice, call, text } => {
                self.choice(choice, out).bare.retain(|bare| *bare != call);
                self.arguments(choice, call, &text, out);
            }
            Delta::Logprobs { choice, value } => self.full_chunk(choice, &json!({}), Some(&value), None, out),
            Delta::Finish { choice, finish } => {
                self.choice(choice, out).finish.get_or_insert(finish_word(&finish));
            }
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Image { choice, source } => {
                if let Some(image) = image(&source) {
                    self.chunk(choice, &json!({"images": [image]}), out);
                }
            }
            // A part that only another format has stands between two others.
            Delta::Foreign { choice, .. } => self.end_part(choice, out),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.choice(0, out);
        let choices: Vec<_> = self.choices.iter().map(|choice| choice.index).collect();
        for choice in choices {
            self.end_part(choice, out);
            // Clients read the arguments as JSON, and nothing is none.
            for call in std::mem::take(&mut self.choice(choice, out).bare) {
                self.arguments(choice, call, "{}", out);
            }
            let finish = self.choice(choice, out).finish.unwrap_or("stop");
            self.full_chunk(choice, &json!({}), None, Some(finish), out);
        }
        if let (true, Some(usage)) = (self.heading.include_usage, self.usage) {
            let chunk = Chunk {
                id: format!("chatcmpl-{}", self.heading.id),
                object: "chat.completion.chunk",
                created: self.heading.created,
                model: &self.heading.model,
                choices: [],
                usage: usage.into(),
            };
            out.extend_from_slice(b"data: ");
            serde_json::to_writer(&mut *out, &chunk).expect("strings and numbers always serialise");
            out.extend_from_slice(b"\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [(); 0],
    usage: WrittenUsage,
}

#[derive(Serialize)]
struct Content<'a> {
    content: &'a str,
}

#[derive(Serialize)]
struct ReasoningContent<'a> {
    reasoning_content: &'a str,
}

#[derive(Serialize)]
struct ToolCalls<'a> {
    tool_calls: [MoreOfCall<'a>; 1],
}

#[derive(Serialize)]
struct MoreOfCall<'a> {
    index: u32,
    function: Arguments<'a>,
}

#[derive(Serialize)]
struct Arguments<'a> {
    arguments: &'a str,
}

impl EventWriter {
    /// The state of a choice, whose role chunk is written when it is seen first.
    fn choice(&mut self, index: u32, out: &mut Vec<u8>) -> &mut Choice {
        let place = match self.choices.iter().position(|choice| choice.index == index) {
            Some(place) => place,
            None => {
                self.choices.push(Choice { index, ..Choice::default() });
                let role = json!({"role": "assistant", "content": "", "refusal": null});
                self.full_chunk(index, &role, None, None, out);
                self.choices.len() - 1
            }
        };
        &mut self.choices[place]
    }

    fn arguments(&mut self, choice: u32, call: u32, text: &str, out: &mut Vec<u8>) {
        let more = ToolCalls { tool_calls: [MoreOfCall { index: call, function: Arguments { arguments: text } }] };
        self.chunk(choice, &more, out);
    }

    /// A part of the text is over: its citations have their place.
    fn end_part(&mut self, choice: u32, out: &mut Vec<u8>) {
        let state = self.choice(choice, out);
        let span = Some((state.border, state.said));
        state.border = state.said;
        let place = |annotation| Annotation { span, ..annotation };
        let cited = std::mem::take(&mut state.cited).into_iter().map(place);
        let citations: Vec<_> = cited.filter_map(|annotation| url_citation(&annotation)).collect();
        if !citations.is_empty() {
            self.chunk(choice, &json!({"annotations": citations}), out);
        }
    }

    /// Reasoning that nobody signed needs no entry: it has been told as text.
    fn end_reasoning(&mut self, choice: u32, out: &mut Vec<u8>) {
        self.choice(choice, out).reasoning.clear();
    }

    fn chunk(&mut self, choice: u32, delta: &impl Serialize, out: &mut Vec<u8>) {
        self.choice(choice, out);
        self.full_chunk(choice, delta, None, None, out);
    }

    /// One chunk. Written piece by piece, as all of a stream's chunks share their beginning.
    fn full_chunk(
        &mut self,
        choice: u32,
        delta: &impl Serialize,
        logprobs: Option<&Value>,
        finish: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        if self.head.is_empty() {
            self.head = head(&self.heading);
        }
        out.extend_from_slice(&self.head);
        out.extend_from_slice(itoa::Buffer::new().format(choice).as_bytes());
        out.extend_from_slice(b",\"delta\":");
        let json = "strings and numbers always serialise";
        serde_json::to_writer(&mut *out, delta).expect(json);
        out.extend_from_slice(b",\"logprobs\":");
        serde_json::to_writer(&mut *out, &logprobs).expect(json);
        out.extend_from_slice(b",\"finish_reason\":");
        serde_json::to_writer(&mut *out, &finish).expect(json);
        out.extend_from_slice(if self.heading.include_usage { b"}],\"usage\":null}\n\n" } else { b"}]}\n\n" });
    }
}

fn head(heading: &Heading) -> Vec<u8> {
    let model = serde_json::to_string(&heading.model).expect("a string always serialises");
    let Heading { id, created, .. } = heading;
    format!(
        r#"data: {{"id":"chatcmpl-{id}","object":"chat.completion.chunk","created":{created},"model":{model},"choices":[{{"index":"#
    )
    .into_bytes()
}
