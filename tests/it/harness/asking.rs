//! Requests in every door's words.

use serde_json::{Value, json};

use super::answers::with;
use super::door::Door;

/// Asks for an answer to `prompt`.
pub(crate) fn say(door: Door, model: &str, prompt: &str) -> Value {
    match door {
        Door::Chat => json!({"model": model, "messages": [{"role": "user", "content": prompt}]}),
        Door::Completions => json!({"model": model, "prompt": prompt}),
        Door::Responses | Door::Embeddings => json!({"model": model, "input": prompt}),
        Door::CountTokens => json!({"model": model, "messages": [{"role": "user", "content": prompt}]}),
        Door::Messages => {
            json!({"model": model, "max_tokens": 512, "messages": [{"role": "user", "content": prompt}]})
        }
    }
}

/// The same as a stream, with usage wherever a client has to ask for it.
pub(crate) fn streamed(door: Door, request: Value) -> Value {
    let request = with(request, json!({"stream": true}));
    match door {
        Door::Chat | Door::Completions => with(request, json!({"stream_options": {"include_usage": true}})),
        _ => request,
    }
}

/// The same with the tools `get_weather` and `get_time`; the completions door knows none.
pub(crate) fn with_tools(door: Door, request: Value) -> Value {
    let tool = |name: &str, schema: Value| match door {
        Door::Chat => {
            json!({"type": "function", "function": {"name": name, "description": "Tells.", "parameters": schema}})
        }
        Door::Responses => {
            json!({"type": "function", "name": name, "description": "Tells.", "parameters": schema, "strict": false})
        }
        _ => json!({"name": name, "description": "Tells.", "input_schema": schema}),
    };
    let weather = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let nothing = json!({"type": "object", "properties": {}});
    match door {
        Door::Completions | Door::Embeddings => request,
        _ => with(request, json!({"tools": [tool("get_weather", weather), tool("get_time", nothing)]})),
    }
}
