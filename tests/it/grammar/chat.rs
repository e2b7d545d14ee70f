//! OpenAI's chat completions. <https://platform.openai.com/docs/api-reference/chat-streaming>

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Checked, Said, Tool, events, list, number, read_usage, rule, text};

/// Checks a stream, and returns what its first choice says.
pub(crate) fn check_chat(stream: &str, include_usage: bool) -> Checked {
    let mut events = events(stream)?;
    let last = events.pop().ok_or("an empty stream")?;
    rule!(last.name.is_none() && last.data == "[DONE]", "the last event is not [DONE]: {}", last.data);
    let mut choices: BTreeMap<u64, Choice> = BTreeMap::new();
    let mut heading = None;
    let mut usage = None;
    for event in &events {
        rule!(event.name.is_none(), "a chunk has a name: {:?}", event.name);
        let chunk = event.json()?;
        rule!(chunk.get("error").is_none(), "an error before [DONE]: {chunk}");
        rule!(chunk["object"] == "chat.completion.chunk", "not a chunk: {chunk}");
        let head = (text(&chunk, "id")?.to_owned(), number(&chunk, "created")?, text(&chunk, "model")?.to_owned());
        rule!(!head.0.is_empty() && !head.2.is_empty(), "a chunk without an id or a model: {chunk}");
        rule!(*heading.get_or_insert(head.clone()) == head, "the heading changes: {chunk}");
        rule!(usage.is_none(), "a chunk behind the one with usage: {chunk}");
        let members = list(&chunk, "choices")?;
        match chunk.get("usage").filter(|usage| !usage.is_null()) {
            Some(found) => {
                rule!(include_usage, "usage that was not asked for: {chunk}");
                rule!(members.is_empty(), "usage beside choices: {chunk}");
                rule!(choices.values().all(|choice| choice.finished), "usage before the end of a choice: {chunk}");
                usage = Some(read_usage(found)?);
            }
            None => rule!(!members.is_empty(), "a chunk that says nothing: {chunk}"),
        }
        for member in members {
            choices.entry(number(member, "index")?).or_default().take(member)?;
        }
    }
    rule!(include_usage == usage.is_some(), "usage was asked for: {include_usage}, and came: {}", usage.is_some());
    rule!(!choices.is_empty(), "no choice at all");
    rule!(choices.keys().copied().eq(0..choices.len() as u64), "the choices have gaps: {:?}", choices.keys());
    rule!(choices.values().all(|choice| choice.finished), "a choice without a finish reason");
    let mut said = choices.remove(&0).map(|choice| choice.said).unwrap_or_default();
    said.usage = usage;
    Ok(said)
}

#[derive(Default)]
struct Choice {
    begun: bool,
    finished: bool,
    said: Said,
}

impl Choice {
    fn take(&mut self, choice: &Value) -> Result<(), String> {
        rule!(!self.finished, "a chunk behind the finish reason: {choice}");
        let delta = &choice["delta"];
        rule!(delta.is_object(), "a choice without a delta: {choice}");
        let role = delta.get("role").filter(|role| !role.is_null());
        rule!(self.begun || role.is_some(), "the first delta has no role: {choice}");
        rule!(!self.begun || role.is_none(), "a second role: {choice}");
        rule!(role.is_none_or(|role| role == "assistant"), "not the assistant: {choice}");
        self.begun = true;
        take_message(delta, &mut self.said)?;
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            take_call(call, &mut self.said)?;
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finished = true;
            self.said.finish = finish.to_owned();
        }
        Ok(())
    }
}

/// Text, reasoning and refusal of a message or a delta.
fn take_message(message: &Value, said: &mut Said) -> Result<(), String> {
    match &message["content"] {
        Value::Null => {}
        Value::String(text) => said.text += text,
        // Mistral's, where it passes as it came.
        Value::Array(parts) => parts.iter().for_each(|part| take_part(part, said)),
        other => return Err(format!("content is neither text nor null: {other}")),
    }
    said.reasoning += message["reasoning_content"].as_str().unwrap_or_default();
    said.refusal += message["refusal"].as_str().unwrap_or_default();
    for detail in message["reasoning_details"].as_array().into_iter().flatten() {
        let signature = match text(detail, "type")? {
            "reasoning.text" => detail["signature"].as_str(),
            "reasoning.encrypted" => Some(text(detail, "data")?),
            "reasoning.summary" => None,
            _ => return Err(format!("unknown reasoning: {detail}")),
        };
        rule!(signature.is_none() || detail["format"].is_string(), "a signature of no format: {detail}");
        rule!(detail["index"].is_u64(), "reasoning without an index: {detail}");
        said.signatures.extend(signature.map(str::to_owned));
    }
    Ok(())
}

fn take_part(part: &Value, said: &mut Said) {
    said.text += part["text"].as_str().unwrap_or_default();
    for thought in part["thinking"].as_array().into_iter().flatten() {
        said.reasoning += thought["text"].as_str().unwrap_or_default();
    }
}

fn take_call(call: &Value, said: &mut Said) -> Result<(), String> {
    let index = number(call, "index")? as usize;
    let count = said.tools.len();
    rule!(index <= count, "call {index} comes after {count} calls: {call}");
    let function = &call["function"];
    rule!(call.get("type").is_none_or(|kind| kind == "function"), "an unknown kind of call: {call}");
    if index == count {
        rule!(call["type"] == "function", "a call begins without its type: {call}");
        let (id, name) = (text(call, "id")?, text(function, "name")?);
        rule!(!id.is_empty() && !name.is_empty(), "a call without an id or a name: {call}");
        rule!(said.tools.iter().all(|tool| tool.id != id), "two calls of one id: {call}");
        said.tools.push(Tool { id: id.to_owned(), name: name.to_owned(), arguments: String::new() });
    } else {
        rule!(call.get("id").is_none_or(|id| *id == said.tools[index].id), "a call changes its id: {call}");
        rule!(function.get("name").is_none(), "a call has two names: {call}");
    }
    said.tools[index].arguments += text(function, "arguments")?;
    said.signatures.extend(signature_of(call));
    Ok(())
}

fn signature_of(call: &Value) -> Option<String> {
    call["extra_content"]["google"]["thought_signature"].as_str().map(str::to_owned)
}

/// Reads a whole answer's first choice.
pub(crate) fn read_chat(answer: &Value) -> Checked {
    rule!(answer["object"] == "chat.completion", "not a completion: {answer}");
    rule!(!text(answer, "id")?.is_empty() && !text(answer, "model")?.is_empty(), "no id or model: {answer}");
    number(answer, "created")?;
    let choices = list(answer, "choices")?;
    for (place, choice) in choices.iter().enumerate() {
        rule!(number(choice, "index")? == place as u64, "a choice out of place: {choice}");
        rule!(choice["message"]["role"] == "assistant", "not the assistant: {choice}");
    }
    let choice = choices.first().ok_or("no choice at all")?;
    let message = &choice["message"];
    rule!(message.get("content").is_some(), "a message without content: {message}");
    let mut said = Said { finish: text(choice, "finish_reason")?.to_owned(), ..Said::default() };
    take_message(message, &mut said)?;
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        rule!(call["type"] == "function", "a call without its type: {call}");
        let [id, name, arguments] = [text(call, "id")?, text(function, "name")?, text(function, "arguments")?];
        rule!(!id.is_empty() && !name.is_empty(), "a call without an id or a name: {call}");
        rule!(said.tools.iter().all(|tool| tool.id != id), "two calls of one id: {call}");
        said.tools.push(Tool { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() });
        said.signatures.extend(signature_of(call));
    }
    said.usage = answer.get("usage").filter(|usage| !usage.is_null()).map(read_usage).transpose()?;
    Ok(said)
}
