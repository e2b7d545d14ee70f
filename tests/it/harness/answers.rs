//! What OpenAI-format providers say, written out: whole answers, events, errors, and requests for them.

use serde_json::{Value, json};

use super::reply::Reply;

/// The text of every good answer.
pub(crate) const TEXT: &str = "Hello there";

pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// A good answer, with usage of 9 tokens in and 3 out.
pub(crate) fn completion(text: &str) -> String {
    let text = Value::from(text);
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m-upstream", "choices":[{{"index":0,"message":{{"role":"assistant","content":{text},"refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}},"x_vendor":{{"kept":[1.0, 2e0]}}}}"#
    )
}

pub(crate) fn good() -> Reply {
    Reply::new(200, "application/json", completion(TEXT))
}

/// Says `text`, to tell providers apart.
pub(crate) fn saying(text: &str) -> Reply {
    Reply::new(200, "application/json", completion(text))
}

/// A `chat.completion.chunk` with one choice; `choice` holds its members.
pub(crate) fn chunk(choice: &str) -> String {
    event(&format!(r#""choices":[{{"index":0,{choice}}}]"#))
}

/// An event with these members beside the usual ones.
pub(crate) fn event(members: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-upstream\",{members}}}\n\n"
    )
}

pub(crate) fn role() -> String {
    chunk(r#""delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null"#)
}

pub(crate) fn text(text: &str) -> String {
    let text = Value::from(text);
    chunk(&format!(r#""delta":{{"content":{text}}},"finish_reason":null"#))
}

pub(crate) fn finish() -> String {
    chunk(r#""delta":{},"finish_reason":"stop""#)
}

/// The usage-only last chunk.
pub(crate) fn usage(input: u64, output: u64) -> String {
    let total = input + output;
    event(&format!(
        r#""choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total}}}"#
    ))
}

pub(crate) fn error_event(code: u16) -> String {
    format!("data: {{\"error\":{{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":{code}}}}}\n\n")
}

/// A whole stream that says [`TEXT`], without usage.
pub(crate) fn events() -> Vec<String> {
    vec![role(), text("Hello"), text(" there"), finish(), DONE.to_owned()]
}

/// The same as bytes.
pub(crate) fn event_bytes() -> Vec<u8> {
    events().concat().into_bytes()
}

pub(crate) fn good_stream() -> Reply {
    Reply::stream(events())
}

pub(crate) fn stream_saying(words: &str) -> Reply {
    Reply::stream([role(), text(words), finish(), DONE.to_owned()])
}

/// An error of the provider, in OpenAI's shape.
pub(crate) fn refusal(status: u16) -> Reply {
    let body =
        json!({"error": {"message": format!("scripted {status}"), "type": "scripted", "param": null, "code": null}});
    Reply::new(status, "application/json", body.to_string())
}

/// A small request.
pub(crate) fn ask(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Say hello"}]})
}

pub(crate) fn ask_stream(model: &str) -> Value {
    with(ask(model), json!({"stream": true}))
}

/// `request` with these members as well.
pub(crate) fn with(mut request: Value, members: Value) -> Value {
    let (Value::Object(request_members), Value::Object(members)) = (&mut request, members) else {
        panic!("requests are objects");
    };
    request_members.extend(members);
    request
}

/// What a record says that its call cost, in USD; `None`: it is not known.
pub(crate) fn cost(record: &Value) -> Option<f64> {
    record["cost.usd"].as_str().map(|usd| usd.parse().expect("costs are decimal strings"))
}

/// All of the text that a stream's events say.
pub(crate) fn said(stream: &[u8]) -> String {
    data(stream)
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect()
}

/// The JSON events of a stream that ends its lines with line feeds.
pub(crate) fn data(stream: &[u8]) -> Vec<Value> {
    let stream = std::str::from_utf8(stream).expect("streams are UTF-8");
    let lines = stream.split('\n').filter_map(|line| line.strip_prefix("data:"));
    lines.filter_map(|data| serde_json::from_str(data).ok()).collect()
}
