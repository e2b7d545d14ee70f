//! The features of `/v1/responses`.

use serde_json::{Value, json};

use super::Table;
use super::probe::{CHAT_COLUMNS, Row};
use crate::call::Door;

pub(super) fn table() -> Table {
    let base = |members: Value| {
        let mut body = json!({"input": "hi"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let rows = [settings(), state(), tools(), content(), items()].into_iter().flatten();
    Table {
        title: "Responses",
        door: Door::Responses,
        columns: CHAT_COLUMNS,
        rows: rows.map(|row| Row { body: base(row.body), ..row }).collect(),
    }
}

fn settings() -> Vec<Row> {
    let effort = |word: &str| json!({"reasoning": {"effort": word}});
    let schema = json!({"type": "object", "properties": {"count": {"type": "integer", "description": "zebra"}},
        "required": ["count"], "additionalProperties": false});
    vec![
        Row::new("`instructions`", json!({"instructions": "zebra"}), &["zebra"]),
        Row::new("`max_output_tokens`", json!({"max_output_tokens": 4321}), &["4321"]),
        Row::new("`temperature`", json!({"temperature": 0.4321}), &["0.4321"]),
        Row::new("`top_p`", json!({"top_p": 0.4321}), &["0.4321"]),
        Row::new("`top_logprobs`", json!({"top_logprobs": 3}), &[r#""top_logprobs":3"#, r#""logprobs":3"#]),
        Row::new(
            "`include: message.output_text.logprobs`",
            json!({"include": ["message.output_text.logprobs"]}),
            &["message.output_text.logprobs", r#""logprobs":true"#, r#""responseLogprobs":true"#],
        ),
        Row::new("`include: reasoning.encrypted_content`", json!({"include": ["reasoning.encrypted_content"]}), &[]),
        Row::new("`include`, others", json!({"include": ["file_search_call.results"]}), &["file_search_call"]),
        Row::new(
            "`reasoning.effort: high`",
            effort("high"),
            &[
                r#""effort":"high""#,
                r#""reasoning_effort":"high""#,
                r#""budget_tokens":24576"#,
                r#""thinkingBudget":24576"#,
                r#""thinkingLevel":"high""#,
            ],
        ),
        Row::new(
            "`reasoning.effort: none`",
            effort("none"),
            &[r#""effort":"none""#, r#""reasoning_effort":"none""#, r#""type":"disabled""#, r#""thinkingBudget":0"#],
        )
        .idle_at(&["gpt-4.1"]),
        Row::new(
            "`reasoning.summary`",
            json!({"reasoning": {"effort": "high", "summary": "auto"}}),
            &[r#""summary":"auto""#, r#""display":"summarized""#, r#""includeThoughts":true"#],
        )
        .idle_at(&["mistral", "openrouter", "ollama"]),
        Row::new(
            "`text.format: json_object`",
            json!({"text": {"format": {"type": "json_object"}}}),
            &[r#""type":"json_object""#, r#""responseMimeType":"application/json""#],
        ),
        Row::new(
            "`text.format: json_schema`",
            json!({"text": {"format": {"type": "json_schema", "name": "answer", "strict": true, "schema": schema}}}),
            &["zebra"],
        ),
        Row::new("`text.verbosity`", json!({"text": {"verbosity": "low"}}), &[r#""verbosity":"low""#]),
        Row::new("`user`", json!({"user": "zebra"}), &["zebra"]),
        Row::new("`safety_identifier`", json!({"safety_identifier": "zebra"}), &["zebra"]),
        Row::new("`metadata`", json!({"metadata": {"herd": "zebra"}}), &["zebra"]),
        Row::new("`service_tier: flex`", json!({"service_tier": "flex"}), &[r#""service_tier":"flex""#]),
        Row::new("`prompt_cache_key`", json!({"prompt_cache_key": "zebra"}), &["zebra"]),
        Row::new("`max_tool_calls`", json!({"max_tool_calls": 3}), &[r#""max_tool_calls":3"#]),
        Row::new("a member that nobody knows", json!({"stripes": "zebra"}), &["zebra"]),
    ]
}

/// What needs a server that keeps responses.
fn state() -> Vec<Row> {
    vec![
        Row::new("`store: true`", json!({"store": true}), &[r#""store":true"#]),
        Row::new("`store: false`", json!({"store": false}), &[]),
        Row::new("`truncation: auto`", json!({"truncation": "auto"}), &[r#""truncation":"auto""#]),
        Row::new("`background`", json!({"background": true}), &[r#""background":true"#]),
        Row::new("`previous_response_id`", json!({"previous_response_id": "resp_zebra"}), &["resp_zebra"]),
        Row::new("`conversation`", json!({"conversation": "conv_zebra"}), &["conv_zebra"]),
        Row::new("`prompt`, a stored one", json!({"prompt": {"id": "pmpt_zebra"}}), &["pmpt_zebra"]),
        Row::new("`item_reference`", item(&json!({"type": "item_reference", "id": "msg_zebra"})), &["msg_zebra"]),
    ]
}

fn function(name: &str, strict: bool) -> Value {
    json!({"type": "function", "name": name, "strict": strict, "parameters": {"type": "object",
        "properties": {"count": {"type": "integer"}}, "required": ["count"], "additionalProperties": false}})
}

fn tools() -> Vec<Row> {
    let choice =
        |choice: Value| json!({"tools": [function("count", false), function("zebra", false)], "tool_choice": choice});
    vec![
        Row::new("`function` tools", json!({"tools": [function("zebra", false)]}), &["zebra"]),
        Row::new(
            "`strict` tools",
            json!({"tools": [function("count", true)]}),
            &[r#""strict":true"#, r#""strict_tools":true"#],
        ),
        Row::new("`custom` tools", json!({"tools": [{"type": "custom", "name": "zebra"}]}), &["zebra"]),
        Row::new("hosted tools", json!({"tools": [{"type": "web_search"}]}), &["web_search"]),
        Row::new(
            "`tool_choice: required`",
            choice(json!("required")),
            &[
                r#""tool_choice":"required""#,
                r#""tool_choice":{"type":"any"}"#,
                r#""mode":"ANY""#,
                r#""tool_choice":"REQUIRED""#,
            ],
        ),
        Row::new(
            "`tool_choice`, a tool of several",
            choice(json!({"type": "function", "name": "zebra"})),
            &[
                r#""tool_choice":{"type":"function","name":"zebra"}"#,
                r#""tool_choice":{"type":"function","function":{"name":"zebra"}}"#,
                r#""tool_choice":{"type":"tool","name":"zebra"}"#,
                r#""allowedFunctionNames":["zebra"]"#,
            ],
        ),
        Row::new(
            "`parallel_tool_calls: false`",
            json!({"tools": [function("zebra", false)], "parallel_tool_calls": false}),
            &[r#""parallel_tool_calls":false"#, r#""disable_parallel_tool_use":true"#],
        ),
    ]
}

/// A question, and this item after it.
fn item(item: &Value) -> Value {
    json!({"input": [{"type": "message", "role": "user", "content": "hi"}, item]})
}

fn content() -> Vec<Row> {
    let part =
        |part: Value| json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}, part]}]});
    let unknown = json!({"type": "input_hologram", "hologram": "zebra"});
    let system = |role: &str| json!({"input": [{"role": role, "content": "zebra"}, {"role": "user", "content": "hi"}]});
    vec![
        Row::new("a part that nobody knows", part(unknown), &["zebra"]),
        Row::new("`system` message", system("system"), &["zebra"]),
        Row::new("`developer` message", system("developer"), &["zebra"]),
        Row::new(
            "`input_image` by address",
            part(json!({"type": "input_image", "image_url": "https://host/zebra.png"})),
            &["https://host/zebra.png"],
        ),
        Row::new(
            "`input_image` as data",
            part(json!({"type": "input_image", "image_url": "data:image/png;base64,emVicmE="})),
            &["emVicmE="],
        ),
        Row::new(
            "`input_image`, `detail: high`",
            part(json!({"type": "input_image", "image_url": "https://host/a.png", "detail": "high"})),
            &[r#""detail":"high""#],
        ),
        Row::new(
            "`input_image` by `file_id`",
            part(json!({"type": "input_image", "file_id": "file-zebra"})),
            &["file-zebra"],
        ),
        Row::new(
            "`input_file`, a PDF as data",
            part(
                json!({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,emVicmE="}),
            ),
            &["emVicmE="],
        ),
        Row::new(
            "`input_file` by address",
            part(json!({"type": "input_file", "file_url": "https://host/zebra.pdf"})),
            &["https://host/zebra.pdf"],
        ),
        Row::new(
            "`input_file` by `file_id`",
            part(json!({"type": "input_file", "file_id": "file-zebra"})),
            &["file-zebra"],
        ),
        Row::new(
            "`input_audio`",
            part(json!({"type": "input_audio", "input_audio": {"data": "emVicmE=", "format": "wav"}})),
            &["emVicmE="],
        ),
    ]
}

fn items() -> Vec<Row> {
    let call = json!({"type": "function_call", "call_id": "c1", "name": "count", "arguments": "{\"count\":1}"});
    let called = |before: Option<Value>, output: Value| {
        let mut input = vec![json!({"role": "user", "content": "hi"})];
        input.extend(before);
        input.push(call.clone());
        input.push(json!({"type": "function_call_output", "call_id": "c1", "output": output}));
        json!({"tools": [function("count", false)], "input": input})
    };
    let thought = |seal: &str| {
        let reasoning = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": seal});
        json!({"input": [{"role": "user", "content": "hi"}, reasoning,
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
            {"role": "user", "content": "on"}]})
    };
    let seal_of_call =
        json!({"type": "reasoning", "summary": [], "encrypted_content": "tollgate.gemini.call.c2lnbmF0dXJl"});
    let image = json!([{"type": "input_image", "image_url": "data:image/png;base64,emVicmE="}]);
    vec![
        Row::new("`function_call` and its output", called(None, json!("zebra")), &["zebra"]),
        Row::new("output of parts", called(None, json!([{"type": "input_text", "text": "zebra"}])), &["zebra"]),
        Row::new("output with an image", called(None, image), &["emVicmE="]),
        Row::new(
            "hosted tools' items",
            item(&json!({"type": "web_search_call", "id": "ws_zebra", "status": "completed"})),
            &["ws_zebra"],
        ),
        Row::new("`reasoning` sealed by OpenAI", thought("c2lnbmF0dXJl"), &["c2lnbmF0dXJl"]),
        Row::new("`reasoning` sealed by Anthropic", thought("tollgate.anthropic.c2lnbmF0dXJl"), &["c2lnbmF0dXJl"]),
        Row::new("`reasoning` sealed by Gemini", thought("tollgate.gemini.c2lnbmF0dXJl"), &["c2lnbmF0dXJl"]),
        Row::new("call signed by Gemini", called(Some(seal_of_call), json!("ok")), &["c2lnbmF0dXJl"]),
    ]
}
