//! The checkers themselves: each takes a good stream, and refuses it when one rule is broken.

use serde_json::{Value, json};

use super::{Said, Tokens, Tool, check_chat, check_completions, check_messages, check_responses};

/// What is done to a good stream, and a word of the rule that then speaks.
type Change = (&'static str, &'static str, &'static str);

#[track_caller]
fn assert_refused(good: &str, changes: &[Change], check: impl Fn(&str) -> super::Checked) {
    for (from, to, rule) in changes {
        assert!(good.contains(from), "nothing to change: {from}");
        let bad = good.replacen(from, to, 1);
        match check(&bad) {
            Ok(_) => panic!("taken for good: {from:?} -> {to:?}"),
            Err(found) => assert!(found.contains(rule), "{from:?} -> {to:?}: refused, but for: {found}"),
        }
    }
}

fn chat_chunk(choices: &Value, more: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":{choices}{more}}}\n\n"
    )
}

fn delta(delta: &Value, finish: &Value) -> Value {
    json!([{"index": 0, "delta": delta, "finish_reason": finish}])
}

fn chat_stream() -> String {
    let call = |index: u32, id: &str| json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let more = |index: u32, text: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
    let deltas = [
        json!({"role": "assistant", "content": ""}),
        json!({"reasoning_content": "hm"}),
        json!({"reasoning_details": [{"type": "reasoning.text", "signature": "sig", "format": "anthropic-claude-v1", "index": 0}]}),
        json!({"content": "hi"}),
        call(0, "a"),
        call(1, "b"),
        more(0, "{}"),
        more(1, "[]"),
    ];
    let mut stream: String = deltas.iter().map(|one| chat_chunk(&delta(one, &Value::Null), "")).collect();
    stream += &chat_chunk(&delta(&json!({}), &json!("tool_calls")), "");
    stream += &chat_chunk(
        &json!([]),
        r#","usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}"#,
    );
    stream + "data: [DONE]\n\n"
}

fn tool(id: &str, name: &str, arguments: &str) -> Tool {
    Tool { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

#[test]
fn chat_streams() {
    let good = chat_stream();
    let said = check_chat(&good, true).unwrap();
    let expected = Said {
        text: "hi".to_owned(),
        reasoning: "hm".to_owned(),
        tools: vec![tool("a", "f", "{}"), tool("b", "f", "[]")],
        finish: "tool_calls".to_owned(),
        signatures: vec!["sig".to_owned()],
        usage: Some(Tokens { input: 5, output: 2, cached: 4 }),
        ..Said::default()
    };
    assert_eq!(said, expected);
    assert!(check_chat(&good, false).unwrap_err().contains("not asked for"));
    assert_refused(
        &good,
        &[
            ("data: [DONE]\n\n", "", "not [DONE]"),
            ("data: [DONE]\n\n", "data: [DONE]\n", "inside an event"),
            ("data: {", "event: chunk\ndata: {", "has a name"),
            ("data: {", "data: {}\ndata: {", "two data lines"),
            ("data: {", "nonsense\ndata: {", "none of an event"),
            ("\"id\":\"c1\"", "\"id\":\"\"", "without an id"),
            ("\"created\":1", "\"created\":2", "heading changes"),
            ("chat.completion.chunk", "chat.completion", "not a chunk"),
            ("\"role\":\"assistant\",", "", "no role"),
            ("\"content\":\"hi\"", "\"content\":\"hi\",\"role\":\"assistant\"", "second role"),
            (
                "\"content\":\"hi\"},\"finish_reason\":null",
                "\"content\":\"hi\"},\"finish_reason\":\"stop\"",
                "behind the finish",
            ),
            ("\"finish_reason\":\"tool_calls\"", "\"finish_reason\":null", "before the end of a choice"),
            ("\"index\":1,\"id\":\"b\"", "\"index\":2,\"id\":\"b\"", "comes after 1 calls"),
            ("\"id\":\"b\"", "\"id\":\"a\"", "two calls of one id"),
            ("\"index\":0,\"function\":{", "\"index\":0,\"id\":\"x\",\"function\":{", "changes its id"),
            ("\"index\":0,\"function\":{", "\"index\":0,\"function\":{\"name\":\"f\",", "two names"),
            ("\"id\":\"a\",\"type\":\"function\"", "\"id\":\"a\"", "without its type"),
            ("\"id\":\"a\"", "\"id\":\"\"", "without an id"),
            ("\"total_tokens\":7", "\"total_tokens\":8", "not the sum"),
            ("\"cached_tokens\":4", "\"cached_tokens\":6", "more is cached"),
            ("\"usage\":{\"prompt", "\"usage\":null,\"used\":{\"prompt", "says nothing"),
            ("{\"index\":0,\"delta\":{\"role\"", "{\"index\":1,\"delta\":{\"role\"", "no role"),
            ("data: [DONE]", "data: {\"error\":{}}\n\ndata: [DONE]", "an error"),
            ("\"type\":\"reasoning.text\"", "\"type\":\"thought\"", "unknown reasoning"),
        ],
        |text| check_chat(text, true),
    );
}

#[test]
fn completions_streams() {
    let chunk = |choices: &str, more: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\",\"choices\":{choices}{more}}}\n\n"
        )
    };
    let good = chunk(r#"[{"text":"hi","index":0,"logprobs":null,"finish_reason":null}]"#, "")
        + &chunk(r#"[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]"#, "")
        + &chunk("[]", r#","usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}"#)
        + "data: [DONE]\n\n";
    let said = check_completions(&good, true).unwrap();
    assert_eq!((&*said.text, &*said.finish), ("hi", "stop"));
    assert!(check_completions(&good, false).is_err());
    assert_refused(
        &good,
        &[
            ("data: [DONE]\n\n", "", "not [DONE]"),
            ("text_completion", "chat.completion.chunk", "not a text completion"),
            ("\"text\":\"hi\",", "", "text is no text"),
            ("\"finish_reason\":\"stop\"", "\"finish_reason\":null", "no finish reason"),
            ("\"finish_reason\":null", "\"finish_reason\":\"stop\"", "behind the finish"),
            (",\"usage\":{", ",\"used\":{", "says nothing"),
        ],
        |text| check_completions(text, true),
    );
}

fn named(events: &[Value]) -> String {
    let written = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
    written.collect()
}

fn messages_stream() -> String {
    let block = |index: u32, deltas: &[Value], start: Value| {
        let mut events = vec![json!({"type": "content_block_start", "index": index, "content_block": start})];
        let delta = |delta: &Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
        events.extend(deltas.iter().map(delta));
        events.push(json!({"type": "content_block_stop", "index": index}));
        events
    };
    let message = json!({
        "id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": {"input_tokens": 1, "cache_read_input_tokens": 4, "output_tokens": 1}
    });
    let mut events = vec![json!({"type": "message_start", "message": message}), json!({"type": "ping"})];
    events.extend(block(
        0,
        &[json!({"type": "thinking_delta", "thinking": "hm"}), json!({"type": "signature_delta", "signature": "sig"})],
        json!({"type": "thinking", "thinking": "", "signature": ""}),
    ));
    events.extend(block(1, &[json!({"type": "text_delta", "text": "hi"})], json!({"type": "text", "text": ""})));
    events.extend(block(
        2,
        &[json!({"type": "input_json_delta", "partial_json": "{\"a\":1}"})],
        json!({"type": "tool_use", "id": "a", "name": "f", "input": {}}),
    ));
    let delta = json!({"stop_reason": "tool_use", "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}));
    events.push(json!({"type": "message_stop"}));
    named(&events)
}

#[test]
fn messages_streams() {
    let good = messages_stream();
    let said = check_messages(&good).unwrap();
    let expected = Said {
        text: "hi".to_owned(),
        reasoning: "hm".to_owned(),
        tools: vec![tool("a", "f", "{\"a\":1}")],
        finish: "tool_use".to_owned(),
        signatures: vec!["sig".to_owned()],
        usage: Some(Tokens { input: 5, output: 7, cached: 4 }),
        ..Said::default()
    };
    assert_eq!(said, expected);
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let end = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
    assert_refused(
        &good,
        &[
            (stop, "", "without message_stop"),
            (stop, "data: [DONE]\n\n", "not JSON"),
            ("event: message_start", "event: message", "the event Some(\"message\")"),
            ("event: content_block_start\n", "", "the event None"),
            ("\"role\":\"assistant\"", "\"role\":\"user\"", "no message of the assistant"),
            ("\"content\":[]", "\"content\":[{}]", "starts with content"),
            ("\"input_tokens\":1,", "", "input_tokens is no count"),
            (end, "", "a block begins inside another one"),
            ("\"content_block_start\",\"index\":1", "\"content_block_start\",\"index\":2", "index is not 1"),
            ("\"content_block_delta\",\"index\":1", "\"content_block_delta\",\"index\":0", "not open"),
            ("\"content_block_stop\",\"index\":2", "\"content_block_stop\",\"index\":1", "not open"),
            ("\"type\":\"text_delta\",\"text\"", "\"type\":\"thinking_delta\",\"thinking\"", "in a block of text"),
            (
                "\"type\":\"input_json_delta\",\"partial_json\"",
                "\"type\":\"text_delta\",\"text\"",
                "in a block of tool_use",
            ),
            ("{\\\"a\\\":1}", "{\\\"a\\\":", "input is no object"),
            ("\"id\":\"a\"", "\"id\":\"\"", "without an id"),
            ("\"stop_reason\":\"tool_use\",", "", "stop_reason is no text"),
            ("\"output_tokens\":7", "\"tokens\":7", "output_tokens is no count"),
            ("event: message_delta", "event: ping\ndata: {\"type\":\"pong\"}\n\nevent: message_delta", "holds"),
        ],
        check_messages,
    );
    // What belongs in an order.
    let late = good.replace(
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#,
    );
    assert!(
        check_messages(&late.replace(
            "\"type\":\"signature_delta\",\"signature\":\"sig\"",
            "\"type\":\"thinking_delta\",\"thinking\":\"hm\""
        ))
        .unwrap_err()
        .contains("thinking_delta")
    );
    assert!(check_messages(&(good.clone() + &good)).unwrap_err().contains("message_start at Stopped"));
    let tool_first = good.replacen("event: message_start", "event: content_block_start", 1);
    assert!(check_messages(&tool_first).is_err());
}

fn responses_stream() -> String {
    let response = |status: &str, output: Value, usage: Value| {
        json!({"id": "r", "object": "response", "created_at": 1, "model": "m", "status": status,
            "incomplete_details": null, "output": output, "usage": usage})
    };
    let summary = json!({"type": "summary_text", "text": "hm"});
    let words = json!({"type": "output_text", "text": "hi", "annotations": []});
    let thought = json!({"id": "rs", "type": "reasoning", "summary": [summary], "encrypted_content": "sig"});
    let message =
        json!({"id": "ms", "type": "message", "role": "assistant", "status": "completed", "content": [words]});
    let call = json!({"id": "fc", "type": "function_call", "status": "completed", "call_id": "a", "name": "f", "arguments": "{}"});
    let usage = json!({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 7});
    let begun = response("in_progress", json!([]), Value::Null);
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": "rs", "type": "reasoning", "summary": []}}),
        json!({"type": "response.reasoning_summary_part.added", "item_id": "rs", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        json!({"type": "response.reasoning_summary_text.delta", "item_id": "rs", "output_index": 0, "summary_index": 0, "delta": "hm"}),
        json!({"type": "response.reasoning_summary_text.done", "item_id": "rs", "output_index": 0, "summary_index": 0, "text": "hm"}),
        json!({"type": "response.reasoning_summary_part.done", "item_id": "rs", "output_index": 0, "summary_index": 0, "part": summary}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": thought}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"id": "ms", "type": "message", "role": "assistant", "status": "in_progress", "content": []}}),
        json!({"type": "response.content_part.added", "item_id": "ms", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}),
        json!({"type": "response.output_text.delta", "item_id": "ms", "output_index": 1, "content_index": 0, "delta": "hi"}),
        json!({"type": "response.output_text.done", "item_id": "ms", "output_index": 1, "content_index": 0, "text": "hi"}),
        json!({"type": "response.content_part.done", "item_id": "ms", "output_index": 1, "content_index": 0, "part": words}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"id": "fc", "type": "function_call", "status": "in_progress", "call_id": "a", "name": "f", "arguments": ""}}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc", "output_index": 2, "delta": "{}"}),
        json!({"type": "response.function_call_arguments.done", "item_id": "fc", "output_index": 2, "arguments": "{}"}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": call}),
        json!({"type": "response.completed", "response": response("completed", json!([thought, message, call]), usage)}),
    ];
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = number.into();
    }
    named(&events)
}

#[test]
fn responses_streams() {
    let good = responses_stream();
    let said = check_responses(&good).unwrap();
    let expected = Said {
        text: "hi".to_owned(),
        reasoning: "hm".to_owned(),
        tools: vec![tool("a", "f", "{}")],
        finish: "completed".to_owned(),
        signatures: vec!["sig".to_owned()],
        usage: Some(Tokens { input: 5, output: 2, cached: 4 }),
        ..Said::default()
    };
    assert_eq!(said, expected);
    let first = &good[..good.find("event: response.in_progress").unwrap()];
    assert!(check_responses(first).unwrap_err().contains("without its last event"));
    assert_refused(
        &good,
        &[
            ("\"sequence_number\":3", "\"sequence_number\":4", "sequence number is not 3"),
            ("event: response.created", "event: response.create", "the event Some"),
            ("\"type\":\"response.in_progress\"", "\"type\":\"response.queued\"", "the event Some"),
            ("\"status\":\"in_progress\"", "\"status\":\"completed\"", "begins at its end"),
            ("\"output_index\":0", "\"output_index\":1", "out of place"),
            ("\"id\":\"ms\"", "\"id\":\"rs\"", "not its own"),
            ("\"item_id\":\"ms\"", "\"item_id\":\"rs\"", "the item's id is ms"),
            ("\"content_index\":0", "\"content_index\":1", "a part out of place"),
            ("\"delta\":\"hi\"", "\"delta\":\"ho\"", "not what was streamed"),
            ("\"delta\":\"hm\"", "\"delta\":\"h\"", "not what was streamed"),
            ("\"delta\":\"{}\"", "\"delta\":\"{\"", "not what was streamed"),
            (
                "\"part\":{\"type\":\"output_text\",\"text\":\"hi\"",
                "\"part\":{\"type\":\"output_text\",\"text\":\"ho\"",
                "a part that was not streamed",
            ),
            (
                "\"content\":[{\"type\":\"output_text\",\"text\":\"hi\"",
                "\"content\":[{\"type\":\"output_text\",\"text\":\"ho\"",
                "content that was not streamed",
            ),
            (
                "\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"\"",
                "\"call_id\":\"\",\"name\":\"f\",\"arguments\":\"\"",
                "a call of nothing",
            ),
            ("\"status\":\"completed\",\"call_id\"", "\"status\":\"done\",\"call_id\"", "output that was not streamed"),
            (
                "response\",\"created_at\":1,\"model\":\"m\",\"status\":\"completed\"",
                "response\",\"created_at\":1,\"model\":\"m\",\"status\":\"failed\"",
                "status is not completed",
            ),
            ("\"total_tokens\":7", "\"total_tokens\":9", "not the sum"),
            ("\"input_tokens_details\":{\"cached_tokens\":4},", "", "cached_tokens is no count"),
        ],
        check_responses,
    );
}

/// Without the event that has this type and, where it matters, this item.
fn without(stream: &str, kind: &str) -> String {
    let mut number = 0;
    let events = stream.split_inclusive("\n\n").filter(|event| !event.starts_with(&format!("event: {kind}\n")));
    let renumber = |event: &str| {
        let (name, data) = event.split_once("\ndata: ").unwrap();
        let mut data: Value = serde_json::from_str(data).unwrap();
        data["sequence_number"] = number.into();
        number += 1;
        format!("{name}\ndata: {data}\n\n")
    };
    events.map(renumber).collect()
}

#[test]
fn responses_streams_lack_nothing() {
    for (kind, rule) in [
        ("response.created", "at 0"),
        ("response.in_progress", "at 1"),
        ("response.output_item.added", "never added"),
        ("response.content_part.added", "not open"),
        ("response.output_text.delta", "not what was streamed"),
        ("response.output_text.done", "ends before its text"),
        ("response.content_part.done", "before its parts"),
        ("response.reasoning_summary_part.added", "not open"),
        ("response.reasoning_summary_part.done", "before its parts"),
        ("response.function_call_arguments.delta", "not what was streamed"),
        ("response.function_call_arguments.done", "before its arguments"),
        ("response.output_item.done", "before an item"),
        ("response.completed", "without its last event"),
    ] {
        let found = check_responses(&without(&responses_stream(), kind)).expect_err(kind);
        assert!(found.contains(rule), "without {kind}: {found}");
    }
}
