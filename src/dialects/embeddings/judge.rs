//! Judging an answer that is handed on as it is.

use crate::api::Usage;
use crate::api::json::{Kind, Malformed, Scanner};
use crate::dialects::Fault;
use crate::dialects::refusal::fault_inside;

/// An answer is a JSON object with at least one vector in it. The whole text is validated.
pub fn judge_answer(body: &[u8]) -> Result<Option<Usage>, Fault> {
    let mut scanner = Scanner::lenient(body);
    let mut usage = None;
    let mut vectors = 0;
    let mut error = None;
    let read = scanner.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"data", Kind::Array) => {
                let mut objects = 0;
                value.array(|item, _| {
                    objects += usize::from(item.kind()? == Kind::Object);
                    item.skip()
                })?;
                vectors += objects;
            }
            (b"usage", Kind::Object) => usage = read_usage(value)?,
            (b"error", Kind::Object | Kind::String) => error = Some(value.span()?),
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    });
    read.and_then(|()| scanner.end()).map_err(|_| Fault::malformed())?;
    match error {
        Some(span) => Err(fault_inside(&serde_json::from_slice(&body[span]).unwrap_or_default())),
        None if vectors == 0 => Err(Fault::malformed()),
        None => Ok(usage),
    }
}

fn read_usage(usage: &mut Scanner<'_>) -> Result<Option<Usage>, Malformed> {
    let mut input = None;
    usage.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"prompt_tokens", Kind::Number) => input = value.number()?.parse::<u32>().ok(),
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    Ok(input.map(|input| Usage { input: input.into(), ..Usage::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::recorded::recordings;
    use crate::error::FailureClass;

    #[test]
    fn takes_only_whole_answers_with_vectors() {
        let good = r#"{"data":[{"index":0,"embedding":[0.1]}],"usage":{"prompt_tokens":9,"total_tokens":9}}"#;
        assert_eq!(judge_answer(good.as_bytes()), Ok(Some(Usage { input: 9, ..Usage::default() })));
        for cut in 0..good.len() {
            assert_eq!(judge_answer(&good.as_bytes()[..cut]), Err(Fault::malformed()), "cut at {cut}");
        }
        for bad in ["{}", r#"{"data":[]}"#, r#"{"data":[null]}"#, r#"{"data":7}"#, "[]", "<html>"] {
            assert_eq!(judge_answer(bad.as_bytes()), Err(Fault::malformed()), "{bad}");
        }
        let absurd = r#"{"data":[{}],"usage":{"prompt_tokens":-9}}"#;
        assert_eq!(judge_answer(absurd.as_bytes()), Ok(None));
    }

    #[test]
    fn an_error_inside_wins() {
        let class = |body: &str| judge_answer(body.as_bytes()).unwrap_err().class;
        assert_eq!(class(r#"{"error":{"code":429},"data":[{}]}"#), FailureClass::RateLimited);
        assert_eq!(class(r#"{"error":"boom"}"#), FailureClass::ServerError);
        assert_eq!(class(r#"{"error":{"code":"400","message":"no"}}"#), FailureClass::CallerError);
        assert!(judge_answer(br#"{"error":null,"data":[{}]}"#).is_ok());
    }

    #[test]
    fn recorded_answers_are_read() {
        for prefix in ["openai-embeddings", "azure-embeddings", "ollama-embeddings"] {
            for (name, recording) in recordings(prefix) {
                let body = &recording["response"]["body"];
                if recording["response"]["status"] != 200 || body["data"].as_array().is_none() {
                    continue;
                }
                let usage =
                    judge_answer(body.to_string().as_bytes()).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
                assert_eq!(usage.map(|usage| usage.input), body["usage"]["prompt_tokens"].as_u64(), "{name}");
            }
        }
    }
}
