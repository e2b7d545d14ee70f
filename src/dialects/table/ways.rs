//! How each door's calls come to each kind of provider.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::json;

use crate::call::{Call, Caller, Door};
use crate::config::{PRESETS, Preset};
use crate::dialects::testing::call_at;
use crate::dialects::{Bridge, Place, Target};

/// Kinds that agree share a line.
pub(super) fn render() -> String {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for preset in PRESETS {
        let ways = Door::ALL.map(|door| way(door, preset)).join(" | ");
        match lines.iter_mut().find(|(same, _)| *same == ways) {
            Some((_, kinds)) => kinds.push(preset.kind),
            None => lines.push((ways, vec![preset.kind])),
        }
    }
    let heads = Door::ALL.map(|door| format!("`{}`", door.path()));
    let mut out = format!("| kind | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for (ways, kinds) in lines {
        writeln!(out, "| {} | {ways} |", kinds.join(", ")).unwrap();
    }
    out
}

fn way(door: Door, preset: &'static Preset) -> String {
    if door == Door::Embeddings && preset.paths.embeddings.is_none() {
        return "none".to_owned();
    }
    let call = plain_call(door);
    let way = |model| {
        let bridge = Bridge::new(&call, preset, Target { model, max_output: None, ask_usage: false });
        match (bridge.place(), bridge.is_verbatim()) {
            (Place::Nowhere, _) => "estimated",
            (_, true) => "verbatim",
            (_, false) => "translated",
        }
    };
    // OpenAI's completions are for its older models only.
    match (way("m"), way("gpt-3.5-turbo-instruct")) {
        (any, same) if any == same => any.to_owned(),
        (others, older) => format!("{older} for older models, else {others}"),
    }
}

fn plain_call(door: Door) -> Call {
    let body = match door {
        Door::Completions => json!({"model": "m", "prompt": "hi"}),
        Door::Responses | Door::Embeddings => json!({"model": "m", "input": "hi"}),
        _ => json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    };
    let caller = Caller { key: "k".into(), user: "u".into(), team: None, models: Vec::new() };
    call_at(door, &body.to_string(), Arc::new(caller)).expect("a request")
}
