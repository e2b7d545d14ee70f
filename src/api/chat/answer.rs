//! What is answered.

use serde_json::Value;

use super::{Annotation, Content, Delta, Part, Signature, ToolCall};
use crate::api::Usage;

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatAnswer {
    /// The provider's, if it gave one.
    pub id: Option<String>,
    /// The model that the provider says it was.
    pub model: Option<String>,
    /// Seconds since 1970.
    pub created: Option<u64>,
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
    pub service_tier: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub index: u32,
    /// In the order in which the model gave them.
    pub parts: Vec<Part>,
    pub finish: Finish,
    /// In OpenAI's form.
    pub logprobs: Option<Value>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// By itself.
    Stop,
    /// At one of the request's stop texts, if it is known which.
    StopSequence(Option<String>),
    /// At a limit of tokens.
    Length,
    ToolCalls,
    /// The provider's filter cut in.
    ContentFilter,
    /// The model would not.
    Refusal,
    /// Anthropic's `pause_turn`: to be sent back for more.
    Pause,
    /// A word that nobody here knows.
    Other(String),
}

impl Finish {
    /// The answer is all that the model had to say. Only such an answer is worth keeping.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Stop | Self::StopSequence(_) | Self::ToolCalls)
    }
}

impl ChatAnswer {
    /// Every choice ended by itself, and none is a refusal.
    pub fn is_complete(&self) -> bool {
        let refuses = |part: &Part| matches!(&part.content, Content::Refusal(text) if !text.is_empty());
        self.choices.iter().all(|choice| choice.finish.is_complete() && !choice.parts.iter().any(refuses))
    }

    /// Bytes of text in it: what it is billed by where the provider reports nothing.
    pub fn text_bytes(&self) -> usize {
        let of = |part: &Part| match &part.content {
            Content::Text { text, .. } | Content::Reasoning { text, .. } | Content::Refusal(text) => text.len(),
            Content::ToolCall(call) => call.name.len() + call.arguments.len(),
            _ => 0,
        };
        self.choices.iter().flat_map(|choice| &choice.parts).map(of).sum()
    }

    /// The same as a stream would have told it.
    pub fn into_deltas(self) -> Vec<Delta> {
        let mut deltas = vec![Delta::Start { id: self.id, model: self.model, created: self.created }];
        for choice in self.choices {
            let mut calls = 0;
            let index = choice.index;
            for part in choice.parts {
                content_deltas(index, part.content, &mut calls, &mut deltas);
            }
            deltas.extend(choice.logprobs.map(|value| Delta::Logprobs { choice: index, value }));
            deltas.push(Delta::Finish { choice: index, finish: choice.finish });
        }
        deltas.extend(self.usage.map(Delta::Usage));
        deltas
    }
}

fn content_deltas(choice: u32, content: Content, calls: &mut u32, deltas: &mut Vec<Delta>) {
    match content {
        Content::Text { text, annotations } => {
            deltas.push(Delta::Text { choice, text });
            let annotate = |annotation: Annotation| Delta::Annotation { choice, annotation };
            deltas.extend(annotations.into_iter().map(annotate));
        }
        Content::Reasoning { text, signature } => {
            if !text.is_empty() {
                deltas.push(Delta::Reasoning { choice, text });
            }
            let sign = |signature: Signature| Delta::Signature { choice, signature };
            deltas.extend(signature.map(sign));
        }
        Content::Redacted(data) => deltas.push(Delta::Redacted { choice, data }),
        Content::Refusal(text) => deltas.push(Delta::Refusal { choice, text }),
        Content::ToolCall(ToolCall { id, name, arguments, custom, signature }) => {
            let call = *calls;
            *calls += 1;
            deltas.push(Delta::ToolCall { choice, call, id, name, custom, signature });
            if !arguments.is_empty() {
                deltas.push(Delta::Arguments { choice, call, text: arguments });
            }
        }
        Content::Foreign { format, value } => deltas.push(Delta::Foreign { choice, format, value }),
        Content::Image { source, .. } => deltas.push(Delta::Image { choice, source }),
        Content::Audio { .. } | Content::Document { .. } | Content::ToolResult(_) => {}
    }
}
