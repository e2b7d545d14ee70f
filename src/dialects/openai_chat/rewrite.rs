//! The changes that pass-through may make to a request: the model's name, the wish for usage on a stream, and the older
//! name of the limit on tokens.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::api::Envelope;

/// The request as this provider gets it: byte for byte the client's but for `model`, where the provider's own name
/// differs, `stream_options.include_usage`, where `ask_usage` says so, and `max_completion_tokens`, where `older_limit`
/// says that this vendor does not know the name. In pieces, so that a change costs no copy of what stays.
pub fn rewrite(body: &Bytes, envelope: &Envelope, model: &str, ask_usage: bool, older_limit: bool) -> Arc<[Bytes]> {
    let mut edits: SmallVec<[_; 3]> = SmallVec::new();
    if model != envelope.model {
        let quoted = serde_json::to_vec(model).expect("a string always serialises");
        edits.push((envelope.model_at.clone(), Bytes::from(quoted)));
    }
    if ask_usage {
        edits.push((envelope.ask_usage.at.clone(), Bytes::from_static(envelope.ask_usage.text.as_bytes())));
    }
    if let (true, Some(key)) = (older_limit, &envelope.newer_limit) {
        edits.push((key.clone(), Bytes::from_static(br#""max_tokens""#)));
    }
    edits.sort_by_key(|(at, _)| at.start);

    let mut pieces: SmallVec<[Bytes; 7]> = SmallVec::new();
    let mut from = 0;
    for (at, replacement) in edits {
        pieces.push(body.slice(from..at.start));
        pieces.push(replacement);
        from = at.end;
    }
    pieces.push(body.slice(from..));
    pieces.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Door;
    use crate::dialects::read_envelope;

    fn rewritten(body: &'static str, model: &str, ask_usage: bool) -> String {
        let body = Bytes::from_static(body.as_bytes());
        let envelope = read_envelope(Door::ChatCompletions, &body).unwrap();
        String::from_utf8(rewrite(&body, &envelope, model, ask_usage, true).concat()).unwrap()
    }

    #[test]
    fn leaves_every_other_byte_alone() {
        let body = r#"{ "messages" : [ {"role":"user","content":"\u00e9 {model}"} ], "x": 1.0e2, "stream":true, "model" : "chat" }"#;
        assert_eq!(rewritten(body, "chat", false), body);
        let limited = r#"{"model":"m", "max_completion_tokens" : 5,"messages":[{"role":"user"}]}"#;
        assert_eq!(rewritten(limited, "m", false), limited.replace("max_completion_tokens", "max_tokens"));
        assert_eq!(rewritten(body, "a\"b", false), body.replace("\"chat\"", r#""a\"b""#));
        let end = r#"{"model":"vendor/m","stream":true,"messages":[{"role":"user"}],"stream_options":{"include_usage":true}}"#;
        assert_eq!(rewritten(r#"{"model":"chat","stream":true,"messages":[{"role":"user"}]}"#, "vendor/m", true), end);
        assert_eq!(
            rewritten(
                r#"{"stream_options":{"include_usage":false},"model":"chat","stream":true,"messages":[{"role":"user"}]}"#,
                "m",
                true
            ),
            r#"{"stream_options":{"include_usage":true},"model":"m","stream":true,"messages":[{"role":"user"}]}"#
        );
    }
}
