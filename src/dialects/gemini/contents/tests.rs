//! Conversations as Gemini gets them.

use serde_json::{Value, json};

use super::*;

const FLASH: &str = "gemini-2.5-flash";
const THIRD: &str = "gemini-3-flash-preview";

fn written(messages: Vec<Message>, model: &str) -> (Value, Value, Vec<Field>) {
    let mut request = ChatRequest::new(Format::OpenAiChat);
    request.messages = messages;
    let mut losses = Losses::default();
    let contents = write_contents(&request, Model::of(model), &mut losses);
    let lost = losses.iter().map(|loss| loss.field.clone()).collect();
    (serde_json::to_value(contents.turns).unwrap(), serde_json::to_value(contents.system).unwrap(), lost)
}

fn turns(messages: Vec<Message>, model: &str) -> Value {
    let (turns, _, lost) = written(messages, model);
    assert_eq!(lost, []);
    turns
}

fn say(role: Role, parts: impl IntoIterator<Item = Content>) -> Message {
    Message::new(role, parts.into_iter().map(Part::from).collect())
}

fn text(text: &str) -> Content {
    Content::Text { text: text.into(), annotations: Vec::new() }
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), custom: false, signature: None }
}

fn result(call: &str, parts: impl IntoIterator<Item = Content>) -> Content {
    let parts = parts.into_iter().map(Part::from).collect();
    Content::ToolResult(ToolResult { call: call.into(), parts, is_error: false })
}

fn image(data: &str) -> Content {
    let source = Source::Data { media_type: "image/png".into(), data: data.into() };
    Content::Image { source, detail: None }
}

fn signature(format: Format, value: &str) -> Signature {
    Signature { format, value: value.into() }
}

fn thought(text: &str, format: Format, value: &str) -> Content {
    Content::Reasoning { text: text.into(), signature: Some(signature(format, value)) }
}

#[test]
fn roles_alternate_and_instructions_stand_apart() {
    let messages = vec![
        say(Role::System, [text("Be brief."), text("")]),
        say(Role::Developer, [text("Be kind.")]),
        say(Role::User, [text("a")]),
        say(Role::User, [text(""), text("b")]),
        say(Role::Assistant, [text("c"), Content::Refusal("d".into())]),
        say(Role::Assistant, []),
        say(Role::User, [text("e")]),
    ];
    let (turns, system, lost) = written(messages, FLASH);
    assert_eq!(system, json!({"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}));
    let expected = json!([
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "parts": [{"text": "e"}]}
    ]);
    assert_eq!((turns, lost), (expected, vec![]));
}

#[test]
fn a_late_instruction_is_heard_early() {
    let messages = vec![say(Role::User, [text("a")]), say(Role::System, [text("b"), image("AA==")])];
    let (_, system, lost) = written(messages, FLASH);
    assert_eq!(system, json!({"parts": [{"text": "b"}]}));
    assert_eq!(lost, [Field::Extra("messages.role".into()), Field::Image]);
}

#[test]
fn there_is_always_something_to_answer() {
    for messages in [vec![], vec![say(Role::System, [text("a")])], vec![say(Role::User, [text("")])]] {
        assert_eq!(turns(messages, FLASH), json!([{"role": "user", "parts": [{"text": " "}]}]));
    }
}

#[test]
fn media_are_inside_or_somewhere_else() {
    let url = |url: &str| Source::Url(url.into());
    let pdf = Source::Data { media_type: "application/pdf".into(), data: "JVBE".into() };
    let wav = Source::Data { media_type: "audio/wav".into(), data: "UklG".into() };
    let document = |source| Content::Document { source, name: None };
    let parts = [
        image("AA=="),
        Content::Image { source: url("https://example.com/a.jpg"), detail: Some("auto".into()) },
        Content::Audio { source: wav },
        document(pdf),
        document(Source::Text("plain".into())),
        document(url("https://example.com/paper")),
    ];
    let expected = json!([
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.jpg"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
        {"text": "plain"},
        {"fileData": {"fileUri": "https://example.com/paper"}}
    ]);
    assert_eq!(turns(vec![say(Role::User, parts)], FLASH), json!([{"role": "user", "parts": expected}]));
}

#[test]
fn what_cannot_be_sent_is_told() {
    let file = || Source::File { format: Format::OpenAiChat, id: "file-1".into() };
    let parts = [
        text("a"),
        Content::Image { source: file(), detail: Some("high".into()) },
        Content::Audio { source: file() },
        Content::Document { source: file(), name: Some("a.pdf".into()) },
        Content::Redacted(signature(Format::Anthropic, "x")),
        Content::Foreign { format: Format::Anthropic, value: json!({}) },
        Content::Foreign { format: Format::Gemini, value: json!(3) },
    ];
    let (turns, _, lost) = written(vec![say(Role::User, parts)], FLASH);
    assert_eq!(turns, json!([{"role": "user", "parts": [{"text": "a"}]}]));
    use Field as F;
    assert_eq!(lost, [F::ImageDetail, F::Image, F::Audio, F::DocumentName, F::Document, F::Reasoning, F::Part]);
}

#[test]
fn results_find_the_names_of_their_calls() {
    let failed = ToolResult { call: "2".into(), parts: vec![Part::text("{\"no\":1}")], is_error: true };
    let calls = [call("1", r#"{"n": 12345678901234567890}"#), call("2", ""), call("3", "not json"), call("4", "[1]")];
    let messages = vec![
        say(Role::Assistant, calls.map(Content::ToolCall)),
        say(Role::User, [result("1", [text(r#" {"ok": 1.0}"#)])]),
        say(Role::User, [Content::ToolResult(failed), text("and now?")]),
        say(Role::User, [result("3", [text("21"), text("C")]), result("4", []), result("5", [text("[1]")])]),
    ];
    let given = turns(messages, FLASH);
    let args = |value: Value, id: &str| json!({"functionCall": {"id": id, "name": "f", "args": value}});
    let n: Value = serde_json::from_str("12345678901234567890").unwrap();
    let expected = json!([
        args(json!({"n": n}), "1"),
        args(json!({}), "2"),
        args(json!({"arguments": "not json"}), "3"),
        args(json!({"arguments": "[1]"}), "4")
    ]);
    assert_eq!(given[0], json!({"role": "model", "parts": expected}));
    let response =
        |value: Value, id: &str, name: &str| json!({"functionResponse": {"id": id, "name": name, "response": value}});
    let expected = json!([
        response(json!({"ok": 1.0}), "1", "f"),
        response(json!({"error": "{\"no\":1}"}), "2", "f"),
        response(json!({"result": "21\nC"}), "3", "f"),
        response(json!({"result": ""}), "4", "f"),
        response(json!({"result": "[1]"}), "5", "5"),
        {"text": "and now?"}
    ]);
    assert_eq!(given[1], json!({"role": "user", "parts": expected}));
}

#[test]
fn media_of_results_stand_inside_or_after_them() {
    let messages = || {
        let results = [result("1", [image("AA==")]), result("2", [text("b"), image("BB==")])];
        let calls = [call("1", "{}"), call("2", "{}")].map(Content::ToolCall);
        vec![say(Role::Assistant, calls), say(Role::User, results)]
    };
    let medium = |data: &str| json!({"inlineData": {"mimeType": "image/png", "data": data}});
    let response = |id: &str, value: Value| json!({"id": id, "name": "f", "response": value});
    let after = json!([
        {"functionResponse": response("1", json!({}))},
        {"functionResponse": response("2", json!({"result": "b"}))},
        medium("AA=="),
        medium("BB==")
    ]);
    assert_eq!(turns(messages(), FLASH)[1]["parts"], after);
    let inside = |id, value, data| {
        let mut response = response(id, value);
        response["parts"] = json!([medium(data)]);
        json!({"functionResponse": response})
    };
    let inside = json!([inside("1", json!({}), "AA=="), inside("2", json!({"result": "b"}), "BB==")]);
    assert_eq!(turns(messages(), THIRD)[1]["parts"], inside);
}

#[test]
fn signatures_go_back_to_where_they_were() {
    let own = |value| thought("", Format::Gemini, value);
    let signed = ToolCall { signature: Some(signature(Format::Gemini, "s2")), ..call("2", "{}") };
    let parts = [
        own("s1"),
        text("a"),
        own("s3"),
        Content::ToolCall(call("1", "{}")),
        own("s4"),
        Content::ToolCall(signed),
        thought("Hm", Format::Gemini, "s5"),
        text("b"),
        thought("Well", Format::Gemini, "s6"),
    ];
    let call = |id: &str| json!({"id": id, "name": "f", "args": {}});
    let expected = json!([
        {"text": "a", "thoughtSignature": "s1"},
        {"functionCall": call("1"), "thoughtSignature": "s3"},
        {"text": "", "thoughtSignature": "s4"},
        {"functionCall": call("2"), "thoughtSignature": "s2"},
        {"text": "Hm", "thought": true},
        {"text": "b", "thoughtSignature": "s5"},
        {"text": "Well", "thought": true, "thoughtSignature": "s6"}
    ]);
    assert_eq!(turns(vec![say(Role::Assistant, parts)], THIRD)[0]["parts"], expected);
}

#[test]
fn calls_of_other_vendors_go_without_a_signature_where_that_is_allowed() {
    let parts = || {
        let foreign = Some(signature(Format::Anthropic, "x"));
        let first = ToolCall { signature: foreign, ..call("1", "{}") };
        [thought("Hm", Format::Anthropic, "y"), Content::ToolCall(first), Content::ToolCall(call("2", "{}"))]
    };
    for (model, stand_in) in [(FLASH, Value::Null), (THIRD, json!(NO_SIGNATURE))] {
        let (turns, _, lost) = written(vec![say(Role::Assistant, parts())], model);
        assert_eq!(lost, [Field::Reasoning]);
        assert_eq!(turns[0]["parts"].as_array().map(Vec::len), Some(2));
        assert_eq!(turns[0]["parts"][0]["thoughtSignature"], stand_in);
        assert_eq!(turns[0]["parts"][1]["thoughtSignature"], Value::Null);
    }
}

#[test]
fn parts_of_its_own_format_stay_as_they_were() {
    let code = json!({"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "s"});
    let parts = [Content::Foreign { format: Format::Gemini, value: code.clone() }];
    assert_eq!(turns(vec![say(Role::Assistant, parts)], FLASH)[0]["parts"], json!([code]));
}
