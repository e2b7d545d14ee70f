//! Writing a whole answer.

use serde::Serialize;

use crate::api::Usage;
use crate::api::chat::{ChatAnswer, ChatRequest, Choice, Content, Finish};
use crate::dialects::Heading;

/// Only text has a place in the format.
pub fn write_answer(answer: ChatAnswer, heading: &Heading, _request: &ChatRequest) -> Vec<u8> {
    let mut body = Body {
        id: &format!("cmpl-{}", heading.id),
        object: "text_completion",
        created: heading.created,
        model: answer.model.as_deref().filter(|model| !model.is_empty()).unwrap_or(&heading.model),
        choices: answer.choices.into_iter().map(write_choice).collect(),
        usage: None,
    };
    if let Some(usage) = answer.usage {
        body.usage = Some(Some(usage.into()));
    }
    serde_json::to_vec(&body).expect("maps with text keys always serialise")
}

fn write_choice(choice: Choice) -> Written {
    let (mut text, mut refused) = (String::new(), false);
    for part in choice.parts {
        match part.content {
            Content::Text { text: more, .. } if text.is_empty() => text = more,
            Content::Text { text: more, .. } => text.push_str(&more),
            Content::Refusal(words) => refused |= !words.is_empty(),
            _ => {}
        }
    }
    Written::new(choice.index, text, Some(finish_reason(&choice.finish, refused)))
}

/// A whole answer, or a chunk of a stream.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) choices: Vec<Written>,
    /// Some chunks have an explicit null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Option<Counts>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Written {
    index: u32,
    text: String,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

impl Written {
    pub(super) fn new(index: u32, text: String, finish_reason: Option<&'static str>) -> Self {
        Self { index, text, logprobs: None, finish_reason }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Counts {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
        }
    }
}

/// `refused`: the model said so in words, for which the format has no place.
pub(super) fn finish_reason(finish: &Finish, refused: bool) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
        _ if refused => "content_filter",
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls | Finish::Pause | Finish::Other(_) => "stop",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::chat::{Format, Part};

    #[test]
    fn only_text_is_written() {
        let choice = |index, parts, finish| Choice { index, parts, finish, logprobs: None };
        let reasoning = || Part::from(Content::Reasoning { text: "hm".into(), signature: None });
        let refusal = || Part::from(Content::Refusal("no".into()));
        let answer = ChatAnswer {
            id: Some("x".into()),
            model: Some("big-1".into()),
            created: None,
            choices: vec![
                choice(0, vec![reasoning(), Part::text("a"), Part::text("b")], Finish::StopSequence(None)),
                choice(1, vec![], Finish::Length),
                choice(2, vec![refusal()], Finish::Stop),
            ],
            usage: Some(Usage { input: 2, output: 3, reasoning: 1, ..Usage::default() }),
            service_tier: None,
        };
        let heading = Heading { id: "0a".into(), created: 7, model: "m".into(), include_usage: false };
        let written = write_answer(answer, &heading, &ChatRequest::new(Format::OpenAiCompletions));
        let wanted = json!({
            "id": "cmpl-0a", "object": "text_completion", "created": 7, "model": "big-1",
            "choices": [
                { "index": 0, "text": "ab", "logprobs": null, "finish_reason": "stop" },
                { "index": 1, "text": "", "logprobs": null, "finish_reason": "length" },
                { "index": 2, "text": "", "logprobs": null, "finish_reason": "content_filter" },
            ],
            "usage": { "prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5 },
        });
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), wanted);
    }
}
