//! Reasoning and its signatures in OpenAI's chat format, which has no place for them: the members that vendors put in.
//!
//! Text is `reasoning_content` (DeepSeek's name, which most clients read). Signatures are `reasoning_details`, whose form
//! and names are OpenRouter's (<https://openrouter.ai/docs/use-cases/reasoning-tokens>); a client that sends the message
//! back as it came keeps them. Gemini's signature of a tool call is `extra_content.google.thought_signature`, as in
//! Google's own OpenAI layer (<https://ai.google.dev/gemini-api/docs/thought-signatures>).

use serde_json::{Value, json};

use crate::api::chat::{Content, Format, Part, Signature};

/// OpenRouter's name of whose signature it is.
fn format_name(format: Format) -> &'static str {
    match format {
        Format::Anthropic => "anthropic-claude-v1",
        Format::Gemini => "google-gemini-v1",
        Format::OpenAiChat | Format::OpenAiCompletions | Format::OpenAiResponses => "openai-responses-v1",
        Format::Cohere => "unknown",
    }
}

fn format_of(name: Option<&str>) -> Format {
    match name {
        Some("google-gemini-v1") => Format::Gemini,
        Some("openai-responses-v1" | "azure-openai-responses-v1" | "xai-responses-v1") => Format::OpenAiResponses,
        // LiteLLM's `thinking_blocks` say nothing; they are Anthropic's.
        _ => Format::Anthropic,
    }
}

/// One entry of `reasoning_details`.
pub(super) fn detail(index: usize, text: &str, signature: Option<&Signature>) -> Value {
    match signature {
        Some(Signature { format, value }) if text.is_empty() => encrypted(index, *format, value),
        Some(Signature { format, value }) => {
            json!({"type": "reasoning.text", "text": text, "signature": value, "format": format_name(*format), "index": index})
        }
        None => json!({"type": "reasoning.text", "text": text, "index": index}),
    }
}

/// The entry of a reasoning that only its provider can read.
pub(super) fn redacted(index: usize, data: &Signature) -> Value {
    encrypted(index, data.format, &data.value)
}

fn encrypted(index: usize, format: Format, data: &str) -> Value {
    json!({"type": "reasoning.encrypted", "data": data, "format": format_name(format), "index": index})
}

/// The parts that entries of `reasoning_details` or `thinking_blocks` stand for. What is neither is left out.
pub(super) fn details_parts(details: &Value) -> Vec<Part> {
    details.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(detail_part).map(Part::from).collect()
}

fn detail_part(entry: &Value) -> Option<Content> {
    let words = |name: &str| entry.get(name).and_then(Value::as_str);
    let format = format_of(words("format"));
    let signature = || {
        let value = words("signature").filter(|value| !value.is_empty())?;
        Some(Signature { format, value: value.to_owned() })
    };
    match words("type")? {
        "reasoning.text" => {
            Some(Content::Reasoning { text: words("text").unwrap_or_default().to_owned(), signature: signature() })
        }
        "reasoning.summary" => Some(Content::Reasoning { text: words("summary")?.to_owned(), signature: signature() }),
        "thinking" => Some(Content::Reasoning { text: thinking_text(entry.get("thinking")?), signature: signature() }),
        "reasoning.encrypted" | "redacted_thinking" => {
            let signature = Signature { format, value: words("data")?.to_owned() };
            Some(match format {
                // Anthropic has parts that are nothing but this; Gemini signs what follows.
                Format::Gemini => Content::Reasoning { text: String::new(), signature: Some(signature) },
                _ => Content::Redacted(signature),
            })
        }
        _ => None,
    }
}

/// Anthropic's is a string, Mistral's a list of text parts.
fn thinking_text(thinking: &Value) -> String {
    match thinking {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<Vec<_>>().concat()
        }
        _ => String::new(),
    }
}

/// Gemini's signature of a tool call.
pub(super) fn signature_of_call(extra_content: Option<&Value>) -> Option<Signature> {
    let value = extra_content?.get("google")?.get("thought_signature")?.as_str()?;
    Some(Signature { format: Format::Gemini, value: value.to_owned() })
}

/// Where that stands in an answer.
pub(super) fn extra_content(signature: Option<&Signature>) -> Option<Value> {
    let signature = signature.filter(|signature| signature.format == Format::Gemini)?;
    Some(json!({"google": {"thought_signature": signature.value}}))
}
