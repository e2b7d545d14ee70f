//! The answer: content in chunks, and words of its own for the end.
//! <https://docs.mistral.ai/capabilities/reasoning/>

use memchr::memmem;
use serde_json::{Map, Value};

/// A whole answer in OpenAI's form; `None` where it has that already.
pub fn adapt_answer(body: &[u8]) -> Option<Vec<u8>> {
    if is_plain(body) { None } else { adapt(body, "message") }
}

/// As [`adapt_answer`], for the data of one event.
pub fn adapt_event(data: &[u8]) -> Option<Vec<u8>> {
    // Calls of a stream need an index, which older models leave out. Events with calls are few.
    if is_plain(data) && memmem::find(data, b"\"tool_calls\"").is_none() { None } else { adapt(data, "delta") }
}

/// A quick look: nothing in the text can be one of Mistral's own shapes.
fn is_plain(text: &[u8]) -> bool {
    let is_list = |at: usize| {
        let mut rest = text[at + b"\"content\"".len()..].iter().filter(|byte| !byte.is_ascii_whitespace());
        rest.next() == Some(&b':') && rest.next() == Some(&b'[')
    };
    !memmem::find_iter(text, b"\"content\"").any(is_list) && memmem::find(text, b"\"model_length\"").is_none()
}

fn adapt(text: &[u8], member: &str) -> Option<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(text).ok()?;
    let mut changed = false;
    for choice in answer.get_mut("choices")?.as_array_mut()? {
        if let Some(finish) = choice.get_mut("finish_reason").filter(|finish| *finish == "model_length") {
            *finish = "length".into();
            changed = true;
        }
        let Some(message) = choice.get_mut(member).and_then(Value::as_object_mut) else { continue };
        changed |= join_chunks(message);
        changed |= member == "delta" && number_calls(message);
    }
    changed.then(|| answer.to_string().into_bytes())
}

fn join_chunks(message: &mut Map<String, Value>) -> bool {
    let Some(Value::Array(chunks)) = message.get_mut("content") else { return false };
    let (mut text, mut thoughts) = (String::new(), String::new());
    for chunk in chunks {
        match chunk.get("thinking") {
            Some(Value::String(thought)) => thoughts += thought,
            Some(Value::Array(inner)) => inner.iter().filter_map(text_of).for_each(|thought| thoughts += thought),
            _ => text += text_of(chunk).unwrap_or_default(),
        }
    }
    message.insert("content".into(), text.into());
    if !thoughts.is_empty() {
        message.insert("reasoning_content".into(), thoughts.into());
    }
    true
}

fn text_of(chunk: &Value) -> Option<&str> {
    chunk.as_str().or_else(|| chunk.get("text")?.as_str())
}

fn number_calls(message: &mut Map<String, Value>) -> bool {
    let Some(Value::Array(calls)) = message.get_mut("tool_calls") else { return false };
    let mut changed = false;
    for (index, call) in calls.iter_mut().enumerate() {
        if let Some(call) = call.as_object_mut().filter(|call| !call.contains_key("index")) {
            call.insert("index".into(), index.into());
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn chunks_become_text_and_reasoning() {
        let answer = json!({"id": "x", "choices": [{"index": 0, "finish_reason": "model_length", "message": {"role": "assistant",
            "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]},
                {"type": "text", "text": "4"}, {"type": "reference", "reference_ids": [1]}, 7]}}]});
        let adapted: Value = serde_json::from_slice(&adapt_answer(answer.to_string().as_bytes()).unwrap()).unwrap();
        let wanted = json!({"role": "assistant", "content": "4", "reasoning_content": "hm"});
        assert_eq!((&adapted["choices"][0]["message"], &adapted["id"]), (&wanted, &json!("x")));
        assert_eq!(adapted["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn what_has_openais_form_is_left_alone() {
        for text in [
            r#"{"choices":[{"delta":{"content":"a \"content\":[ b"},"finish_reason":null}]}"#,
            r#"{"choices":[{"delta":{"content":null,"tool_calls":[{"index":0,"id":"a"}]},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#,
            r#"{"content":[1]}"#,
            "no JSON \"content\" : [",
            "",
        ] {
            assert_eq!(adapt_event(text.as_bytes()), None, "{text}");
            assert_eq!(adapt_answer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn calls_in_a_stream_get_their_index() {
        let event = br#"{"choices":[{"delta":{"tool_calls":[{"id":"a"},{"id":"b"}]}}]}"#;
        let adapted: Value = serde_json::from_slice(&adapt_event(event).unwrap()).unwrap();
        assert_eq!(
            adapted["choices"][0]["delta"]["tool_calls"],
            json!([{"id": "a", "index": 0}, {"id": "b", "index": 1}])
        );
    }
}
