//! Tokens, log probabilities and the reason of the end, the same in answers and in streams.

use serde_json::{Value, json};

use super::fault::read_fault;
use crate::api::Usage;
use crate::api::chat::Finish;
use crate::dialects::Fault;
use crate::dialects::codec::count;

/// Cohere counts twice: `billed_units` is what it charges for, `tokens` also what it put around the prompt itself, often
/// twenty times as much. Usage is for money, so the billed ones count, and `tokens` only where they are missing.
/// `cached_tokens` is a part of `tokens`, and of the billed ones none is cheaper, so none of those is cached.
/// <https://docs.cohere.com/docs/how-does-cohere-pricing-work>
pub(super) fn read_usage(usage: &Value) -> Option<Usage> {
    let pair = |name: &str| {
        let counts = usage.get(name)?;
        Some((whole(counts.get("input_tokens"))?, whole(counts.get("output_tokens"))?))
    };
    let cached = || whole(usage.get("cached_tokens")).unwrap_or(0);
    let billed = pair("billed_units").map(|(input, output)| (input, 0, output));
    let (input, cached, output) = billed.or_else(|| pair("tokens").map(|(input, output)| (input, cached(), output)))?;
    let reasoning = usage.get("tokens").and_then(|tokens| whole(tokens.get("reasoning_tokens")));
    let usage = Usage { input, cached, output, reasoning: reasoning.unwrap_or(0), ..Usage::default() };
    Some(usage.in_bounds())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_counts() {
        let tokens = json!({"input_tokens": 510, "output_tokens": 99, "reasoning_tokens": 29});
        let billed = json!({"input_tokens": 67, "output_tokens": 66});
        let both = read_usage(&json!({"billed_units": billed, "tokens": tokens, "cached_tokens": 144}));
        assert_eq!(both, Some(Usage { input: 67, output: 66, reasoning: 29, ..Usage::default() }));
        let only = read_usage(&json!({"tokens": tokens, "cached_tokens": 144}));
        assert_eq!(only, Some(Usage { input: 510, cached: 144, output: 99, reasoning: 29, ..Usage::default() }));
        for absurd in [json!({}), json!({"billed_units": {"input_tokens": -1, "output_tokens": 2}}), json!(7)] {
            assert_eq!(read_usage(&absurd), None);
        }
    }
}
