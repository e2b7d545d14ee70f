//! Gemini's `generateContent`.

use serde_json::Value;

use super::{Asked, Ids, Piece, ToolOffer, list, words};

pub(super) fn read(body: &Value) -> Asked {
    let mut asked = Asked::default();
    let mut calls = Calls::default();
    asked.system =
        list(&body["systemInstruction"]["parts"]).iter().map(|part| words(&part["text"]).to_owned()).collect();
    for content in list(&body["contents"]) {
        let user = content["role"] != "model";
        list(&content["parts"]).iter().for_each(|one| part(one, user, &mut calls, &mut asked));
    }
    for tool in list(&body["tools"]).iter().flat_map(|tool| list(&tool["functionDeclarations"])) {
        let schemas = [&tool["parametersJsonSchema"], &tool["parameters"]];
        asked.tools.push(ToolOffer {
            name: words(&tool["name"]).to_owned(),
            description: tool["description"].as_str().map(str::to_owned),
            schema: schemas.into_iter().find(|schema| schema.is_object()).cloned().unwrap_or_default(),
        });
    }
    let choice = &body["toolConfig"]["functionCallingConfig"];
    asked.choice = choice["mode"].as_str().map(|mode| match (mode, list(&choice["allowedFunctionNames"])) {
        ("ANY", [one]) => words(one).to_owned(),
        ("ANY", _) => "required".to_owned(),
        (mode, _) => mode.to_lowercase(),
    });
    let config = &body["generationConfig"];
    asked.json = config["responseMimeType"] == "application/json";
    let schemas = [&config["responseJsonSchema"], &config["responseSchema"]];
    asked.schema = schemas.into_iter().find(|schema| schema.is_object()).cloned();
    for (name, member) in [
        ("temperature", "temperature"),
        ("top_p", "topP"),
        ("max_tokens", "maxOutputTokens"),
        ("seed", "seed"),
        ("presence_penalty", "presencePenalty"),
        ("frequency_penalty", "frequencyPenalty"),
        ("n", "candidateCount"),
    ] {
        asked.number(name, &config[member]);
    }
    asked.stop = list(&config["stopSequences"]).iter().map(|text| words(text).to_owned()).collect();
    asked
}

/// Calls are known by their ids where they have some, else by name and order.
#[derive(Default)]
struct Calls {
    ids: Ids,
    waiting: Vec<(usize, String)>,
}

impl Calls {
    fn answer(&mut self, id: Option<&str>, name: &str) -> usize {
        let by_id = id.map(|id| self.ids.place(id)).filter(|call| *call != usize::MAX);
        let found = self.waiting.iter().position(|(call, known)| by_id.map_or(known == name, |by_id| *call == by_id));
        found.map_or(usize::MAX, |place| self.waiting.remove(place).0)
    }
}

fn part(part: &Value, user: bool, calls: &mut Calls, asked: &mut Asked) {
    asked.signatures.extend(part["thoughtSignature"].as_str().map(str::to_owned));
    if let Some(text) = part["text"].as_str() {
        if part["thought"] == true {
            asked.said.push(Piece::Reasoning(text.to_owned()));
        } else {
            asked.say(user, text);
        }
    }
    for (kind, member) in [("inlineData", "data"), ("fileData", "fileUri")] {
        let medium = &part[kind];
        if let Some(data) = medium[member].as_str() {
            let image = words(&medium["mimeType"]).starts_with("image/");
            asked.said.push(if image { Piece::Image(data.to_owned()) } else { Piece::Medium(data.to_owned()) });
        }
    }
    let call = &part["functionCall"];
    if call.is_object() {
        let name = words(&call["name"]).to_owned();
        let place = calls.ids.0.len();
        calls.ids.add(words(&call["id"]));
        calls.waiting.push((place, name.clone()));
        let arguments = Some(call["args"].clone()).filter(Value::is_object);
        asked
            .said
            .push(Piece::Call { name, arguments: arguments.unwrap_or_else(|| Value::Object(serde_json::Map::new())) });
    }
    let result = &part["functionResponse"];
    if result.is_object() {
        let call = calls.answer(result["id"].as_str().filter(|id| !id.is_empty()), words(&result["name"]));
        asked.said.push(Piece::Result { call, text: result_text(&result["response"]) });
    }
}

/// A response must be an object: text stands in one member of it.
fn result_text(response: &Value) -> String {
    let members = response.as_object();
    let only = members.filter(|members| members.len() == 1).and_then(|members| members.values().next());
    match only {
        Some(Value::String(text)) => text.clone(),
        _ => response.to_string(),
    }
}
