//! A client of the Messages API: checks a stream's grammar and puts the message together, as the SDKs do.

use serde_json::{Value, json};

/// The `data` of every event; its name must agree with the type inside.
pub(super) fn events(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    let event = |lines: &str| {
        let (name, data) = lines.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name);
        data
    };
    text.split_terminator("\n\n").map(event).filter(|event| event["type"] != "ping").collect()
}

/// The message that a stream makes.
pub(super) fn assemble(stream: &[u8]) -> Value {
    let mut events = events(stream).into_iter();
    let mut message = events.next().unwrap()["message"].take();
    assert_eq!(message["content"], json!([]));
    let mut open: Option<(Value, String)> = None;
    let mut blocks = Vec::new();
    let mut stopped = false;
    for mut event in events {
        assert!(!stopped, "{event} after message_stop");
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert!(open.is_none(), "{event} while a block is open");
                assert_eq!(event["index"], blocks.len());
                open = Some((event["content_block"].take(), String::new()));
            }
            "content_block_delta" => {
                assert_eq!(event["index"], blocks.len());
                let (block, input) = open.as_mut().unwrap();
                let delta = &event["delta"];
                let mut append = |name: &str| {
                    let text = format!("{}{}", block[name].as_str().unwrap(), delta[name].as_str().unwrap());
                    block[name] = text.into();
                };
                match delta["type"].as_str().unwrap() {
                    "text_delta" => append("text"),
                    "thinking_delta" => append("thinking"),
                    "signature_delta" => append("signature"),
                    "input_json_delta" => input.push_str(delta["partial_json"].as_str().unwrap()),
                    "citations_delta" => match &mut block["citations"] {
                        Value::Array(citations) => citations.push(delta["citation"].clone()),
                        none => *none = json!([delta["citation"]]),
                    },
                    other => panic!("{other}"),
                }
            }
            "content_block_stop" => {
                assert_eq!(event["index"], blocks.len());
                let (mut block, input) = open.take().unwrap();
                if !input.is_empty() {
                    block["input"] = serde_json::from_str(&input).unwrap_or_else(|_| json!({ "cut": input }));
                }
                blocks.push(block);
            }
            "message_delta" => {
                assert!(open.is_none());
                for (name, value) in event["delta"].as_object().unwrap() {
                    message[name] = value.clone();
                }
                for (name, value) in event["usage"].as_object().unwrap() {
                    message["usage"][name] = value.clone();
                }
            }
            "message_stop" => stopped = true,
            other => panic!("{other}"),
        }
    }
    assert!(stopped);
    message["content"] = blocks.into();
    message
}
