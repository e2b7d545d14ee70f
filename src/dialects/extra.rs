//! Members of a request that the common form has no place for, on their way into another format.

use serde_json::{Map, Value};

use crate::api::chat::{Field, Losses};

/// Members that are part of an assistant's answer and come back when a client sends the history as it received it.
const ECHOES: [&str; 11] = [
    "refusal",
    "annotations",
    "audio",
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "extra_content",
    "provider_specific_fields",
    "thinking_blocks",
    "tool_calls",
];

/// Whether losing the member of an assistant's message loses nothing that the client asked for.
pub(super) fn is_echo(name: &str) -> bool {
    ECHOES.contains(&name)
}

/// Whether what a member of OpenAI's chat asks for is what happens anyway.
pub(super) fn is_idle(name: &str, value: &Value) -> bool {
    match name {
        "store" => value == &Value::Bool(false),
        "modalities" => value.as_array().is_some_and(|kinds| kinds.iter().all(|kind| kind == "text")),
        _ => false,
    }
}

/// All of `extra` is lost.
pub(super) fn drop_all(extra: &Map<String, Value>, losses: &mut Losses) {
    for name in extra.keys() {
        losses.dropped(Field::Extra(name.clone()));
    }
}

/// As [`drop_all`], for a message or a part of one: what an answer's echo is made of goes without a word.
pub(super) fn drop_but_echoes(extra: &Map<String, Value>, losses: &mut Losses) {
    for name in extra.keys().filter(|name| !is_echo(name)) {
        losses.dropped(Field::Extra(name.clone()));
    }
}
