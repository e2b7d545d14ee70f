//! Whether a provider was asked what the client asked.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Asked, Piece, ToolOffer};
use crate::upstreams::Vendor;

/// What the provider was not asked, or was asked otherwise. `dropped` are the fields that the gateway says it lost.
pub(crate) fn differences(asked: &Asked, got: &Asked, vendor: Vendor, dropped: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    let lost = |name: &str| dropped.iter().any(|field| field.starts_with(name));
    let (wanted, found) = (plain(&asked.system.concat()), plain(&got.system.concat()));
    // JSON that cannot be demanded is asked for in words; what is all instructions becomes the user's.
    let explained = lost("response_format") && found.starts_with(&wanted);
    let spoken = asked.said.is_empty() && matches!(&*got.said, [Piece::User(text)] if plain(text) == wanted);
    if spoken {
        return faults;
    }
    if wanted != found && !explained {
        faults.push(format!("system: {:?} is not {:?}", got.system, asked.system));
    }
    compare_said(asked, got, vendor, &lost, &mut faults);
    compare_tools(&asked.tools, &got.tools, &mut faults);
    let choice = asked.choice.as_deref().filter(|_| !asked.tools.is_empty());
    // Cohere cannot be told which.
    let named = choice.is_some_and(|choice| !["auto", "none", "required"].contains(&choice));
    let choice = if vendor == Vendor::Cohere && named { Some("required") } else { choice };
    // A choice that nobody made is `auto`; `none` may also be no tools.
    let free = |choice: Option<&str>| choice.unwrap_or("auto").to_owned();
    if free(choice) != free(got.choice.as_deref())
        && !(lost("tool_choice") || choice == Some("none") && got.tools.is_empty())
    {
        faults.push(format!("tool choice: {:?} is not {choice:?}", got.choice));
    }
    if asked.json && !got.json && !lost("response_format") {
        faults.push("no JSON is asked for".to_owned());
    }
    if let Some(schema) = &asked.schema
        && !lost("response_format")
        && got.schema.as_ref().map(names) != Some(names(schema))
    {
        faults.push(format!("schema: {:?} is not {schema}", got.schema));
    }
    compare_numbers(asked, got, vendor, &lost, &mut faults);
    if !asked.stop.is_empty() && asked.stop != got.stop && !lost("stop") {
        faults.push(format!("stop: {:?} is not {:?}", got.stop, asked.stop));
    }
    faults
}

/// Text without white space, which joining parts may change.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The conversation, with neighbouring texts of one speaker as one.
fn merged(said: &[Piece]) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::new();
    for piece in said {
        match (merged.last_mut(), piece) {
            (Some(Piece::User(text)), Piece::User(more)) | (Some(Piece::Assistant(text)), Piece::Assistant(more)) => {
                *text += more
            }
            _ => merged.push(piece.clone()),
        }
    }
    merged
}

fn same(asked: &Piece, got: &Piece) -> bool {
    match (asked, got) {
        (Piece::User(asked), Piece::User(got)) | (Piece::Assistant(asked), Piece::Assistant(got)) => {
            plain(asked) == plain(got)
        }
        (Piece::Result { call: asked_call, text: asked }, Piece::Result { call, text: got }) => {
            let json = |text: &str| serde_json::from_str::<Value>(text).ok();
            asked_call == call
                && (plain(asked) == plain(got) || json(asked).is_some_and(|asked| json(got) == Some(asked)))
        }
        (Piece::Call { name, arguments }, Piece::Call { name: got_name, arguments: got }) => {
            name == got_name && (arguments == got || !arguments.is_object())
        }
        _ => asked == got,
    }
}

fn compare_said(asked: &Asked, got: &Asked, vendor: Vendor, lost: &impl Fn(&str) -> bool, faults: &mut Vec<String>) {
    let is_kept = |piece: &Piece| match piece {
        Piece::Reasoning(_) => false,
        Piece::Image(_) => !lost("messages.content.image"),
        Piece::Medium(_) => !lost("messages.content.file") && !lost("messages.content.input_audio"),
        _ => true,
    };
    let kept = |said: &[Piece]| merged(&said.iter().filter(|piece| is_kept(piece)).cloned().collect::<Vec<_>>());
    let (asked, mut got) = (kept(&asked.said), kept(&got.said));
    // Anthropic and Gemini want the user to begin: somebody who says next to nothing is put there.
    let begins = |said: &[Piece]| matches!(said.first(), Some(Piece::User(_)));
    if !begins(&asked) && matches!(got.first(), Some(Piece::User(text)) if text.len() < 10) {
        got.remove(0);
    }
    if vendor == Vendor::Mistral {
        // No user may follow a tool: the assistant says something in between.
        let between =
            |three: &[Piece]| matches!(three, [Piece::Result { .. }, Piece::Assistant(text), _] if text.len() < 10);
        while let Some(place) = got.windows(3).position(between) {
            got.remove(place + 1);
        }
    }
    let first = asked.iter().zip(&got).position(|(asked, got)| !same(asked, got));
    if let Some(place) = first {
        faults.push(format!("piece {place}: {:.300?} is not {:.300?}", got[place], asked[place]));
    } else if asked.len() != got.len() {
        faults.push(format!("{} pieces are not {}: {:.600?} and {:.600?}", got.len(), asked.len(), got, asked));
    }
}

fn compare_tools(asked: &[ToolOffer], got: &[ToolOffer], faults: &mut Vec<String>) {
    let shapes = |tools: &[ToolOffer]| -> Vec<_> {
        let shape =
            |tool: &ToolOffer| (tool.name.clone(), tool.description.clone().unwrap_or_default(), names(&tool.schema));
        tools.iter().map(shape).collect()
    };
    if shapes(asked) != shapes(got) {
        faults.push(format!("tools: {got:.400?} are not {asked:.400?}"));
    }
}

/// All names of properties in a schema, wherever they are, and what of them is required at the top.
fn names(schema: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut found = BTreeSet::new();
    collect(schema, &mut found);
    let required = schema["required"].as_array().into_iter().flatten();
    (found, required.filter_map(Value::as_str).map(str::to_owned).collect())
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                found.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| collect(member, found));
        }
        Value::Array(members) => members.iter().for_each(|member| collect(member, found)),
        _ => {}
    }
}

fn compare_numbers(asked: &Asked, got: &Asked, vendor: Vendor, lost: &impl Fn(&str) -> bool, faults: &mut Vec<String>) {
    for (name, value) in &asked.numbers {
        let most = match (*name, vendor) {
            ("temperature", Vendor::Anthropic | Vendor::Cohere) => 1.0,
            ("temperature", Vendor::Mistral) => 1.5,
            _ => f64::INFINITY,
        };
        let silent_default = (*name == "n" && *value == 1.0) || (name.ends_with("penalty") && *value == 0.0);
        if got.numbers.get(name) != Some(&value.min(most))
            && !lost(name)
            && !lost("max_completion_tokens")
            && !silent_default
        {
            faults.push(format!("{name}: {:?} is not {value}", got.numbers.get(name)));
        }
    }
}
