use serde_json::json;

use super::super::testing::{assemble, events};
use super::*;

fn stream(deltas: impl IntoIterator<Item = Delta>) -> Vec<u8> {
    let heading = Heading { id: "abc".into(), created: 0, model: "m".into(), include_usage: true };
    let mut writer = write_events(heading, &ChatRequest::new(Format::Anthropic));
    let mut out = Vec::new();
    deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
    writer.end(&mut out);
    out
}

fn text(text: &str) -> Delta {
    Delta::Text { choice: 0, text: text.into() }
}

fn reasoning(text: &str) -> Delta {
    Delta::Reasoning { choice: 0, text: text.into() }
}

fn call(call: u32) -> Delta {
    let name = format!("f{call}");
    Delta::ToolCall { choice: 0, call, id: format!("id{call}"), name, custom: false, signature: None }
}

fn arguments(call: u32, text: &str) -> Delta {
    Delta::Arguments { choice: 0, call, text: text.into() }
}

fn used(call: u32, input: Value) -> Value {
    let mut used = json!({"type": "tool_use", "id": format!("id{call}"), "name": format!("f{call}")});
    used["input"] = input;
    used
}

fn signed(format: Format, value: &str) -> Signature {
    Signature { format, value: value.into() }
}

#[test]
fn a_stream_without_content_has_its_frame() {
    let kinds: Vec<_> = events(&stream([])).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["message_start", "message_delta", "message_stop"]);
    assert_eq!(assemble(&stream([text(""), reasoning("")]))["content"], json!([]));
}

#[test]
fn thinking_text_and_calls_are_blocks_of_their_own() {
    let usage = Usage { input: 9, cached: 4, output: 1, ..Usage::default() };
    let stream = stream([
        Delta::Start { id: Some("x".into()), model: Some("gemini".into()), created: None },
        Delta::Usage(usage),
        reasoning("h"),
        reasoning("m"),
        Delta::Signature { choice: 0, signature: signed(Format::Gemini, "s") },
        reasoning("more"),
        text("He"),
        text("llo"),
        Delta::Text { choice: 1, text: "not here".into() },
        call(0),
        arguments(0, "{\"a\":"),
        arguments(0, "1}"),
        text("bye"),
        Delta::Finish { choice: 0, finish: Finish::Stop },
        Delta::Usage(Usage { output: 8, ..usage }),
    ]);
    let message = assemble(&stream);
    let expected = json!([
        {"type": "thinking", "thinking": "hm", "signature": "tollgate.gemini.s"},
        {"type": "thinking", "thinking": "more", "signature": ""},
        {"type": "text", "text": "Hello"},
        used(0, json!({"a": 1})),
        {"type": "text", "text": "bye"},
    ]);
    assert_eq!(message["content"], expected);
    assert_eq!(message["id"], "msg_abc");
    assert_eq!(message["model"], "gemini");
    assert_eq!(message["stop_reason"], "tool_use");
    assert_eq!(message["usage"]["output_tokens"], 8);
    assert_eq!(message["usage"]["input_tokens"], 5);
    assert_eq!(message["usage"]["cache_read_input_tokens"], 4);
    assert_eq!(events(&stream)[0]["message"]["usage"]["input_tokens"], 5);
}

#[test]
fn interleaved_calls_are_sorted_into_blocks_that_do_not_overlap() {
    let one = || used(0, json!({"a": "}"}));
    let two = || used(1, json!({"b": []}));
    for deltas in [
        vec![
            call(0),
            call(1),
            arguments(0, "{\"a\":"),
            arguments(1, "{\"b\""),
            arguments(0, "\"}\"}"),
            arguments(1, ":[]}"),
        ],
        vec![call(0), call(1), arguments(1, "{\"b\":[]}"), arguments(0, "{\"a\":\"}\"}")],
        vec![call(0), arguments(0, "{\"a\":\"}\"}"), arguments(0, "\n"), call(1), arguments(1, "{\"b\":[]}")],
    ] {
        assert_eq!(assemble(&stream(deltas))["content"], json!([one(), two()]));
    }
}

#[test]
fn what_comes_behind_an_incomplete_call_waits_for_the_end() {
    let message = assemble(&stream([
        call(0),
        text("a"),
        call(1),
        text("b"),
        arguments(1, "{\"x\":"),
        call(2),
        arguments(1, "2}"),
        arguments(2, "{\"cut"),
    ]));
    let expected = json!([
        used(0, json!({})),
        {"type": "text", "text": "a"},
        used(1, json!({"x": 2})),
        {"type": "text", "text": "b"},
        used(2, json!({"cut": "{\"cut"})),
    ]);
    assert_eq!(message["content"], expected);
}

#[test]
fn arguments_that_are_no_object_are_wrapped() {
    let custom = Delta::ToolCall {
        choice: 0,
        call: 1,
        id: "id1".into(),
        name: "f1".into(),
        custom: true,
        signature: Some(signed(Format::Gemini, "g")),
    };
    let message = assemble(&stream([call(0), arguments(0, " [1,"), arguments(0, "2]"), custom, arguments(1, "ls -l")]));
    let expected = json!([
        used(0, json!({"_raw": " [1,2]"})),
        {"type": "thinking", "thinking": "", "signature": "tollgate.gemini.g"},
        used(1, json!({"_raw": "ls -l"})),
    ]);
    assert_eq!(message["content"], expected);
}

#[test]
fn only_anthropics_own_parts_are_passed_on() {
    let foreign = |format, value| Delta::Foreign { choice: 0, format, value };
    let search = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}});
    let citation = json!({"type": "web_search_result_location", "encrypted_index": "x"});
    let message = assemble(&stream([
        foreign(Format::Gemini, json!({"executableCode": {}})),
        foreign(Format::Anthropic, search.clone()),
        text("a"),
        foreign(Format::Anthropic, citation::keep(citation.clone())),
        Delta::Redacted { choice: 0, data: signed(Format::Anthropic, "dark") },
        Delta::Refusal { choice: 0, text: "No.".into() },
        Delta::Finish { choice: 0, finish: Finish::Stop },
    ]));
    let expected = json!([
        search,
        {"type": "text", "text": "a", "citations": [citation]},
        {"type": "redacted_thinking", "data": "dark"},
        {"type": "text", "text": "No."},
    ]);
    assert_eq!(message["content"], expected);
    assert_eq!(message["stop_reason"], "refusal");
}
