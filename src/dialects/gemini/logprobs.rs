//! `logprobsResult` in OpenAI's form.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// `None` where there are no chosen tokens in it.
pub(super) fn read_logprobs(result: &RawValue) -> Option<Value> {
    let result: Value = serde_json::from_str(result.get()).ok()?;
    let chosen = result.get("chosenCandidates")?.as_array()?;
    let tops = result.get("topCandidates").and_then(Value::as_array);
    let each = |(position, candidate): (usize, &Value)| {
        let mut entry = token(candidate)?;
        let top = tops.and_then(|tops| tops.get(position)?.get("candidates")?.as_array());
        let top = top.into_iter().flatten().filter_map(|candidate| token(candidate).map(Value::Object));
        entry.insert("top_logprobs".into(), top.collect());
        Some(Value::Object(entry))
    };
    let content: Vec<_> = chosen.iter().enumerate().filter_map(each).collect();
    (!content.is_empty()).then(|| json!({"content": content, "refusal": null}))
}

fn token(candidate: &Value) -> Option<Map<String, Value>> {
    let text = candidate.get("token")?.as_str()?;
    let logprob = candidate.get("logProbability").filter(|number| number.is_number())?;
    let mut token = Map::new();
    token.insert("token".into(), text.into());
    token.insert("logprob".into(), logprob.clone());
    token.insert("bytes".into(), text.as_bytes().into());
    Some(token)
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    #[test]
    fn chosen_tokens_stand_beside_their_rivals() {
        let result = json!({
            "topCandidates": [{"candidates": [{"token": "A", "logProbability": -0.5}, {"token": "B"}]}],
            "chosenCandidates": [{"token": "A", "tokenId": 7, "logProbability": -0.5}]
        });
        let a = json!({"token": "A", "logprob": -0.5, "bytes": [65]});
        let mut entry = a.clone();
        entry["top_logprobs"] = json!([a]);
        let logprobs = read_logprobs(&to_raw_value(&result).unwrap());
        assert_eq!(logprobs, Some(json!({"content": [entry], "refusal": null})));
        assert_eq!(read_logprobs(&to_raw_value(&json!({"chosenCandidates": [3]})).unwrap()), None);
    }
}
