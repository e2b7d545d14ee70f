//! What a caller asked for, read leniently from the body of `POST /v1/chat/completions`.

use serde_json::Value;

/// The parts of a request that shape the answer.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) model: String,
    pub(super) stream: bool,
    /// `stream_options.include_usage`.
    pub(super) include_usage: bool,
    /// Choices, at least 1.
    pub(super) n: u32,
    /// `max_completion_tokens`, else `max_tokens`.
    pub(super) max_tokens: Option<u32>,
    /// The text of the last user message.
    pub(super) text: String,
    pub(super) prompt_tokens: u32,
    /// The function to call, `name` and `parameters` as the caller described it.
    pub(super) tool: Option<Value>,
}

/// Why a request was refused, and the field at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadAsk {
    pub(super) message: String,
    pub(super) param: Option<&'static str>,
}

impl Ask {
    pub(super) fn read(body: &[u8]) -> Result<Self, BadAsk> {
        let body: Value = serde_json::from_slice(body).map_err(|err| BadAsk {
            message: format!("We could not parse the JSON body of your request: {err}"),
            param: None,
        })?;
        let model = body["model"].as_str().ok_or_else(|| wrong("model", "a string"))?;
        let messages = (body["messages"].as_array())
            .filter(|messages| !messages.is_empty())
            .ok_or_else(|| wrong("messages", "an array of at least one message"))?;
        let text = (messages.iter().rev())
            .find(|message| message["role"] == "user")
            .map_or_else(String::new, |message| text_of(&message["content"]));
        Ok(Self {
            model: model.to_owned(),
            stream: flag(&body["stream"], "stream")?,
            include_usage: body["stream_options"]["include_usage"] == true,
            n: count(&body["n"], "n", 128)?.unwrap_or(1),
            max_tokens: match count(&body["max_completion_tokens"], "max_completion_tokens", u32::MAX)? {
                None => count(&body["max_tokens"], "max_tokens", u32::MAX)?,
                given => given,
            },
            prompt_tokens: messages.iter().map(tokens_of).fold(3, u32::saturating_add),
            tool: tool_to_call(&body, messages, &text).cloned(),
            text,
        })
    }
}

fn wrong(param: &'static str, wanted: &str) -> BadAsk {
    BadAsk { message: format!("Invalid value for '{param}': expected {wanted}."), param: Some(param) }
}

fn flag(value: &Value, param: &'static str) -> Result<bool, BadAsk> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(set) => Ok(*set),
        _ => Err(wrong(param, "a boolean")),
    }
}

fn count(value: &Value, param: &'static str, most: u32) -> Result<Option<u32>, BadAsk> {
    if value.is_null() {
        return Ok(None);
    }
    (value.as_u64())
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| (1..=most).contains(number))
        .map(Some)
        .ok_or_else(|| wrong(param, &format!("an integer between 1 and {most}")))
}

/// A message's text: the content itself, or its parts of type `text`.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join(" ")
        }
        _ => String::new(),
    }
}

/// Four bytes a token, and three for the message itself.
fn tokens_of(message: &Value) -> u32 {
    let bytes = text_of(&message["content"]).len();
    u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX).saturating_add(3)
}

/// The function to call, if any: where `tool_choice` forces one, or the user's text says "tool". Once a tool has
/// answered, the answer is text, so that agents come to an end.
fn tool_to_call<'a>(body: &'a Value, messages: &[Value], text: &str) -> Option<&'a Value> {
    let choice = &body["tool_choice"];
    let answered = messages.last().is_some_and(|message| message["role"] == "tool");
    if choice == "none" || answered {
        return None;
    }
    let mut functions = body["tools"].as_array()?.iter().map(|tool| &tool["function"]);
    let forced = &choice["function"]["name"];
    if forced.is_string() {
        return functions.find(|function| function["name"] == *forced);
    }
    let wanted = choice == "required" || text.to_lowercase().contains("tool");
    functions.find(|function| wanted && function["name"].is_string())
}
