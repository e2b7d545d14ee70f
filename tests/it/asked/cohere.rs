//! Cohere's v2 chat.

use serde_json::Value;

use super::{Asked, Ids, Piece, ToolOffer, list, parsed, words};

pub(super) fn read(body: &Value) -> Asked {
    let mut asked = Asked::default();
    let mut ids = Ids::default();
    for message in list(&body["messages"]) {
        let content = &message["content"];
        match words(&message["role"]) {
            "system" => asked.system.push(text(content)),
            "tool" => {
                let call = ids.place(words(&message["tool_call_id"]));
                asked.said.push(Piece::Result { call, text: text(content) });
            }
            role => {
                parts(content, role == "user", &mut asked);
                asked.say(false, words(&message["tool_plan"]));
                for call in list(&message["tool_calls"]) {
                    ids.add(words(&call["id"]));
                    let function = &call["function"];
                    let arguments = parsed(words(&function["arguments"]));
                    asked.said.push(Piece::Call { name: words(&function["name"]).to_owned(), arguments });
                }
            }
        }
    }
    for tool in list(&body["tools"]).iter().map(|tool| &tool["function"]) {
        asked.tools.push(ToolOffer {
            name: words(&tool["name"]).to_owned(),
            description: tool["description"].as_str().map(str::to_owned),
            schema: tool["parameters"].clone(),
        });
    }
    asked.choice = body["tool_choice"].as_str().map(str::to_lowercase);
    let format = &body["response_format"];
    asked.json = format["type"] == "json_object";
    asked.schema = [&format["json_schema"], &format["schema"]].into_iter().find(|schema| schema.is_object()).cloned();
    for (name, member) in [
        ("temperature", "temperature"),
        ("top_p", "p"),
        ("max_tokens", "max_tokens"),
        ("seed", "seed"),
        ("presence_penalty", "presence_penalty"),
        ("frequency_penalty", "frequency_penalty"),
    ] {
        asked.number(name, &body[member]);
    }
    asked.stop = list(&body["stop_sequences"]).iter().map(|text| words(text).to_owned()).collect();
    asked
}

fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => {
            let data = |part: &Value| match &part["document"]["data"] {
                Value::String(text) => text.clone(),
                Value::Null => words(&part["text"]).to_owned(),
                data => data.to_string(),
            };
            list(parts).iter().map(data).collect()
        }
    }
}

fn parts(content: &Value, user: bool, asked: &mut Asked) {
    if let Value::String(text) = content {
        return asked.say(user, text);
    }
    for part in list(content) {
        match words(&part["type"]) {
            "text" => asked.say(user, words(&part["text"])),
            "thinking" => asked.said.push(Piece::Reasoning(words(&part["thinking"]).to_owned())),
            "image_url" => {
                let url = words(&part["image_url"]["url"]);
                let data = url.split_once(";base64,").map_or(url, |(_, data)| data);
                asked.said.push(Piece::Image(data.to_owned()));
            }
            _ => {}
        }
    }
}
