//! Judging a whole answer.

use super::event::text_of;
use crate::api::Usage;
use crate::api::json::{Kind, Malformed, Scanner};
use crate::dialects::refusal::fault_inside;
use crate::dialects::{Fault, Judged};
use crate::error::FailureClass;

/// What a body with status 200 turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A JSON object with at least one choice.
    Good {
        usage: Option<Usage>,
        /// Every choice ended by itself: not cut at a limit, not filtered, not refused.
        complete: bool,
    },
    /// An object with an `error` inside.
    Error(Fault),
    /// Anything else.
    Nothing,
}

/// Reads an answer. The whole text is validated, so that half an answer is never taken for one.
pub(super) fn read_answer(body: &[u8]) -> Answer {
    judge(body).unwrap_or(Answer::Nothing)
}

fn judge(text: &[u8]) -> Result<Answer, Malformed> {
    let mut scanner = Scanner::lenient(text);
    let mut usage = None;
    let mut choices = 0;
    let mut complete = true;
    let mut failed = false;
    let mut error = None;
    scanner.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"choices", Kind::Array) => drop(value.array(|choice, _| {
                if choice.kind()? != Kind::Object {
                    return choice.skip();
                }
                let ending = ending(choice)?;
                choices += usize::from(ending.answers);
                complete &= ending.by_itself;
                failed |= ending.failed;
                Ok(())
            })?),
            (b"usage", Kind::Object) => usage = read_usage(value)?.or(usage),
            (b"x_groq", Kind::Object) => usage = usage.or(read_wrapped_usage(value)?),
            (b"error", Kind::Object | Kind::String) => error = Some(value.span()?),
            // The error is the document: Mistral's and older vLLM's way.
            (b"object", Kind::String) if value.string()?.raw() == b"error" => error = Some(0..text.len()),
            (b"object", Kind::String) => {}
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    scanner.end()?;
    Ok(match error {
        Some(span) => Answer::Error(fault_inside(&serde_json::from_slice(&text[span]).unwrap_or_default())),
        None if failed => Answer::Error(Fault::new(FailureClass::ServerError)),
        None if choices == 0 => Answer::Nothing,
        None => Answer::Good { usage, complete },
    })
}

/// Judges an answer that passes as it is.
pub fn judge_whole(body: &[u8]) -> Result<Judged, Fault> {
    match read_answer(body) {
        Answer::Good { usage, complete } => {
            // Nothing for a text of some length is no report.
            let text_bytes = if usage.is_none_or(|usage| usage.output == 0) { measure(body) } else { 0 };
            let usage = usage.filter(|usage| usage.output > 0 || text_bytes == 0);
            Ok(Judged { usage, complete, text_bytes })
        }
        Answer::Error(fault) => Err(fault),
        Answer::Nothing => Err(Fault::malformed()),
    }
}

/// Bytes of text in an answer: what it is billed by where the provider reports nothing.
fn measure(body: &[u8]) -> usize {
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
                (b"text", Kind::String) => {
                    bytes += value.string()?.raw().len();
                    Ok(())
                }
                _ => value.skip(),
            })
        };
        value.array(choice).map(drop)
    });
    read.map_or(0, |()| bytes)
}

/// How a choice stands.
struct Ending {
    /// Its message is not a null, nor something else that no message is.
    answers: bool,
    by_itself: bool,
    /// The vendor's server broke off (OpenRouter's and Mistral's word is `error`).
    failed: bool,
}

fn ending(choice: &mut Scanner<'_>) -> Result<Ending, Malformed> {
    let mut ending = Ending { answers: true, by_itself: false, failed: false };
    let mut refused = false;
    choice.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"finish_reason", Kind::String) => {
                let word = value.string()?.raw();
                ending.by_itself = matches!(word, b"stop" | b"tool_calls" | b"function_call" | b"eos");
                ending.failed = word == b"error";
            }
            (b"message", Kind::Object) => value.object(|field, name, _| {
                match (name.raw(), field.kind()?) {
                    (b"refusal", Kind::String) => refused |= !field.string()?.is_empty(),
                    _ => field.skip()?,
                }
                Ok::<_, Malformed>(())
            })?,
            (b"message", _) => {
                ending.answers = false;
                value.skip()?;
            }
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    ending.by_itself &= !refused;
    Ok(ending)
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
            // DeepSeek's name (https://api-docs.deepseek.com/guides/kv_cache), and Mistral's.
            (b"prompt_cache_hit_tokens" | b"num_cached_tokens", Kind::Number) => cache_hits = count(value)?,
            (b"prompt_tokens_details", Kind::Object) => of_input = details(value)?,
            (b"completion_tokens_details", Kind::Object) => of_output = details(value)?,
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    let (Some(input), Some(output)) = (input, output) else {
        return Ok(None);
    };
    let usage = Usage {
        input,
        cached: of_input.cached.or(cache_hits).unwrap_or(0),
        cache_write: of_input.cache_write.unwrap_or(0),
        audio_input: of_input.audio.unwrap_or(0),
        image_input: of_input.image.unwrap_or(0),
        output,
        reasoning: of_output.reasoning.unwrap_or(0),
        audio_output: of_output.audio.unwrap_or(0),
        image_output: of_output.image.unwrap_or(0),
        ..Usage::default()
    };
    Ok(Some(usage.in_bounds()))
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
    /// xAI's and OpenRouter's.
    image: Option<u64>,
    reasoning: Option<u64>,
}

fn details(details: &mut Scanner<'_>) -> Result<Details, Malformed> {
    let mut found = Details::default();
    details.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"cached_tokens", Kind::Number) => found.cached = count(value)?,
            (b"cache_write_tokens", Kind::Number) => found.cache_write = count(value)?,
            (b"audio_tokens", Kind::Number) => found.audio = count(value)?,
            (b"image_tokens", Kind::Number) => found.image = count(value)?,
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
    fn every_part_of_usage_is_read_and_held_to_its_total() {
        let read = |input: u32, output: u32| {
            let usage = format!(
                r#"{{"prompt_tokens":{input},"completion_tokens":{output},
                "prompt_tokens_details":{{"cached_tokens":4,"cache_write_tokens":3,"audio_tokens":2,"image_tokens":5}},
                "completion_tokens_details":{{"reasoning_tokens":6,"audio_tokens":7,"image_tokens":8}}}}"#
            );
            read_usage(&mut Scanner::new(usage.as_bytes())).unwrap().unwrap()
        };
        let all = Usage {
            input: 99,
            cached: 4,
            cache_write: 3,
            audio_input: 2,
            image_input: 5,
            output: 99,
            reasoning: 6,
            audio_output: 7,
            image_output: 8,
            ..Usage::default()
        };
        assert_eq!(read(99, 99), all);
        let held = Usage { cache_write: 2, image_input: 4, audio_output: 1, image_output: 0, ..all };
        assert_eq!(read(6, 7), Usage { input: 6, output: 7, ..held });
    }

    #[test]
    fn an_error_inside_wins() {
        for (body, class) in [
            (r#"{"error":{"code":429,"message":"slow"}}"#, FailureClass::RateLimited),
            (r#"{"error":{"code":"502"},"choices":[{}]}"#, FailureClass::ServerError),
            (r#"{"error":"model exploded"}"#, FailureClass::ServerError),
            (r#"{"error":{"type":"insufficient_quota"}}"#, FailureClass::Billing),
            (
                r#"{"object":"error","message":"busy","type":"internal_server_error","code":"3000"}"#,
                FailureClass::ServerError,
            ),
            (r#"{"object":"error","message":"slow","code":429}"#, FailureClass::RateLimited),
        ] {
            assert_eq!(read_answer(body.as_bytes()), Answer::Error(Fault::new(class)), "{body}");
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
}
