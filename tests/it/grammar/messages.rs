//! Anthropic's messages. <https://docs.anthropic.com/en/api/messages-streaming>

use serde_json::Value;

use super::{Checked, Event, Said, Tokens, Tool, events, list, number, rule, text};

/// Checks a stream, and returns what it says.
pub(crate) fn check_messages(stream: &str) -> Checked {
    let mut reading = Reading::default();
    for event in events(stream)? {
        reading.take(&event)?;
    }
    rule!(reading.place == Place::Stopped, "the stream ends without message_stop");
    Ok(reading.said)
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Before,
    Started,
    /// `message_delta` has come.
    Told,
    Stopped,
}

#[derive(Default)]
struct Reading {
    place: Place,
    blocks: u64,
    open: Option<Block>,
    said: Said,
}

/// A block that has begun and not ended.
struct Block {
    kind: String,
    arguments: String,
    signature: String,
}

impl Reading {
    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        let data = event.json()?;
        let kind = text(&data, "type")?;
        rule!(event.name == Some(kind), "the event {:?} holds {data}", event.name);
        if kind == "ping" {
            return Ok(());
        }
        let fits = match kind {
            "message_start" => self.place == Place::Before,
            "content_block_start" | "content_block_delta" | "content_block_stop" => self.place == Place::Started,
            "message_delta" => self.place == Place::Started && self.open.is_none(),
            "message_stop" => self.place == Place::Told,
            _ => return Err(format!("an unknown event: {data}")),
        };
        rule!(fits, "{kind} at {:?} with a block open: {}", self.place, self.open.is_some());
        match kind {
            "message_start" => self.start(&data["message"]),
            "content_block_start" => self.open(&data),
            "content_block_delta" => self.delta(&data),
            "content_block_stop" => self.close(&data),
            "message_delta" => self.tell(&data),
            _ => {
                self.place = Place::Stopped;
                Ok(())
            }
        }
    }

    fn start(&mut self, message: &Value) -> Result<(), String> {
        check_heading(message)?;
        rule!(list(message, "content")?.is_empty(), "a message starts with content: {message}");
        rule!(message["stop_reason"].is_null(), "a message starts at its end: {message}");
        let usage = &message["usage"];
        number(usage, "input_tokens")?;
        number(usage, "output_tokens")?;
        self.said.usage = Some(add_usage(usage, Tokens::default()));
        self.place = Place::Started;
        Ok(())
    }

    fn open(&mut self, data: &Value) -> Result<(), String> {
        rule!(self.open.is_none(), "a block begins inside another one: {data}");
        rule!(number(data, "index")? == self.blocks, "the block's index is not {}: {data}", self.blocks);
        let block = &data["content_block"];
        let kind = text(block, "type")?;
        let mut signature = String::new();
        match kind {
            "text" => rule!(block["text"] == "", "a text block begins with text: {data}"),
            "thinking" => {
                rule!(block["thinking"] == "", "a thinking block begins with thoughts: {data}");
                signature += block["signature"].as_str().unwrap_or_default();
            }
            "redacted_thinking" => self.said.signatures.push(text(block, "data")?.to_owned()),
            "tool_use" => {
                rule!(
                    block["input"].as_object().is_some_and(serde_json::Map::is_empty),
                    "a call begins with input: {data}"
                );
                let (id, name) = (text(block, "id")?, text(block, "name")?);
                rule!(!id.is_empty() && !name.is_empty(), "a call without an id or a name: {data}");
                rule!(self.said.tools.iter().all(|tool| tool.id != id), "two calls of one id: {data}");
                self.said.tools.push(Tool { id: id.to_owned(), name: name.to_owned(), arguments: String::new() });
            }
            // Whatever a server tool gives comes whole.
            _ => {}
        }
        self.open = Some(Block { kind: kind.to_owned(), arguments: String::new(), signature });
        Ok(())
    }

    fn delta(&mut self, data: &Value) -> Result<(), String> {
        let index = number(data, "index")?;
        let Some(block) = self.open.as_mut().filter(|_| index == self.blocks) else {
            return Err(format!("a delta of a block that is not open: {data}"));
        };
        let delta = &data["delta"];
        let kind = text(delta, "type")?;
        let fits = match kind {
            "text_delta" | "citations_delta" => block.kind == "text",
            "thinking_delta" => block.kind == "thinking" && block.signature.is_empty(),
            "signature_delta" => block.kind == "thinking",
            "input_json_delta" => matches!(&*block.kind, "tool_use" | "server_tool_use" | "mcp_tool_use"),
            _ => false,
        };
        rule!(fits, "{kind} in a block of {}: {data}", block.kind);
        match kind {
            "text_delta" => self.said.text += text(delta, "text")?,
            "thinking_delta" => self.said.reasoning += text(delta, "thinking")?,
            "signature_delta" => block.signature += text(delta, "signature")?,
            "input_json_delta" => block.arguments += text(delta, "partial_json")?,
            _ => rule!(delta["citation"].is_object(), "a citation of nothing: {data}"),
        }
        Ok(())
    }

    fn close(&mut self, data: &Value) -> Result<(), String> {
        let index = number(data, "index")?;
        let Some(block) = self.open.take().filter(|_| index == self.blocks) else {
            return Err(format!("the end of a block that is not open: {data}"));
        };
        self.blocks += 1;
        if block.kind == "tool_use" {
            let input = if block.arguments.is_empty() { "{}" } else { &block.arguments };
            let parsed: Value = serde_json::from_str(input).unwrap_or_default();
            rule!(parsed.is_object(), "a call whose input is no object: {input}");
            let call = self.said.tools.last_mut().ok_or("no call")?;
            input.clone_into(&mut call.arguments);
        }
        if !block.signature.is_empty() {
            self.said.signatures.push(block.signature);
        }
        Ok(())
    }

    fn tell(&mut self, data: &Value) -> Result<(), String> {
        self.said.finish = text(&data["delta"], "stop_reason")?.to_owned();
        rule!(data["delta"].get("stop_sequence").is_some(), "no stop_sequence: {data}");
        let usage = &data["usage"];
        number(usage, "output_tokens")?;
        self.said.usage = self.said.usage.map(|earlier| add_usage(usage, earlier));
        self.place = Place::Told;
        Ok(())
    }
}

fn check_heading(message: &Value) -> Result<(), String> {
    rule!(message["type"] == "message" && message["role"] == "assistant", "no message of the assistant: {message}");
    rule!(!text(message, "id")?.is_empty() && !text(message, "model")?.is_empty(), "no id or model: {message}");
    rule!(message.get("stop_sequence").is_some(), "no stop_sequence: {message}");
    Ok(())
}

/// Counts are cumulative: what comes later replaces what was there. Fresh input does not count what the cache gave.
fn add_usage(usage: &Value, earlier: Tokens) -> Tokens {
    let count = |name: &str| usage[name].as_u64();
    let cached = count("cache_read_input_tokens").unwrap_or(earlier.cached);
    let input = count("input_tokens")
        .map_or(earlier.input, |fresh| fresh + cached + count("cache_creation_input_tokens").unwrap_or(0));
    Tokens { input, output: count("output_tokens").unwrap_or(earlier.output), cached }
}

/// Reads a whole answer.
pub(crate) fn read_messages(answer: &Value) -> Checked {
    check_heading(answer)?;
    let mut said = Said { finish: text(answer, "stop_reason")?.to_owned(), ..Said::default() };
    for block in list(answer, "content")? {
        match text(block, "type")? {
            "text" => said.text += text(block, "text")?,
            "thinking" => {
                said.reasoning += text(block, "thinking")?;
                let signature = text(block, "signature")?;
                said.signatures.extend(Some(signature.to_owned()).filter(|signature| !signature.is_empty()));
            }
            "redacted_thinking" => said.signatures.push(text(block, "data")?.to_owned()),
            "tool_use" => {
                rule!(block["input"].is_object(), "a call whose input is no object: {block}");
                let (id, name) = (text(block, "id")?.to_owned(), text(block, "name")?.to_owned());
                rule!(said.tools.iter().all(|tool| tool.id != id), "two calls of one id: {block}");
                said.tools.push(Tool { id, name, arguments: block["input"].to_string() });
            }
            _ => {}
        }
    }
    number(&answer["usage"], "input_tokens")?;
    number(&answer["usage"], "output_tokens")?;
    said.usage = Some(add_usage(&answer["usage"], Tokens::default()));
    Ok(said)
}
