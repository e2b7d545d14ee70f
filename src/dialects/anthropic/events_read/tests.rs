use serde_json::json;

use super::*;
use crate::api::Usage;
use crate::api::chat::Signature;
use crate::error::FailureClass;

fn feed(reader: &mut EventReader, data: &Value) -> Result<Vec<Delta>, Fault> {
    let mut deltas = Vec::new();
    let data = data.to_string();
    reader.read(Event { name: None, data: data.as_bytes() }, &mut deltas)?;
    Ok(deltas)
}

fn read(events: &[Value]) -> (Vec<Delta>, EventReader) {
    let mut reader = read_events("c1");
    let deltas = events.iter().flat_map(|event| feed(&mut reader, event).unwrap()).collect();
    (deltas, reader)
}

fn start(index: u64, block: Value) -> Value {
    let mut event = json!({"type": "content_block_start", "index": index});
    event["content_block"] = block;
    event
}

fn delta(index: u64, delta: Value) -> Value {
    let mut event = json!({"type": "content_block_delta", "index": index});
    event["delta"] = delta;
    event
}

fn stop(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn arguments(call: u32, text: &str) -> Delta {
    Delta::Arguments { choice: 0, call, text: text.into() }
}

fn begin(call: u32, id: &str, name: &str) -> Delta {
    Delta::ToolCall { choice: 0, call, id: id.into(), name: name.into(), custom: false, signature: None }
}

#[test]
fn a_stream_says_what_a_whole_answer_says() {
    let (deltas, reader) = read(&[
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-x",
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 20, "output_tokens": 1}}}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        json!({"type": "ping"}),
        delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        delta(0, json!({"type": "signature_delta", "signature": "sig"})),
        stop(0),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "He"})),
        delta(1, json!({"type": "text_delta", "text": "llo"})),
        stop(1),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 9}}),
    ]);
    let usage = |output| Usage { input: 23, cached: 20, output, ..Usage::default() };
    let signature = Signature { format: Format::Anthropic, value: "sig".into() };
    let expected = [
        Delta::Start { id: Some("msg_1".into()), model: Some("claude-x".into()), created: None },
        Delta::Usage(usage(0)),
        Delta::Reasoning { choice: 0, text: "hm".into() },
        Delta::Signature { choice: 0, signature },
        Delta::Text { choice: 0, text: "He".into() },
        Delta::Text { choice: 0, text: "llo".into() },
        Delta::Usage(usage(9)),
        Delta::Finish { choice: 0, finish: Finish::Stop },
    ];
    assert_eq!(deltas, expected);
    assert!(reader.is_whole());
}

#[test]
fn calls_are_told_apart_by_their_blocks() {
    let (deltas, _) = read(&[
        start(4, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})),
        delta(4, json!({"type": "input_json_delta", "partial_json": ""})),
        start(7, json!({"type": "tool_use", "name": "g", "input": {}})),
        delta(4, json!({"type": "input_json_delta", "partial_json": "{\"x\":"})),
        delta(7, json!({"type": "input_json_delta", "partial_json": "{}"})),
        delta(4, json!({"type": "input_json_delta", "partial_json": "1}"})),
        stop(4),
        stop(7),
    ]);
    let expected = [
        begin(0, "a", "f"),
        begin(1, "call_c1_1", "g"),
        arguments(0, "{\"x\":"),
        arguments(1, "{}"),
        arguments(0, "1}"),
    ];
    assert_eq!(deltas, expected);
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    let (deltas, reader) = read(&[
        start(0, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})),
        delta(0, json!({"type": "input_json_delta", "partial_json": ""})),
        stop(0),
        start(1, json!({"type": "tool_use", "id": "b", "name": "g", "input": {"whole": 1}})),
        json!({"type": "message_stop"}),
    ]);
    let finish = Delta::Finish { choice: 0, finish: Finish::ToolCalls };
    let expected = [begin(0, "a", "f"), arguments(0, "{}"), begin(1, "b", "g"), arguments(1, "{\"whole\":1}"), finish];
    assert_eq!(deltas, expected);
    assert!(reader.is_whole());
}

#[test]
fn server_tools_come_whole() {
    let (deltas, _) = read(&[
        start(0, json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})),
        delta(0, json!({"type": "input_json_delta", "partial_json": "{\"query\":"})),
        delta(0, json!({"type": "input_json_delta", "partial_json": "\"q\"}"})),
        stop(0),
        start(1, json!({"type": "compaction", "content": "a"})),
        delta(1, json!({"type": "compaction_delta", "content": "b"})),
        stop(1),
        start(2, json!({"type": "text", "text": ""})),
        delta(2, json!({"type": "citations_delta", "citation": {"url": "https://a.b/", "encrypted_index": "x"}})),
        delta(2, json!({"type": "text_delta", "text": "t"})),
        stop(2),
        start(3, json!({"type": "text", "text": "u"})),
    ]);
    let foreign = |value| Delta::Foreign { choice: 0, format: Format::Anthropic, value };
    assert_eq!(
        deltas[0],
        foreign(json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}))
    );
    assert_eq!(deltas[1], foreign(json!({"type": "compaction", "content": "ab"})));
    assert!(matches!(&deltas[2], Delta::Text { .. }));
    assert!(matches!(&deltas[3], Delta::Annotation { annotation, .. } if annotation.url.is_some()));
    let citation = json!({"url": "https://a.b/", "encrypted_index": "x"});
    assert_eq!(deltas[4], foreign(citation::keep(citation)));
    assert_eq!(deltas[5], foreign(citation::border()));
    assert!(matches!(&deltas[6], Delta::Text { .. }));
}

#[test]
fn an_error_may_come_at_any_place() {
    let mut reader = read_events("c");
    let text = delta(0, json!({"type": "text_delta", "text": "a"}));
    assert_eq!(feed(&mut reader, &text).unwrap().len(), 1);
    let error = json!({"type": "error", "error": {"details": null, "type": "rate_limit_error", "message": "no"}});
    assert_eq!(feed(&mut reader, &error).unwrap_err().class, FailureClass::RateLimited);
    assert_eq!(feed(&mut reader, &json!({"error": "boom"})).unwrap_err().class, FailureClass::ServerError);
    assert!(!reader.is_whole());
}

#[test]
fn the_odd_and_the_unknown_are_tolerated_and_the_broken_is_not() {
    let mut reader = read_events("c");
    for event in [
        json!({"type": "vertex_event", "index": -1}),
        json!({"type": "content_block_delta", "index": "x"}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "sparkle_delta", "sparkle": 1}}),
        json!({"type": "content_block_start", "index": 0, "content_block": null}),
        json!({"type": "content_block_stop", "index": 5}),
        json!({"type": "message_delta", "delta": {"stop_reason": null}}),
        json!({"type": "message_start", "message": "x"}),
        json!({}),
    ] {
        let deltas = feed(&mut reader, &event).unwrap();
        assert!(deltas.iter().all(|delta| matches!(delta, Delta::Start { .. })), "{event}");
    }
    assert!(!reader.is_whole());
    for data in [&b"{\"type\": "[..], b"hello", b"[]", b"\xff"] {
        let fault = reader.read(Event { name: None, data }, &mut Vec::new()).unwrap_err();
        assert_eq!(fault.class, FailureClass::Malformed);
    }
}

#[test]
fn what_lacks_the_last_event_is_known() {
    let mut reader = read_events("c");
    assert!(reader.lacks().is_empty(), "nothing is whole yet");
    feed(&mut reader, &json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})).unwrap();
    assert_eq!(reader.lacks(), b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    feed(&mut reader, &json!({"type": "message_stop"})).unwrap();
    assert!(reader.lacks().is_empty());
}
