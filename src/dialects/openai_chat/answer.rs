//! Judging a whole answer, and reading what an error says.

use serde_json::Value;

use super::event::text_of;
use crate::api::Usage;
use crate::api::json::{Kind, Malformed, Scanner};
use crate::error::{FailureClass, Refusal};

/// What a body with status 200 turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A JSON object with at least one choice.
    Good {
        usage: Option<Usage>,
        /// Every choice ended by itself: not cut at a limit, not filtered, not refused.
        complete: bool,
    },
    /// An object with an `error` inside.
    Error(FailureClass),
    /// Anything else.
    Nothing,
}

/// Reads an answer. The whole text is validated, so that half an answer is never taken for one.
pub fn read_answer(body: &[u8]) -> Answer {
    judge(body).unwrap_or(Answer::Nothing)
}

fn judge(text: &[u8]) -> Result<Answer, Malformed> {
    let mut scanner = Scanner::lenient(text);
    let mut usage = None;
    let mut choices = 0;
    let mut complete = true;
    let mut error = None;
    scanner.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"choices", Kind::Array) => drop(value.array(|choice, _| {
                if choice.kind()? != Kind::Object {
                    return choice.skip();
                }
                choices += 1;
                complete &= ended_by_itself(choice)?;
                Ok(())
            })?),
            (b"usage", Kind::Object) => usage = read_usage(value)?.or(usage),
            (b"x_groq", Kind::Object) => usage = usage.or(read_wrapped_usage(value)?),
            (b"error", Kind::Object | Kind::String) => error = Some(error_class(&text[value.span()?])),
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    scanner.end()?;
    Ok(match error {
        Some(class) => Answer::Error(class),
        None if choices == 0 => Answer::Nothing,
        None => Answer::Good { usage, complete },
    })
}

/// Bytes of text in an answer: what it is billed by where the provider reports nothing.
pub fn measure(body: &[u8]) -> usize {
    let mut bytes = 0;
    let read = Scanner::lenient(body).object(|value, key, _| {
        if key.raw() != b"choices" || value.kind()? != Kind::Array {
            return value.skip();
        }
        let choice = |choice: &mut Scanner<'_>, _| {
            if choice.kind()? != Kind::Object {
                return choice.skip();
            }
            choice.object(|value, key, _| match (key.raw(), value.kind()?) {
                (b"message", Kind::Object) => {
                    bytes += text_of(value)?.unwrap_or(0);
                    Ok::<_, Malformed>(())
                }
                _ => value.skip(),
            })
        };
        value.array(choice).map(drop)
    });
    read.map_or(0, |()| bytes)
}

fn ended_by_itself(choice: &mut Scanner<'_>) -> Result<bool, Malformed> {
    let mut finished = false;
    let mut refused = false;
    choice.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"finish_reason", Kind::String) => {
                finished = matches!(value.string()?.raw(), b"stop" | b"tool_calls" | b"function_call" | b"eos");
            }
            (b"message", Kind::Object) => value.object(|field, name, _| {
                match (name.raw(), field.kind()?) {
                    (b"refusal", Kind::String) => refused |= !field.string()?.is_empty(),
                    _ => field.skip()?,
                }
                Ok::<_, Malformed>(())
            })?,
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    Ok(finished && !refused)
}

/// Reads a `usage` object. Counts that are missing, negative, not whole or absurd make it unreported: a wrong number
/// must neither credit nor ruin anybody.
pub(super) fn read_usage(usage: &mut Scanner<'_>) -> Result<Option<Usage>, Malformed> {
    let (mut input, mut output, mut cache_hits) = (None, None, None);
    let (mut of_input, mut of_output) = (Details::default(), Details::default());
    usage.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"prompt_tokens", Kind::Number) => input = count(value)?,
            (b"completion_tokens", Kind::Number) => output = count(value)?,
            // DeepSeek: https://api-docs.deepseek.com/guides/kv_cache
            (b"prompt_cache_hit_tokens", Kind::Number) => cache_hits = count(value)?,
            (b"prompt_tokens_details", Kind::Object) => of_input = details(value)?,
            (b"completion_tokens_details", Kind::Object) => of_output = details(value)?,
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    let (Some(input), Some(output)) = (input, output) else {
        return Ok(None);
    };
    Ok(Some(Usage {
        input,
        cached: of_input.cached.or(cache_hits).unwrap_or(0).min(input),
        cache_write: of_input.cache_write.unwrap_or(0).min(input),
        audio_input: of_input.audio.unwrap_or(0).min(input),
        output,
        reasoning: of_output.reasoning.unwrap_or(0).min(output),
        audio_output: of_output.audio.unwrap_or(0).min(output),
    }))
}

/// Groq puts a stream's usage into `x_groq`.
pub(super) fn read_wrapped_usage(wrapper: &mut Scanner<'_>) -> Result<Option<Usage>, Malformed> {
    let mut usage = None;
    wrapper.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"usage", Kind::Object) => usage = read_usage(value)?,
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    Ok(usage)
}

/// The kinds of token that a usage object tells apart.
#[derive(Default)]
struct Details {
    cached: Option<u64>,
    /// OpenRouter's.
    cache_write: Option<u64>,
    audio: Option<u64>,
    reasoning: Option<u64>,
}

fn details(details: &mut Scanner<'_>) -> Result<Details, Malformed> {
    let mut found = Details::default();
    details.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"cached_tokens", Kind::Number) => found.cached = count(value)?,
            (b"cache_write_tokens", Kind::Number) => found.cache_write = count(value)?,
            (b"audio_tokens", Kind::Number) => found.audio = count(value)?,
            (b"reasoning_tokens", Kind::Number) => found.reasoning = count(value)?,
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    Ok(found)
}

fn count(value: &mut Scanner<'_>) -> Result<Option<u64>, Malformed> {
    Ok(value.number()?.parse::<u32>().ok().map(u64::from))
}

/// The class of an error that came with status 200. Its `code` is often the status that was meant.
pub(super) fn error_class(error: &[u8]) -> FailureClass {
    let error: Value = serde_json::from_slice(error).unwrap_or_default();
    let words = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = error.get("code").or_else(|| error.get("status")).and_then(|code| match code {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    });
    match status {
        Some(401) => FailureClass::Unauthorized,
        Some(402) => FailureClass::Billing,
        Some(403) => FailureClass::Forbidden,
        Some(404) => FailureClass::NotFound,
        Some(429) => FailureClass::RateLimited,
        Some(400 | 413 | 422) => FailureClass::CallerError,
        Some(500..=599) => FailureClass::ServerError,
        _ if [words("code"), words("type")].contains(&"insufficient_quota") => FailureClass::Billing,
        _ if words("code") == "context_length_exceeded" => FailureClass::CallerError,
        _ if words("type") == "rate_limit_error" || words("code") == "rate_limit_exceeded" => FailureClass::RateLimited,
        _ => FailureClass::ServerError,
    }
}

/// What an error that came with status 200 says of the request, where it was the request's fault.
pub fn read_refusal_inside(body: &[u8]) -> Option<Refusal> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let code = document.get("error")?.get("code").and_then(text).and_then(|code| code.parse().ok());
    read_refusal(code.filter(|code| matches!(code, 413 | 422)).unwrap_or(400), body)
}

/// What a refused request's body says, in whichever of the vendors' shapes. `None`: nothing that can be told.
pub fn read_refusal(status: u16, body: &[u8]) -> Option<Refusal> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let error = document.get("error").filter(|error| !error.is_null()).unwrap_or(&document);
    let message = match error {
        Value::String(text) => text.clone(),
        _ => ["message", "detail", "error"].iter().find_map(|name| error.get(name).and_then(text))?,
    };
    let param = error.get("param").and_then(text);
    let code = error.get("code").and_then(text).filter(|code| code.parse::<u16>().is_err());
    Some(Refusal { status, message, param, code })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a 429 says that waiting will not help.
pub fn is_out_of_money(body: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let error = document.get("error").unwrap_or(&document);
    ["code", "type"].iter().any(|name| {
        error.get(name).and_then(Value::as_str).is_some_and(|word| {
            matches!(word, "insufficient_quota" | "credit_balance_exhausted" | "billing_not_active")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_whole_answers_with_choices() {
        let good = r#"{"choices":[{"finish_reason":"stop","message":{"content":"x","refusal":null}}],
            "usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}"#;
        let usage = Usage { input: 9, cached: 4, output: 3, ..Usage::default() };
        assert_eq!(read_answer(good.as_bytes()), Answer::Good { usage: Some(usage), complete: true });
        for cut in 0..good.len() {
            assert_eq!(read_answer(&good.as_bytes()[..cut]), Answer::Nothing, "cut at {cut}");
        }
        for bad in ["{}", r#"{"choices":[]}"#, r#"{"choices":null}"#, r#"{"choices":[null]}"#, "<html>", "[]", "7"] {
            assert_eq!(read_answer(bad.as_bytes()), Answer::Nothing, "{bad}");
        }
    }

    #[test]
    fn an_error_inside_wins() {
        for (body, class) in [
            (r#"{"error":{"code":429,"message":"slow"}}"#, FailureClass::RateLimited),
            (r#"{"error":{"code":"502"},"choices":[{}]}"#, FailureClass::ServerError),
            (r#"{"error":"model exploded"}"#, FailureClass::ServerError),
            (r#"{"error":{"type":"insufficient_quota"}}"#, FailureClass::Billing),
        ] {
            assert_eq!(read_answer(body.as_bytes()), Answer::Error(class), "{body}");
        }
        assert!(matches!(read_answer(br#"{"error":null,"choices":[{}]}"#), Answer::Good { .. }));
    }

    #[test]
    fn answers_cut_filtered_or_refused_are_not_complete() {
        for choice in [
            r#"{"finish_reason":"length"}"#,
            r#"{"finish_reason":"content_filter"}"#,
            r#"{"finish_reason":null}"#,
            r#"{"finish_reason":"stop","message":{"refusal":"no"}}"#,
            r#"{"finish_reason":"stop"},{"finish_reason":"length"}"#,
        ] {
            let body = format!(r#"{{"choices":[{choice}]}}"#);
            assert_eq!(read_answer(body.as_bytes()), Answer::Good { usage: None, complete: false }, "{body}");
        }
    }

    #[test]
    fn absurd_usage_is_unreported() {
        for usage in [
            "null",
            r#"{"prompt_tokens":-5,"completion_tokens":1}"#,
            r#"{"prompt_tokens":"5","completion_tokens":1}"#,
            r#"{"prompt_tokens":9223372036854775808,"completion_tokens":1}"#,
            r#"{"completion_tokens":1}"#,
        ] {
            let body = format!(r#"{{"choices":[{{"finish_reason":"stop"}}],"usage":{usage}}}"#);
            assert_eq!(read_answer(body.as_bytes()), Answer::Good { usage: None, complete: true }, "{body}");
        }
    }

    #[test]
    fn refusals_are_read_in_every_shape() {
        let read = |body: &str| read_refusal(400, body.as_bytes());
        let openai =
            read(r#"{"error":{"message":"too long","type":"t","param":"messages","code":"context_length_exceeded"}}"#);
        assert_eq!(
            openai,
            Some(Refusal {
                status: 400,
                message: "too long".into(),
                param: Some("messages".into()),
                code: Some("context_length_exceeded".into())
            })
        );
        assert_eq!(read(r#"{"error":{"message":"m","code":400}}"#).unwrap().code, None);
        assert_eq!(read(r#"{"detail":"Invalid"}"#).unwrap().message, "Invalid");
        assert_eq!(read(r#"{"error":"plain"}"#).unwrap().message, "plain");
        assert_eq!(read("<html>"), None);
    }
}
