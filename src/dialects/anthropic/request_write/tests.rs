use super::super::read_request;
use super::*;
use crate::api::chat::{
    CacheHint, Content, Effort, Fate, Loss, Message, OutputFormat, Part, Role, Signature, Source, Thinking, Tool,
    ToolCall, ToolChoice, ToolKind, ToolResult,
};

fn write_for(request: &ChatRequest, model: &str) -> (Value, Vec<Loss>) {
    let written = write_request(request, &Target { model, max_output: None, ask_usage: false }).unwrap();
    (serde_json::from_slice(&written.body).unwrap(), written.losses.iter().cloned().collect())
}

fn write(request: &ChatRequest) -> (Value, Vec<Loss>) {
    write_for(request, "claude-haiku-4-5")
}

fn asked(messages: Vec<Message>) -> ChatRequest {
    let mut request = ChatRequest::new(Format::OpenAiChat);
    request.messages = messages;
    request
}

fn user(text: &str) -> Message {
    Message::new(Role::User, vec![Part::text(text)])
}

fn call(id: &str, arguments: &str) -> Part {
    let (id, arguments) = (id.into(), arguments.into());
    Content::ToolCall(ToolCall { id, name: "f".into(), arguments, custom: false, signature: None }).into()
}

fn result(call: &str, text: &str) -> Part {
    let parts = vec![Part::text(text)];
    Content::ToolResult(ToolResult { call: call.into(), parts, is_error: false }).into()
}

fn function(strict: Option<bool>, parameters: Option<Value>) -> Tool {
    let kind = ToolKind::Function { name: "f".into(), description: None, parameters, strict };
    Tool { kind, cache: None, extra: Map::new() }
}

fn dropped(field: Field) -> Loss {
    Loss { field, fate: Fate::Dropped }
}

fn approximated(field: Field) -> Loss {
    Loss { field, fate: Fate::Approximated }
}

#[test]
fn turns_alternate_and_results_follow_their_calls() {
    let request = asked(vec![
        Message::new(Role::System, vec![Part::text("Be brief.")]),
        user("one"),
        user("two"),
        Message::new(Role::Assistant, vec![Part::text(""), call("call:1", "{\"x\": 1}"), call("b", "oops")]),
        Message::new(Role::User, vec![result("call:1", "1")]),
        user("and then?"),
        Message::new(Role::User, vec![result("b", "")]),
        Message::new(Role::Developer, vec![Part::text("Be kind.")]),
    ]);
    let (body, losses) = write(&request);
    let text = |text| json!({"type": "text", "text": text});
    assert_eq!(body["system"], json!([text("Be brief."), text("Be kind.")]));
    let expected = json!([
        {"role": "user", "content": [text("one"), text("two")]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "call_3a1", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "b", "name": "f", "input": {"_raw": "oops"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_3a1", "content": "1"},
            {"type": "tool_result", "tool_use_id": "b"},
            text("and then?"),
        ]},
    ]);
    assert_eq!(body["messages"], expected);
    assert_eq!(body["max_tokens"], 4096);
    let moved = Loss { field: Field::Extra("messages.role".into()), fate: Fate::Approximated };
    assert_eq!(losses, [moved]);
}

#[test]
fn somebody_always_asks() {
    let (body, _) = write(&asked(vec![Message::new(Role::System, vec![Part::text("Tell a joke.")])]));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Tell a joke."}]));
    assert_eq!(body.get("system"), None);
    let (body, _) = write(&asked(vec![Message::new(Role::Assistant, vec![Part::text("Well, \n")])]));
    let expected = json!([{"role": "user", "content": "."}, {"role": "assistant", "content": "Well,"}]);
    assert_eq!(body["messages"], expected);
    let target = Target { model: "m", max_output: None, ask_usage: false };
    assert!(write_request(&asked(vec![user(" ")]), &target).is_err());
}

#[test]
fn what_has_no_place_is_reported() {
    let mut request = asked(vec![user("hi")]);
    request.messages[0].name = Some("bob".into());
    request.messages[0].extra.insert("weight".into(), 1.into());
    request.n = Some(2);
    request.sampling.temperature = Number::from_f64(1.5);
    request.sampling.seed = Some(1);
    request.sampling.frequency_penalty = Some(0.into());
    request.stop = vec!["\n".into(), "END".into()];
    request.user = Some("u".into());
    request.metadata = Some(Map::new());
    request.service_tier = Some("flex".into());
    request.output = Some(OutputFormat::Json);
    request.extra.insert("store".into(), true.into());
    let (body, losses) = write(&request);
    assert_eq!(body["temperature"], 1);
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert_eq!(body["metadata"], json!({"user_id": "u"}));
    assert_eq!(body.get("store"), None);
    assert!(body["system"].as_str().unwrap().contains("JSON"));
    let expected = [
        approximated(Field::ResponseFormat),
        dropped(Field::Name),
        dropped(Field::Extra("weight".into())),
        approximated(Field::Stop),
        dropped(Field::Metadata),
        dropped(Field::ServiceTier),
        approximated(Field::Temperature),
        dropped(Field::Extra("store".into())),
        dropped(Field::N),
        dropped(Field::Seed),
    ];
    assert_eq!(losses, expected);
}

#[test]
fn echoes_of_answers_are_no_losses() {
    let mut request = asked(vec![user("hi"), Message::new(Role::Assistant, vec![Part::text("a")]), user("b")]);
    request.messages[1].extra.insert("annotations".into(), json!([]));
    request.messages[1].extra.insert("provider_specific_fields".into(), json!({"x": 1}));
    assert_eq!(write(&request).1, []);
}

#[test]
fn media_and_hints_find_their_form() {
    let image = |source| Content::Image { source, detail: None };
    let data = |media_type: &str| Source::Data { media_type: media_type.into(), data: "AA==".into() };
    let document = |source| Content::Document { source, name: Some("d".into()) };
    let file = Source::File { format: Format::OpenAiChat, id: "file-1".into() };
    let mut text = Part::text("look");
    text.cache = Some(CacheHint::default());
    let request = asked(vec![Message::new(
        Role::User,
        vec![
            image(Source::Url("https://a.b/c.png".into())).into(),
            image(data("image/jpg")).into(),
            document(data("application/pdf")).into(),
            document(Source::Text("words".into())).into(),
            document(file).into(),
            Content::Audio { source: data("audio/wav") }.into(),
            text,
        ],
    )]);
    let (body, losses) = write(&request);
    let expected = json!([
        {"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AA=="}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            "title": "d"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "title": "d"},
        {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
    ]);
    assert_eq!(body["messages"][0]["content"], expected);
    assert_eq!(losses, [dropped(Field::Document), dropped(Field::Audio)]);
}

#[test]
fn tools_and_their_choice() {
    let mut request = asked(vec![user("hi")]);
    let limited = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}});
    request.tools = vec![function(None, None), function(Some(true), Some(limited))];
    request.tools.push(Tool {
        kind: ToolKind::Foreign { format: Format::OpenAiChat, value: json!({"type": "custom"}) },
        cache: None,
        extra: Map::new(),
    });
    request.tool_choice = Some(ToolChoice::Tool("f".into()));
    request.parallel_tool_calls = Some(false);
    let (body, losses) = write(&request);
    let expected = json!([
        {"name": "f", "input_schema": {"type": "object", "properties": {}}},
        {"name": "f", "strict": true, "input_schema":
            {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": false}},
    ]);
    assert_eq!(body["tools"], expected);
    let expected = json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true});
    assert_eq!(body["tool_choice"], expected);
    assert_eq!(losses, [approximated(Field::ToolStrict), dropped(Field::Tools)]);
}

#[test]
fn thinking_pushes_aside_what_it_does_not_go_with() {
    let mut request = asked(vec![user("hi")]);
    request.thinking = Some(Thinking { effort: Some(Effort::Low), ..Thinking::default() });
    request.sampling.temperature = Number::from_f64(0.2);
    request.sampling.top_p = Number::from_f64(0.97);
    request.tools = vec![function(None, None)];
    request.tool_choice = Some(ToolChoice::Required);
    let (body, losses) = write(&request);
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 1024}));
    assert_eq!(body["tool_choice"], json!({"type": "auto"}));
    assert_eq!(body["top_p"], 0.97);
    assert_eq!(body.get("temperature"), None);
    assert_eq!(losses, [approximated(Field::ToolChoice), dropped(Field::Temperature)]);
    let (body, _) = write_for(&request, "claude-opus-4-7");
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "low"}));
    assert_eq!(body.get("top_p"), None);
}

#[test]
fn a_budget_is_given_up_where_the_calls_before_have_no_thoughts() {
    let thought = |format| {
        let signature = Some(Signature { format, value: "s".into() });
        Part::from(Content::Reasoning { text: "hm".into(), signature })
    };
    let request = |format| {
        let parts = vec![thought(format), call("a", "")];
        let results = Message::new(Role::User, vec![result("a", "1")]);
        let mut request = asked(vec![user("hi"), Message::new(Role::Assistant, parts), results]);
        request.thinking = Some(Thinking { budget: Some(2_000), ..Thinking::default() });
        request
    };
    let (body, losses) = write(&request(Format::Anthropic));
    assert_eq!(body["thinking"]["budget_tokens"], 2_000);
    let expected = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
    assert_eq!(body["messages"][1]["content"][0], expected);
    assert_eq!(losses, []);
    let (body, losses) = write(&request(Format::Gemini));
    assert_eq!(body.get("thinking"), None);
    assert_eq!(losses, [dropped(Field::Reasoning), dropped(Field::Thinking)]);
}

#[test]
fn anthropics_own_words_come_out_as_they_went_in() {
    let body = json!({
        "model": "claude-haiku-4-5", "max_tokens": 9, "stream": true, "temperature": 1.5, "top_p": 0.5, "top_k": 4,
        "stop_sequences": [" ", "END"], "service_tier": "standard_only", "mcp_servers": [{"name": "m"}],
        "metadata": {"user_id": "u", "trace": "t"},
        "thinking": {"type": "enabled", "budget_tokens": 500, "display": "omitted", "depth": 2},
        "output_config": {"effort": "low", "task_budget": {"total": 5},
            "format": {"type": "json_schema", "schema": {"type": "object", "minimum": 1}}},
        "system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "b"}],
        "messages": [
            {"role": "assistant", "content": "early "},
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "file", "file_id": "f1"}},
                {"type": "document", "source": {"type": "content", "content": "x"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                    "title": "t", "citations": {"enabled": true}},
            ]},
            {"role": "user", "content": "again"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "dark"},
                {"type": "text", "text": "t", "citations": [{"type": "char_location"}]},
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": [1]}, "caller": {"type": "direct"}},
            ]},
            {"role": "user", "content": [
                {"type": "text", "text": "first"},
                {"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [
                    {"type": "text", "text": "x"}, {"type": "tool_reference", "tool_name": "f"}]},
            ]},
            {"role": "system", "content": "later"},
        ],
        "tools": [
            {"name": "f", "description": "d", "input_schema": {"properties": {}}, "strict": false,
                "cache_control": {"type": "ephemeral"}, "defer_loading": true},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
    });
    let request = read_request(body.to_string().as_bytes()).unwrap();
    let (written, losses) = write(&request);
    assert_eq!(written, body);
    assert_eq!(losses, []);
}
