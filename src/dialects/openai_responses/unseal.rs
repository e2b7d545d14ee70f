//! Taking out of a request what OpenAI itself would refuse.

use memchr::memmem;
use serde_json::Value;

use super::seal::MARK;

/// Whether [`without_foreign_seals`] may find any: a search, which reads no JSON.
pub fn may_have_foreign_seals(body: &[u8]) -> bool {
    memmem::find(body, MARK.as_bytes()).is_some()
}

/// The same request without the reasoning that another vendor signed, for OpenAI's own API; `None` where there is none.
/// A conversation may have begun with another provider.
pub fn without_foreign_seals(body: &[u8]) -> Option<Vec<u8>> {
    let mut request: Value = serde_json::from_slice(body).ok()?;
    let items = request.get_mut("input")?.as_array_mut()?;
    let before = items.len();
    items.retain(|item| {
        let seal = item.get("encrypted_content").and_then(Value::as_str).unwrap_or_default();
        item.get("type").and_then(Value::as_str) != Some("reasoning") || !seal.starts_with(MARK)
    });
    let any = items.len() < before;
    any.then(|| serde_json::to_vec(&request).expect("maps with text keys always serialise"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_another_vendor_signed_is_taken_out() {
        let reasoning = |seal: &str| json!({ "type": "reasoning", "summary": [], "encrypted_content": seal });
        let said = json!({ "role": "user", "content": "tollgate. is a mark" });
        let body = json!({ "model": "m", "input": [reasoning("tollgate.anthropic.s"), reasoning("gAAA"), said] });
        let left = without_foreign_seals(body.to_string().as_bytes()).unwrap();
        let wanted = json!({ "model": "m", "input": [reasoning("gAAA"), said] });
        assert_eq!(String::from_utf8(left).unwrap(), wanted.to_string());
        assert_eq!(without_foreign_seals(wanted.to_string().as_bytes()), None);
        assert!(may_have_foreign_seals(body.to_string().as_bytes()));
        assert!(!may_have_foreign_seals(br#"{"model":"m","input":"hello"}"#));
        for body in ["", "{\"input\":\"tollgate.\"}", "tollgate."] {
            assert_eq!(without_foreign_seals(body.as_bytes()), None);
        }
    }
}
