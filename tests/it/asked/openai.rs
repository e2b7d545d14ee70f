//! OpenAI's chat format, Mistral's names included.

use serde_json::Value;

use super::{Asked, Ids, Piece, ToolOffer, list, parsed, words};

pub(super) fn read(body: &Value) -> Asked {
    let mut asked = Asked::default();
    let mut ids = Ids::default();
    for message in list(&body["messages"]) {
        let content = &message["content"];
        match words(&message["role"]) {
            "system" | "developer" => asked.system.push(text(content)),
            "tool" => {
                let call = ids.place(words(&message["tool_call_id"]));
                asked.said.push(Piece::Result { call, text: text(content) });
            }
            "function" => {
                let call = ids.place(words(&message["name"]));
                asked.said.push(Piece::Result { call, text: text(content) });
            }
            role => {
                parts(content, role == "user", &mut asked);
                for call in list(&message["tool_calls"]) {
                    ids.add(words(&call["id"]));
                    push_call(&call["function"], &mut asked);
                }
                if message["function_call"].is_object() {
                    ids.add(words(&message["function_call"]["name"]));
                    push_call(&message["function_call"], &mut asked);
                }
            }
        }
    }
    let old = list(&body["functions"]).iter();
    for tool in list(&body["tools"]).iter().map(|tool| &tool["function"]).chain(old).filter(|tool| tool.is_object()) {
        asked.tools.push(ToolOffer {
            name: words(&tool["name"]).to_owned(),
            description: tool["description"].as_str().map(str::to_owned),
            schema: tool["parameters"].clone(),
        });
    }
    asked.choice = choice(&body["tool_choice"]).or_else(|| choice(&body["function_call"]));
    let format = &body["response_format"];
    asked.json = ["json_object", "json_schema"].contains(&words(&format["type"]));
    asked.schema = Some(format["json_schema"]["schema"].clone()).filter(Value::is_object);
    for (name, member) in [
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("max_tokens", "max_tokens"),
        ("max_tokens", "max_completion_tokens"),
        ("seed", "seed"),
        ("seed", "random_seed"),
        ("presence_penalty", "presence_penalty"),
        ("frequency_penalty", "frequency_penalty"),
        ("n", "n"),
    ] {
        asked.number(name, &body[member]);
    }
    asked.stop = match &body["stop"] {
        Value::String(text) => vec![text.clone()],
        stop => list(stop).iter().map(|text| words(text).to_owned()).collect(),
    };
    asked
}

fn push_call(function: &Value, asked: &mut Asked) {
    let arguments = match &function["arguments"] {
        Value::String(text) => parsed(text),
        other => other.clone(),
    };
    asked.said.push(Piece::Call { name: words(&function["name"]).to_owned(), arguments });
}

fn choice(value: &Value) -> Option<String> {
    match value {
        Value::String(word) if word == "any" => Some("required".to_owned()),
        Value::String(word) => Some(word.clone()),
        Value::Object(_) => value["function"]["name"].as_str().or(value["name"].as_str()).map(str::to_owned),
        _ => None,
    }
}

fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => list(parts).iter().map(|part| words(&part["text"])).collect(),
    }
}

fn parts(content: &Value, user: bool, asked: &mut Asked) {
    if let Value::String(text) = content {
        return asked.say(user, text);
    }
    for part in list(content) {
        match words(&part["type"]) {
            "text" => asked.say(user, words(&part["text"])),
            "refusal" => asked.say(user, words(&part["refusal"])),
            "image_url" => {
                let url = part["image_url"]["url"].as_str().or(part["image_url"].as_str()).unwrap_or_default();
                let data = url.split_once(";base64,").map_or(url, |(_, data)| data);
                asked.said.push(Piece::Image(data.to_owned()));
            }
            "input_audio" => asked.said.push(Piece::Medium(words(&part["input_audio"]["data"]).to_owned())),
            "file" => {
                let data = words(&part["file"]["file_data"]);
                let data = data.split_once(";base64,").map_or(data, |(_, data)| data);
                asked.said.push(Piece::Medium(data.to_owned()));
            }
            "document_url" => {
                let url = words(&part["document_url"]);
                let data = url.split_once(";base64,").map_or(url, |(_, data)| data);
                asked.said.push(Piece::Medium(data.to_owned()));
            }
            "thinking" => {
                let thoughts = list(&part["thinking"]).iter().map(|one| words(&one["text"]));
                asked.said.push(Piece::Reasoning(thoughts.collect()));
            }
            _ => {}
        }
    }
}
