//! Tokens, log probabilities and the reason of the end, the same in answers and in streams.

use serde_json::{Value, json};

use super::fault::read_fault;
use crate::api::Usage;
use crate::api::chat::Finish;
use crate::dialects::Fault;
use crate::dialects::codec::count;

/// Cohere counts twice: `tokens` is what the models read and wrote, `billed_units` leaves out what Cohere itself added.
/// `tokens` is what others take too (LiteLLM, Vercel's AI SDK, pydantic-ai), and what `cached_tokens` is a part of;
/// `billed_units` stands in where it is missing.
pub(super) fn read_usage(usage: &Value) -> Option<Usage> {
    let pair = |name: &str| {
        let counts = usage.get(name)?;
        Some((whole(counts.get("input_tokens"))?, whole(counts.get("output_tokens"))?))
    };
    let (input, output) = pair("tokens").or_else(|| pair("billed_units"))?;
    let reasoning = usage.get("tokens").and_then(|tokens| whole(tokens.get("reasoning_tokens")));
    Some(Usage {
        input,
        cached: whole(usage.get("cached_tokens")).unwrap_or(0).min(input),
        output,
        reasoning: reasoning.unwrap_or(0).min(output),
        ..Usage::default()
    })
}

/// Cohere's schema calls its counts doubles, so `7.0` is seven.
fn whole(value: Option<&Value>) -> Option<u64> {
    count(value).or_else(|| {
        let float =
            value?.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(float))?;
        Some(float as u64)
    })
}

/// An end that is an error is none. `rest` is where the error's words are.
pub(super) fn read_finish(reason: Option<&str>, rest: &Value) -> Result<Finish, Fault> {
    Ok(match reason {
        Some("COMPLETE") => Finish::Stop,
        Some("STOP_SEQUENCE") => Finish::StopSequence(None),
        Some("MAX_TOKENS" | "ERROR_LIMIT") => Finish::Length,
        Some("TOOL_CALL") => Finish::ToolCalls,
        Some("ERROR_TOXIC") => Finish::ContentFilter,
        Some("ERROR" | "TIMEOUT") => return Err(read_fault(rest)),
        Some(other) => Finish::Other(other.to_owned()),
        None => Finish::Other("unknown".to_owned()),
    })
}

/// One of Cohere's items as an entry of OpenAI's `logprobs.content`. An item may be several tokens; its probability is
/// the product of theirs.
pub(super) fn read_logprob(item: &Value) -> Option<Value> {
    let text = item.get("text")?.as_str()?;
    let logprob: f64 = item.get("logprobs")?.as_array()?.iter().filter_map(Value::as_f64).sum();
    Some(json!({"token": text, "logprob": logprob, "bytes": text.as_bytes(), "top_logprobs": []}))
}
