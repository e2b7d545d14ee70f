//! What the mock says in each vendor's format: an answer of about 1.3 KB in one piece, or the events of a stream, as
//! recorded ones are.

use std::fmt::Arguments;
use std::io::Write;

const OPENAI_USAGE: &str = r#"{"prompt_tokens":180,"completion_tokens":120,"total_tokens":300,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}"#;
const GEMINI_USAGE: &str = r#"{"promptTokenCount":180,"candidatesTokenCount":120,"totalTokenCount":300,"promptTokensDetails":[{"modality":"TEXT","tokenCount":180}],"serviceTier":"standard"}"#;
const COHERE_USAGE: &str = r#"{"billed_units":{"input_tokens":180,"output_tokens":120},"tokens":{"input_tokens":180,"output_tokens":120},"cached_tokens":0}"#;
const ANTHROPIC_INPUT: &str = r#""input_tokens":180,"cache_creation_input_tokens":0,"cache_read_input_tokens":0"#;
const ANTHROPIC_CACHE: &str = r#""cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}"#;

/// A vendor's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    OpenAi,
    Anthropic,
    Gemini,
    Cohere,
}

impl Voice {
    pub(crate) const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Cohere];

    /// The one that is asked for at this path.
    pub(super) fn at(path: &str) -> Self {
        match path {
            "/v1/messages" => Self::Anthropic,
            "/v2/chat" => Self::Cohere,
            _ if path.starts_with("/v1beta/models/") => Self::Gemini,
            _ => Self::OpenAi,
        }
    }

    /// The kind of provider that speaks so.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
        }
    }

    /// A model of the vendor's.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::OpenAi => "gpt-4o-mini",
            Self::Anthropic => "claude-sonnet-4-5",
            Self::Gemini => "gemini-2.5-flash",
            Self::Cohere => "command-a-03-2025",
        }
    }

    /// The body of an answer that is no stream.
    pub(crate) fn whole(self) -> String {
        let text = "Tollgates were once the way a road was paid for. ".repeat(12);
        match self {
            Self::OpenAi => format!(
                r#"{{"id":"chatcmpl-mock0000000000000000000000","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{OPENAI_USAGE},"service_tier":"default","system_fingerprint":"fp_mock"}}"#
            ),
            Self::Anthropic => format!(
                r#"{{"model":"claude-sonnet-4-5","id":"msg_mock00000000000000000000","type":"message","role":"assistant","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{{ANTHROPIC_INPUT},{ANTHROPIC_CACHE},"output_tokens":120,"service_tier":"standard"}}}}"#
            ),
            Self::Gemini => format!(
                r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{GEMINI_USAGE},"modelVersion":"gemini-2.5-flash","responseId":"mock00000000000000000000"}}"#
            ),
            Self::Cohere => format!(
                r#"{{"id":"00000000-0000-4000-8000-000000000000","message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}]}},"finish_reason":"COMPLETE","usage":{COHERE_USAGE}}}"#
            ),
        }
    }

    /// The events before the first content.
    pub(crate) fn opening(self) -> Vec<String> {
        match self {
            Self::OpenAi => vec![openai(r#"{"role":"assistant","content":"","refusal":null}"#, "null")],
            Self::Anthropic => vec![
                named(
                    "message_start",
                    &format!(
                        r#","message":{{"model":"claude-sonnet-4-5","id":"msg_mock00000000000000000000","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{{{ANTHROPIC_INPUT},{ANTHROPIC_CACHE},"output_tokens":1,"service_tier":"standard"}}}}"#
                    ),
                ),
                named("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#),
                named("ping", ""),
            ],
            Self::Gemini => Vec::new(),
            Self::Cohere => vec![
                "event: message-start\ndata: {\"id\":\"00000000-0000-4000-8000-000000000000\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n".to_owned(),
                named("content-start", r#","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}"#),
            ],
        }
    }

    /// Appends an event with `text`, which needs no escapes.
    pub(crate) fn content(self, text: Arguments<'_>, out: &mut Vec<u8>) {
        match self {
            Self::OpenAi => write!(
                out,
                "data: {{\"id\":\"chatcmpl-mock0000000000000000000000\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_mock\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
            ),
            Self::Anthropic => write!(
                out,
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}      }}\n\n"
            ),
            Self::Gemini => write!(
                out,
                "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{text}\"}}],\"role\": \"model\"}},\"index\": 0}}],\"usageMetadata\": {GEMINI_USAGE},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"mock00000000000000000000\"}}\r\n\r\n"
            ),
            Self::Cohere => write!(
                out,
                "event: content-delta\ndata: {{\"type\":\"content-delta\",\"index\":0,\"delta\":{{\"message\":{{\"content\":{{\"text\":\"{text}\"}}}}}}}}\n\n"
            ),
        }
        .expect("a vector takes every byte");
    }

    /// The events after the last content. `usage`: it was asked for, where that has to be.
    pub(crate) fn closing(self, usage: bool) -> Vec<String> {
        match self {
            Self::OpenAi => {
                let report = usage.then(|| openai_chunk(&format!(r#"[],"usage":{OPENAI_USAGE}"#)));
                let finish = openai("{}", r#""stop""#);
                [finish].into_iter().chain(report).chain(["data: [DONE]\n\n".to_owned()]).collect()
            }
            Self::Anthropic => vec![
                named("content_block_stop", r#","index":0"#),
                named(
                    "message_delta",
                    &format!(
                        r#","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{{ANTHROPIC_INPUT},"output_tokens":120}}"#
                    ),
                ),
                named("message_stop", ""),
            ],
            Self::Gemini => vec![format!(
                "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"\"}}],\"role\": \"model\"}},\"finishReason\": \"STOP\",\"index\": 0}}],\"usageMetadata\": {GEMINI_USAGE},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"mock00000000000000000000\"}}\r\n\r\n"
            )],
            Self::Cohere => vec![
                named("content-end", r#","index":0"#),
                named("message-end", &format!(r#","delta":{{"finish_reason":"COMPLETE","usage":{COHERE_USAGE}}}"#)),
                "data: [DONE]\n\n".to_owned(),
            ],
        }
    }
}

fn openai(delta: &str, finish: &str) -> String {
    openai_chunk(&format!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]"#))
}

/// `choices` and what comes after them.
fn openai_chunk(choices: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-mock0000000000000000000000\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_mock\",\"choices\":{choices}}}\n\n"
    )
}

/// An event whose data repeats its name.
fn named(name: &str, members: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\"{members}}}\n\n")
}
