//! Anthropic's messages.

use serde_json::Value;

use super::{Asked, Ids, Piece, ToolOffer, list, words};

pub(super) fn read(body: &Value) -> Asked {
    let mut asked = Asked::default();
    let mut ids = Ids::default();
    asked.system = texts(&body["system"]);
    for message in list(&body["messages"]) {
        match (words(&message["role"]), &message["content"]) {
            ("system", content) => asked.system.extend(texts(content)),
            (role, Value::String(text)) => asked.say(role == "user", text),
            (role, blocks) => list(blocks).iter().for_each(|part| block(part, role == "user", &mut ids, &mut asked)),
        }
    }
    for tool in list(&body["tools"]).iter().filter(|tool| tool["input_schema"].is_object()) {
        asked.tools.push(ToolOffer {
            name: words(&tool["name"]).to_owned(),
            description: tool["description"].as_str().map(str::to_owned),
            schema: tool["input_schema"].clone(),
        });
    }
    let choice = &body["tool_choice"];
    asked.choice = choice["type"].as_str().map(|kind| match kind {
        "any" => "required".to_owned(),
        "tool" => words(&choice["name"]).to_owned(),
        kind => kind.to_owned(),
    });
    let format =
        if body["output_format"].is_object() { &body["output_format"] } else { &body["output_config"]["format"] };
    asked.schema = Some(format["schema"].clone()).filter(Value::is_object);
    asked.json = asked.schema.is_some();
    for name in ["temperature", "top_p", "max_tokens"] {
        asked.number(name, &body[name]);
    }
    asked.stop = list(&body["stop_sequences"]).iter().map(|text| words(text).to_owned()).collect();
    asked
}

fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        blocks => list(blocks).iter().map(|block| words(&block["text"]).to_owned()).collect(),
    }
}

fn block(block: &Value, user: bool, ids: &mut Ids, asked: &mut Asked) {
    let source = &block["source"];
    let data = || source["data"].as_str().or(source["url"].as_str()).unwrap_or_default().to_owned();
    match words(&block["type"]) {
        "text" => asked.say(user, words(&block["text"])),
        "image" => asked.said.push(Piece::Image(data())),
        "document" => asked.said.push(Piece::Medium(data())),
        "thinking" => {
            asked.said.push(Piece::Reasoning(words(&block["thinking"]).to_owned()));
            asked.signatures.push(words(&block["signature"]).to_owned());
        }
        "redacted_thinking" => asked.signatures.push(words(&block["data"]).to_owned()),
        "tool_use" => {
            ids.add(words(&block["id"]));
            let name = words(&block["name"]).to_owned();
            asked.said.push(Piece::Call { name, arguments: block["input"].clone() });
        }
        "tool_result" => {
            let call = ids.place(words(&block["tool_use_id"]));
            asked.said.push(Piece::Result { call, text: texts(&block["content"]).concat() });
        }
        _ => {}
    }
}
