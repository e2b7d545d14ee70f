//! OpenAI's responses. <https://platform.openai.com/docs/api-reference/responses-streaming>

use serde_json::Value;

use super::{Checked, Event, Said, Tokens, Tool, events, list, number, rule, text};

/// Checks a stream, and returns what it says.
pub(crate) fn check_responses(stream: &str) -> Checked {
    let mut reading = Reading::default();
    for event in events(stream)? {
        reading.take(&event)?;
    }
    reading.said.ok_or_else(|| "the stream ends without its last event".to_owned())
}

#[derive(Default)]
struct Reading {
    sequence: u64,
    /// The response's own id.
    id: String,
    items: Vec<Item>,
    said: Option<Said>,
}

/// One output item on its way.
struct Item {
    id: String,
    kind: String,
    /// Pieces of a message's content, of reasoning text, or of its summary.
    parts: Vec<Part>,
    summary: Vec<Part>,
    /// Arguments of a call, or a custom tool's input.
    input: Line,
    /// As `output_item.done` had it.
    done: Option<Value>,
}

struct Part {
    kind: String,
    line: Line,
    done: Option<Value>,
}

/// A text that grows.
#[derive(Default)]
struct Line {
    text: String,
    done: bool,
}

impl Line {
    fn grow(&mut self, event: &Value) -> Result<(), String> {
        rule!(!self.done, "a delta behind the end of its text: {event}");
        self.text += text(event, "delta")?;
        Ok(())
    }

    fn finish(&mut self, event: &Value, name: &str) -> Result<(), String> {
        rule!(!self.done, "a text that ends twice: {event}");
        self.done = true;
        rule!(text(event, name)? == self.text, "{name} is not what was streamed ({:?}): {event}", self.text);
        Ok(())
    }
}

impl Reading {
    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        let data = event.json()?;
        let kind = text(&data, "type")?;
        rule!(event.name == Some(kind), "the event {:?} holds {data}", event.name);
        rule!(self.said.is_none(), "an event behind the last one: {data}");
        let number = number(&data, "sequence_number")?;
        rule!(number == self.sequence, "the sequence number is not {}: {data}", self.sequence);
        self.sequence += 1;
        match (number, kind.strip_prefix("response.").unwrap_or_default()) {
            (0, "created") | (1, "in_progress") => self.begin(&data["response"]),
            (0 | 1, _) | (_, "created" | "in_progress") => Err(format!("{kind} at {number}")),
            (_, "output_item.added") => self.add_item(&data),
            (_, "output_item.done") => self.end_item(&data),
            (_, end @ ("completed" | "incomplete")) => self.end(end, &data["response"]),
            (_, step) => self.step(step, &data),
        }
    }

    fn begin(&mut self, response: &Value) -> Result<(), String> {
        check_heading(response)?;
        rule!(response["status"] == "in_progress", "a response begins at its end: {response}");
        rule!(list(response, "output")?.is_empty(), "a response begins with output: {response}");
        let id = text(response, "id")?;
        rule!(self.id.is_empty() || self.id == id, "the id changes: {response}");
        id.clone_into(&mut self.id);
        Ok(())
    }

    fn add_item(&mut self, data: &Value) -> Result<(), String> {
        rule!(number(data, "output_index")? == self.items.len() as u64, "an item out of place: {data}");
        let item = &data["item"];
        let (id, kind) = (text(item, "id")?.to_owned(), text(item, "type")?.to_owned());
        rule!(!id.is_empty() && self.items.iter().all(|earlier| earlier.id != id), "an id that is not its own: {data}");
        let empty = |name: &str| item[name].as_array().is_none_or(Vec::is_empty);
        match &*kind {
            "message" => {
                rule!(item["role"] == "assistant" && list(item, "content")?.is_empty(), "no empty message: {data}")
            }
            "function_call" => {
                rule!(
                    !text(item, "call_id")?.is_empty() && !text(item, "name")?.is_empty(),
                    "a call of nothing: {data}"
                );
                rule!(item["arguments"] == "", "a call begins with arguments: {data}");
            }
            "reasoning" => rule!(empty("summary") && empty("content"), "reasoning begins with text: {data}"),
            _ => {}
        }
        let status = item.get("status").and_then(Value::as_str);
        rule!(kind == "reasoning" || status == Some("in_progress"), "an item begins as {status:?}: {data}");
        self.items.push(Item { id, kind, parts: Vec::new(), summary: Vec::new(), input: Line::default(), done: None });
        Ok(())
    }

    fn item(&mut self, data: &Value) -> Result<&mut Item, String> {
        let index = number(data, "output_index")? as usize;
        let item = self.items.get_mut(index).ok_or_else(|| format!("an item that was never added: {data}"))?;
        rule!(item.done.is_none(), "an event behind the end of its item: {data}");
        let id = if data["item"].is_object() { &data["item"]["id"] } else { &data["item_id"] };
        rule!(*id == item.id, "the item's id is {}: {data}", item.id);
        Ok(item)
    }

    fn end_item(&mut self, data: &Value) -> Result<(), String> {
        let item = self.item(data)?;
        let told = &data["item"];
        rule!(told["type"] == item.kind, "the item was a {}: {data}", item.kind);
        rule!(
            item.parts.iter().chain(&item.summary).all(|part| part.done.is_some()),
            "an item ends before its parts: {data}"
        );
        let done = |parts: &[Part]| parts.iter().filter_map(|part| part.done.clone()).collect::<Vec<_>>();
        match &*item.kind {
            "message" => rule!(*list(told, "content")? == done(&item.parts), "content that was not streamed: {data}"),
            "reasoning" => {
                rule!(*list(told, "summary")? == done(&item.summary), "a summary that was not streamed: {data}");
                let content = told["content"].as_array().map(Vec::as_slice).unwrap_or_default();
                rule!(*content == done(&item.parts), "reasoning that was not streamed: {data}");
            }
            "function_call" => {
                rule!(item.input.done, "a call ends before its arguments: {data}");
                rule!(told["arguments"] == item.input.text, "arguments that were not streamed: {data}");
            }
            _ => {}
        }
        item.done = Some(told.clone());
        Ok(())
    }

    /// An event inside an item.
    fn step(&mut self, step: &str, data: &Value) -> Result<(), String> {
        let item = self.item(data)?;
        let kind = item.kind.clone();
        let (parts, place) = if step.starts_with("reasoning_summary") {
            (&mut item.summary, data["summary_index"].as_u64())
        } else {
            (&mut item.parts, data["content_index"].as_u64())
        };
        let belongs = match step.split(['_', '.']).next() {
            Some("content" | "output" | "refusal") => ["message", "reasoning"].contains(&&*kind),
            Some("reasoning") => kind == "reasoning",
            Some("function") => kind == "function_call",
            Some("custom") => kind == "custom_tool_call",
            _ => false,
        };
        rule!(belongs, "{step} in a {kind}: {data}");
        match step {
            "content_part.added" | "reasoning_summary_part.added" => {
                rule!(place == Some(parts.len() as u64), "a part out of place: {data}");
                rule!(parts.iter().all(|part| part.done.is_some()), "a part begins inside another one: {data}");
                let part = &data["part"];
                let words = part["text"].as_str().or(part["refusal"].as_str());
                rule!(words == Some(""), "a part begins with text: {data}");
                let kind = text(part, "type")?.to_owned();
                parts.push(Part { kind, line: Line::default(), done: None });
                return Ok(());
            }
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => return item.input.grow(data),
            "function_call_arguments.done" => return item.input.finish(data, "arguments"),
            "custom_tool_call_input.done" => return item.input.finish(data, "input"),
            _ => {}
        }
        let part = place.and_then(|place| parts.get_mut(place as usize));
        let part = part.filter(|part| part.done.is_none()).ok_or_else(|| format!("a part that is not open: {data}"))?;
        let name = if part.kind == "refusal" { "refusal" } else { "text" };
        let expected = match &*part.kind {
            "summary_text" => "reasoning_summary_text",
            kind => kind,
        };
        match step.split_once('.') {
            Some(("content_part" | "reasoning_summary_part", "done")) => {
                rule!(part.line.done, "a part ends before its text: {data}");
                let told = &data["part"];
                rule!(
                    told["type"] == part.kind && told[name] == part.line.text,
                    "a part that was not streamed: {data}"
                );
                part.done = Some(told.clone());
                Ok(())
            }
            Some((found, "delta")) if found == expected => part.line.grow(data),
            Some((found, "done")) if found == expected => part.line.finish(data, name),
            Some(("output_text", "annotation.added")) if part.kind == "output_text" => Ok(()),
            _ => Err(format!("{step} in a part of {}: {data}", part.kind)),
        }
    }

    fn end(&mut self, end: &str, response: &Value) -> Result<(), String> {
        rule!(response["id"] == self.id, "the id changes: {response}");
        rule!(response["status"] == end, "the status is not {end}: {response}");
        let done = self.items.iter().map(|item| item.done.clone()).collect::<Option<Vec<_>>>();
        let done = done.ok_or("the response ends before an item")?;
        rule!(*list(response, "output")? == *done, "output that was not streamed:\n{}\n{response}", Value::from(done));
        self.said = Some(read_responses(response)?);
        Ok(())
    }
}

fn check_heading(response: &Value) -> Result<(), String> {
    rule!(response["object"] == "response", "no response: {response}");
    rule!(!text(response, "id")?.is_empty() && !text(response, "model")?.is_empty(), "no id or model: {response}");
    number(response, "created_at")?;
    Ok(())
}

/// Reads a whole answer. The finish is the status, or the reason why it is incomplete.
pub(crate) fn read_responses(answer: &Value) -> Checked {
    check_heading(answer)?;
    let finish = match text(answer, "status")? {
        "incomplete" => text(&answer["incomplete_details"], "reason")?.to_owned(),
        status => {
            rule!(answer["incomplete_details"].is_null(), "incomplete, and still {status}: {answer}");
            status.to_owned()
        }
    };
    let mut said = Said { finish, ..Said::default() };
    for item in list(answer, "output")? {
        rule!(!text(item, "id")?.is_empty(), "an item without an id: {item}");
        match text(item, "type")? {
            "message" => {
                rule!(item["role"] == "assistant", "not the assistant: {item}");
                for part in list(item, "content")? {
                    match text(part, "type")? {
                        "output_text" => {
                            list(part, "annotations")?;
                            said.text += text(part, "text")?;
                        }
                        "refusal" => said.refusal += text(part, "refusal")?,
                        _ => return Err(format!("an unknown part: {part}")),
                    }
                }
            }
            "reasoning" => {
                let content = item["content"].as_array().map(Vec::as_slice).unwrap_or_default();
                for part in list(item, "summary")?.iter().chain(content) {
                    said.reasoning += text(part, "text")?;
                }
                said.signatures.extend(item["encrypted_content"].as_str().map(str::to_owned));
            }
            "function_call" => {
                let arguments = text(item, "arguments")?.to_owned();
                let (id, name) = (text(item, "call_id")?.to_owned(), text(item, "name")?.to_owned());
                rule!(said.tools.iter().all(|tool| tool.id != id), "two calls of one id: {item}");
                said.tools.push(Tool { id, name, arguments });
            }
            _ => {}
        }
    }
    said.usage = answer.get("usage").filter(|usage| !usage.is_null()).map(read_usage).transpose()?;
    Ok(said)
}

fn read_usage(usage: &Value) -> Result<Tokens, String> {
    let (input, output) = (number(usage, "input_tokens")?, number(usage, "output_tokens")?);
    rule!(number(usage, "total_tokens")? == input + output, "the total is not the sum: {usage}");
    // Required by OpenAI's own clients.
    let cached = number(&usage["input_tokens_details"], "cached_tokens")?;
    number(&usage["output_tokens_details"], "reasoning_tokens")?;
    rule!(cached <= input, "more is cached than was read: {usage}");
    Ok(Tokens { input, output, cached })
}
