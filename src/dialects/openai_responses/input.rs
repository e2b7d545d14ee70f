//! The items of `input`, made into messages.

use serde_json::{Map, Value};

use super::content::read_parts;
use super::seal::Seal;
use crate::api::chat::{Content, Format, Message, Part, Role, Signature, ToolCall, ToolResult};
use crate::dialects::Invalid;
use crate::dialects::members::{Members, Path, wrong};

/// Appends what `input` says: a text, or items.
pub(super) fn read_input(input: Value, messages: &mut Vec<Message>) -> Result<(), Invalid> {
    const INPUT: Path<'_> = Path::Member(&Path::Root, "input");
    let items = match input {
        Value::String(text) => {
            messages.push(Message::new(Role::User, vec![Part::text(text)]));
            return Ok(());
        }
        Value::Array(items) if items.is_empty() => return Err(wrong(INPUT, "an array that is not empty")),
        Value::Array(items) => items,
        _ => return Err(wrong(INPUT, "a string or an array of items")),
    };
    let mut conversation = Conversation { messages, seal: None, gathering: false };
    for (index, item) in items.into_iter().enumerate() {
        conversation.add(item, Path::Index(&INPUT, index))?;
    }
    conversation.settle();
    Ok(())
}

/// What the assistant did in one turn is several items here, and one message elsewhere.
struct Conversation<'a> {
    messages: &'a mut Vec<Message>,
    /// The signature of the tool call that comes next.
    seal: Option<Signature>,
    /// The last message holds results, if it is a user's.
    gathering: bool,
}

impl Conversation<'_> {
    fn add(&mut self, item: Value, path: Path<'_>) -> Result<(), Invalid> {
        let mut members = Members::of(item, path)?;
        let kind = match members.string("type")? {
            Some(kind) => kind,
            None if members.peek("role").is_some() => "message".to_owned(),
            // A reference may leave its type out.
            None => "item_reference".to_owned(),
        };
        match kind.as_str() {
            "message" => self.message(members)?,
            "reasoning" => self.reasoning(members)?,
            "function_call" | "custom_tool_call" => self.call(kind == "custom_tool_call", members)?,
            "function_call_output" | "custom_tool_call_output" => self.result(members)?,
            "item_reference" => {
                let message =
                    format!("`{path}` refers to an item that this gateway does not keep; send the item itself");
                return Err(Invalid::new(path.to_string(), message));
            }
            _ => self.foreign(kind, members),
        }
        Ok(())
    }

    fn message(&mut self, mut members: Members<'_>) -> Result<(), Invalid> {
        let role = match members.require_string("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            _ => return Err(members.wrong("role", "`user`, `assistant`, `system` or `developer`")),
        };
        let Some(content) = members.value("content") else { return Err(members.missing("content")) };
        let path = members.path();
        let parts = read_parts(content, Path::Member(&path, "content"))?;
        let extra = rest(members);
        if role == Role::Assistant {
            let message = self.assistant();
            message.parts.extend(parts);
            message.extra.extend(extra);
        } else {
            self.settle();
            self.gathering = false;
            self.messages.push(Message { extra, ..Message::new(role, parts) });
        }
        Ok(())
    }

    fn reasoning(&mut self, mut members: Members<'_>) -> Result<(), Invalid> {
        let texts = |parts: Vec<Value>| {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
        };
        let mut text = texts(members.array("summary")?.unwrap_or_default());
        let content = members.array("content")?.unwrap_or_default();
        if text.is_empty() {
            text = texts(content);
        }
        let signature = match members.string("encrypted_content")?.map(Seal::read) {
            Some(Seal::Redacted(data)) => {
                self.assistant().parts.push(Content::Redacted(data).into());
                return Ok(());
            }
            Some(Seal::Call(signature)) => {
                self.seal = Some(signature);
                return Ok(());
            }
            Some(Seal::Plain(signature)) => Some(signature),
            None => None,
        };
        // An item with neither is a reference to what OpenAI keeps.
        if !text.is_empty() || signature.is_some() {
            let part = Part { extra: rest(members), ..Content::Reasoning { text, signature }.into() };
            self.assistant().parts.push(part);
        }
        Ok(())
    }

    fn call(&mut self, custom: bool, mut members: Members<'_>) -> Result<(), Invalid> {
        let call = ToolCall {
            id: members.require_string("call_id")?,
            name: members.require_string("name")?,
            arguments: members.require_string(if custom { "input" } else { "arguments" })?,
            custom,
            signature: self.seal.take(),
        };
        let part = Part { extra: rest(members), ..Content::ToolCall(call).into() };
        self.assistant().parts.push(part);
        Ok(())
    }

    fn result(&mut self, mut members: Members<'_>) -> Result<(), Invalid> {
        let call = members.require_string("call_id")?;
        let Some(output) = members.value("output") else { return Err(members.missing("output")) };
        let path = members.path();
        let parts = read_parts(output, Path::Member(&path, "output"))?;
        // The call has its tool's name too.
        members.value("name");
        let content = Content::ToolResult(ToolResult { call, parts, is_error: false });
        self.results().push(Part { extra: rest(members), ..content.into() });
        Ok(())
    }

    /// An item of a hosted tool, for example.
    fn foreign(&mut self, kind: String, members: Members<'_>) {
        let from_client = kind.ends_with("_output") || kind == "mcp_approval_response";
        let mut value = members.rest();
        value.insert("type".to_owned(), Value::String(kind));
        let part = Content::Foreign { format: Format::OpenAiResponses, value: Value::Object(value) }.into();
        if from_client {
            self.results().push(part);
        } else {
            self.assistant().parts.push(part);
        }
    }

    /// The assistant's turn.
    fn assistant(&mut self) -> &mut Message {
        if self.messages.last().is_none_or(|message| message.role != Role::Assistant) {
            self.messages.push(Message::new(Role::Assistant, Vec::new()));
        }
        self.messages.last_mut().expect("there is one, or it was just made")
    }

    /// Where results go: those of one turn's calls stand together.
    fn results(&mut self) -> &mut Vec<Part> {
        self.settle();
        let is_users = |message: &Message| message.role == Role::User;
        if !std::mem::replace(&mut self.gathering, true) || !self.messages.last().is_some_and(is_users) {
            self.messages.push(Message::new(Role::User, Vec::new()));
        }
        &mut self.messages.last_mut().expect("there is one, or it was just made").parts
    }

    /// Ends a turn: a signature whose call did not come is still a signature.
    fn settle(&mut self) {
        if let Some(signature) = self.seal.take() {
            let part = Content::Reasoning { text: String::new(), signature: Some(signature) }.into();
            self.assistant().parts.push(part);
        }
    }
}

/// Members that nobody knows; without those that an answer's item has besides.
fn rest(members: Members<'_>) -> Map<String, Value> {
    let mut rest = members.rest();
    rest.retain(|name, _| !matches!(name.as_str(), "id" | "status" | "phase"));
    rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(items: Value) -> Vec<Message> {
        let mut messages = Vec::new();
        read_input(items, &mut messages).unwrap();
        messages
    }

    fn call(id: &str, signature: Option<Signature>) -> Part {
        let (name, arguments) = ("f".into(), "{\"a\":1}".into());
        Content::ToolCall(ToolCall { id: id.into(), name, arguments, custom: false, signature }).into()
    }

    fn result(call: &str, text: &str) -> Part {
        Content::ToolResult(ToolResult { call: call.into(), parts: vec![Part::text(text)], is_error: false }).into()
    }

    fn item(id: &str) -> Value {
        json!({ "type": "function_call", "id": "fc_1", "status": "completed", "call_id": id, "name": "f",
                "arguments": "{\"a\":1}" })
    }

    #[test]
    fn a_turn_of_the_assistant_is_one_message() {
        let messages = read(json!([
            { "role": "user", "content": "hi" },
            { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "one" },
              { "type": "summary_text", "text": "two" }], "encrypted_content": "gAAA" },
            { "type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "phase": "commentary",
              "content": [{ "type": "output_text", "text": "calling", "annotations": [] }] },
            item("a"), item("b"),
            { "type": "function_call_output", "call_id": "a", "output": "A" },
            { "type": "function_call_output", "call_id": "b", "output": [{ "type": "input_text", "text": "B" }] },
            { "role": "user", "content": [{ "type": "input_text", "text": "so?" }] },
        ]));
        let signature = Some(Signature { format: Format::OpenAiResponses, value: "gAAA".into() });
        let wanted = vec![
            Message::new(Role::User, vec![Part::text("hi")]),
            Message::new(
                Role::Assistant,
                vec![
                    Content::Reasoning { text: "one\n\ntwo".into(), signature }.into(),
                    Part::text("calling"),
                    call("a", None),
                    call("b", None),
                ],
            ),
            Message::new(Role::User, vec![result("a", "A"), result("b", "B")]),
            Message::new(Role::User, vec![Part::text("so?")]),
        ];
        assert_eq!(messages, wanted);
    }

    #[test]
    fn foreign_signatures_come_back_to_what_they_sign() {
        let sealed = |seal: &str| json!({ "type": "reasoning", "summary": [], "encrypted_content": seal });
        let messages = read(json!([
            sealed("tollgate.anthropic.redacted.r"),
            sealed("tollgate.anthropic.s"),
            sealed("tollgate.gemini.call.c"),
            item("a"),
            item("b"),
            sealed("tollgate.gemini.call.lost"),
            { "type": "reasoning", "id": "rs_1", "summary": [] },
        ]));
        let signature = |format, value: &str| Signature { format, value: value.into() };
        let reasoning = |signature| Content::Reasoning { text: String::new(), signature: Some(signature) }.into();
        let parts = vec![
            Content::Redacted(signature(Format::Anthropic, "r")).into(),
            reasoning(signature(Format::Anthropic, "s")),
            call("a", Some(signature(Format::Gemini, "c"))),
            call("b", None),
            reasoning(signature(Format::Gemini, "lost")),
        ];
        assert_eq!(messages, [Message::new(Role::Assistant, parts)]);
    }

    #[test]
    fn items_of_hosted_tools_stay_whole_on_their_side() {
        let (call, output) = (
            json!({ "id": "ws_1", "status": "completed", "type": "web_search_call" }),
            json!({ "call_id": "x", "output": {}, "type": "computer_call_output" }),
        );
        let foreign = |value: &Value| Content::Foreign { format: Format::OpenAiResponses, value: value.clone() }.into();
        let messages = read(json!([call, output]));
        assert_eq!(
            messages,
            [Message::new(Role::Assistant, vec![foreign(&call)]), Message::new(Role::User, vec![foreign(&output)])]
        );
    }

    #[test]
    fn unknown_members_are_kept_with_their_item() {
        let messages = read(json!([
            { "type": "function_call", "id": "fc", "status": "completed", "call_id": "c", "name": "f",
              "arguments": "{}", "namespace": "n" },
            { "role": "user", "content": [{ "type": "input_hologram" }], "novelty": 1 },
            { "type": "function_call_output", "call_id": "c", "name": "f", "output": "", "novelty": 2 },
        ]));
        assert_eq!(messages[0].parts[0].extra["namespace"], "n");
        assert_eq!(messages[0].parts[0].extra.len(), 1);
        assert_eq!(messages[1].extra["novelty"], 1);
        assert_eq!(Value::Object(messages[2].parts[0].extra.clone()), json!({ "novelty": 2 }));
    }

    #[test]
    fn custom_calls_take_free_text() {
        let messages = read(json!([
            { "type": "custom_tool_call", "call_id": "c", "name": "py", "input": "print(1)" },
            { "type": "custom_tool_call_output", "call_id": "c", "output": "1" },
        ]));
        let Content::ToolCall(call) = &messages[0].parts[0].content else { panic!("{messages:?}") };
        assert!(call.custom && call.arguments == "print(1)");
        assert_eq!(messages[1].parts, [result("c", "1")]);
    }
}
