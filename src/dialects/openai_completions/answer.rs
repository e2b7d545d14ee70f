//! Writing a whole answer.

use serde::Serialize;

use crate::api::chat::{ChatAnswer, ChatRequest, Choice, Content, Finish};
use crate::dialects::Heading;
use crate::dialects::openai_chat::WrittenUsage;

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
    let mut text = String::new();
    for part in choice.parts {
        match part.content {
            Content::Text { text: more, .. } if text.is_empty() => text = more,
            Content::Text { text: more, .. } => text.push_str(&more),
            // The format has no other place for words.
            Content::Refusal(words) => text.push_str(&words),
            _ => {}
        }
    }
    Written::new(choice.index, text, Some(finish_reason(&choice.finish)))
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
    pub(super) usage: Option<Option<WrittenUsage>>,
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

pub(super) fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls | Finish::Pause | Finish::Other(_) => "stop",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::Usage;
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
                { "index": 2, "text": "no", "logprobs": null, "finish_reason": "stop" },
            ],
            "usage": {
                "prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5,
                "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
                "completion_tokens_details": { "reasoning_tokens": 1, "audio_tokens": 0 },
            },
        });
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), wanted);
    }
}
