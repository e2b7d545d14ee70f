//! The features of `/v1/chat/completions`.

use serde_json::{Value, json};

use super::Table;
use super::probe::{CHAT_COLUMNS, Row};
use crate::call::Door;

pub(super) fn table() -> Table {
    let rows = [settings(), vendors(), thinking(), tools(), output(), content(), history()].into_iter().flatten();
    Table {
        title: "Chat completions",
        door: Door::ChatCompletions,
        columns: CHAT_COLUMNS,
        rows: rows.map(|row| Row { body: base(row.body), ..row }).collect(),
    }
}

/// A request with these members.
pub(super) fn base(members: Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    if let (Some(body), Value::Object(members)) = (body.as_object_mut(), members) {
        body.extend(members);
    }
    body
}

fn settings() -> Vec<Row> {
    vec![
        Row::new("`max_tokens`", json!({"max_tokens": 4321}), &["4321"]),
        Row::new("`max_completion_tokens`", json!({"max_completion_tokens": 4321}), &["4321"]),
        Row::new("`max_tokens` above what the model gives", json!({"max_tokens": 54321}), &["54321"]),
        Row::new("`n`", json!({"n": 3}), &[r#""n":3"#, r#""candidateCount":3"#]),
        Row::new("`stop`, one text", json!({"stop": "zebra"}), &["zebra"]),
        Row::new("`stop`, 6 texts", json!({"stop": ["a1", "a2", "a3", "a4", "a5", "zebra"]}), &["zebra"]),
        Row::new("`temperature` up to 1", json!({"temperature": 0.4321}), &["0.4321"]),
        Row::new("`temperature` 1.8", json!({"temperature": 1.8}), &[r#""temperature":1.8"#]),
        Row::new("`top_p`", json!({"top_p": 0.4321}), &["0.4321"]),
        Row::new("`temperature` and `top_p`", json!({"temperature": 0.1, "top_p": 0.4321}), &["0.4321"]),
        Row::new("`top_k`", json!({"top_k": 43}), &[r#""top_k":43"#, r#""topK":43"#, r#""k":43"#]),
        Row::new("`seed`", json!({"seed": 4321}), &["4321"]),
        Row::new("`presence_penalty`", json!({"presence_penalty": 0.4321}), &["0.4321"]),
        Row::new("`presence_penalty` below 0", json!({"presence_penalty": -0.4321}), &["-0.4321"]),
        Row::new("`frequency_penalty`", json!({"frequency_penalty": 0.4321}), &["0.4321"]),
        Row::new("`logit_bias`", json!({"logit_bias": {"4321": -7}}), &["4321"]),
        Row::new("`logprobs`", json!({"logprobs": true}), &[r#""logprobs":true"#, r#""responseLogprobs":true"#]),
        Row::new(
            "`top_logprobs`",
            json!({"logprobs": true, "top_logprobs": 3}),
            &[r#""top_logprobs":3"#, r#""logprobs":3"#],
        ),
        Row::new("`user`", json!({"user": "zebra"}), &["zebra"]),
        Row::new("`metadata`", json!({"metadata": {"herd": "zebra"}}), &["zebra"]),
        Row::new(
            "`service_tier: default`",
            json!({"service_tier": "default"}),
            &[r#""service_tier":"default""#, r#""service_tier":"standard_only""#],
        )
        .idle_at(&["gemini", "cohere"]),
        Row::new("`service_tier: priority`", json!({"service_tier": "priority"}), &[r#""service_tier":"priority""#]),
        Row::new("`service_tier: flex`", json!({"service_tier": "flex"}), &[r#""service_tier":"flex""#]),
        Row::new("`prompt_cache_key`", json!({"prompt_cache_key": "zebra"}), &["zebra"]),
    ]
}

/// What OpenAI has and few others.
fn vendors() -> Vec<Row> {
    vec![
        Row::new("`store: true`", json!({"store": true}), &[r#""store":true"#]),
        Row::new("`store: false`", json!({"store": false}), &[]),
        Row::new("`modalities`, text only", json!({"modalities": ["text"]}), &[]),
        Row::new("`modalities` and `audio`", sound(), &["zebra"]),
        Row::new("`prediction`", json!({"prediction": {"type": "content", "content": "zebra"}}), &["zebra"]),
        Row::new("`verbosity`", json!({"verbosity": "low"}), &[r#""verbosity":"low""#]),
        Row::new(
            "`web_search_options`",
            json!({"web_search_options": {"search_context_size": "low"}}),
            &["search_context_size"],
        ),
        Row::new("`safety_identifier`", json!({"safety_identifier": "zebra"}), &["zebra"]),
        Row::new("a member that nobody knows", json!({"stripes": "zebra"}), &["zebra"]),
    ]
}

fn sound() -> Value {
    json!({"modalities": ["text", "audio"], "audio": {"voice": "zebra", "format": "wav"}})
}

fn thinking() -> Vec<Row> {
    const HIGH: &[&str] = &[
        r#""reasoning_effort":"high""#,
        r#""effort":"high""#,
        r#""budget_tokens":24576"#,
        r#""thinkingBudget":24576"#,
        r#""thinkingLevel":"high""#,
    ];
    const OFF: &[&str] = &[r#""reasoning_effort":"none""#, r#""type":"disabled""#, r#""thinkingBudget":0"#];
    const BUDGET: &[&str] = &["4321", r#""reasoning_effort":"medium""#];
    vec![
        Row::new("`reasoning_effort: high`", json!({"reasoning_effort": "high"}), HIGH),
        Row::new(
            "`reasoning_effort: minimal`",
            json!({"reasoning_effort": "minimal"}),
            &[r#""reasoning_effort":"minimal""#, r#""thinkingBudget":1024"#, r#""budget_tokens":1024"#],
        ),
        Row::new("`reasoning_effort: none`", json!({"reasoning_effort": "none"}), OFF),
        Row::new(
            "`reasoning.max_tokens`, `thinking.budget_tokens`",
            json!({"thinking": {"type": "enabled", "budget_tokens": 4321}, "max_tokens": 9999}),
            BUDGET,
        ),
        Row::new(
            "`reasoning_effort` and `temperature`",
            json!({"reasoning_effort": "high", "temperature": 0.4321}),
            &["0.4321"],
        ),
    ]
}

fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "counts", "parameters": counted(&json!({}))}})
}

/// A schema of an object with one number.
fn counted(limits: &Value) -> Value {
    let mut number = json!({"type": "integer", "description": "zebra"});
    number.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    json!({"type": "object", "properties": {"count": number}, "required": ["count"], "additionalProperties": false})
}

fn strict(limits: &Value) -> Value {
    json!({"type": "function", "function": {"name": "count", "strict": true, "parameters": counted(limits)}})
}

fn tools() -> Vec<Row> {
    const STRICT: &[&str] = &[r#""strict":true"#, r#""strict_tools":true"#];
    let choice = |choice: Value| json!({"tools": [function("count"), function("zebra")], "tool_choice": choice});
    let named = json!({"type": "function", "function": {"name": "zebra"}});
    vec![
        Row::new("`tools`", json!({"tools": [function("zebra")]}), &["zebra"]),
        Row::new("`functions`, the older name", json!({"functions": [function("zebra")["function"]]}), &["zebra"]),
        Row::new("`strict` tools", json!({"tools": [strict(&json!({}))]}), STRICT),
        Row::new("`strict` tools with limits", json!({"tools": [strict(&json!({"minimum": 4321}))]}), STRICT),
        Row::new("`custom` tools", json!({"tools": [{"type": "custom", "custom": {"name": "zebra"}}]}), &["zebra"]),
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
            "`tool_choice: none`",
            choice(json!("none")),
            &[
                r#""tool_choice":"none""#,
                r#""tool_choice":{"type":"none"}"#,
                r#""mode":"NONE""#,
                r#""tool_choice":"NONE""#,
            ],
        ),
        Row::new(
            "`tool_choice`, a tool of several",
            choice(named.clone()),
            &[
                r#""tool_choice":{"type":"function","function":{"name":"zebra"}}"#,
                r#""tool_choice":{"type":"tool","name":"zebra"}"#,
                r#""allowedFunctionNames":["zebra"]"#,
            ],
        ),
        Row::new(
            "`tool_choice`, the only tool",
            json!({"tools": [function("zebra")], "tool_choice": named}),
            &["zebra"],
        ),
        Row::new("`tool_choice: allowed_tools`", choice(allowed()), &["allowed_tools"]),
        Row::new(
            "`tool_choice: required` and `reasoning_effort`",
            json!({"tools": [function("zebra")], "tool_choice": "required", "reasoning_effort": "high"}),
            &["zebra"],
        ),
        Row::new(
            "`parallel_tool_calls: false`",
            json!({"tools": [function("zebra")], "parallel_tool_calls": false}),
            &[r#""parallel_tool_calls":false"#, r#""disable_parallel_tool_use":true"#],
        ),
    ]
}

fn allowed() -> Value {
    let tool = json!({"type": "function", "function": {"name": "zebra"}});
    json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool]}})
}

fn output() -> Vec<Row> {
    let schema = |limits: Value| json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": counted(&limits)}});
    vec![
        Row::new(
            "`response_format: json_object`",
            json!({"response_format": {"type": "json_object"}}),
            &[r#""type":"json_object""#, r#""responseMimeType":"application/json""#],
        ),
        Row::new("`response_format: json_schema`", json!({"response_format": schema(json!({}))}), &["zebra"]),
        Row::new("`json_schema` with limits", json!({"response_format": schema(json!({"maximum": 4321}))}), &["4321"]),
        Row::new(
            "`json_schema` and `tools`",
            json!({"response_format": schema(json!({})), "tools": [{"type": "function", "function": {"name": "f"}}]}),
            &["zebra"],
        ),
    ]
}

fn user(parts: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": parts}]})
}

fn content() -> Vec<Row> {
    let text = |text: &str| json!({"type": "text", "text": text});
    let part = |part: Value| user(&json!([text("hi"), part]));
    let image = |image: Value| part(json!({"type": "image_url", "image_url": image}));
    let file = |file: Value| part(json!({"type": "file", "file": file}));
    vec![
        Row::new("image by address", image(json!({"url": "https://host/zebra.png"})), &["https://host/zebra.png"]),
        Row::new("image as data", image(json!({"url": "data:image/png;base64,emVicmE="})), &["emVicmE="]),
        Row::new(
            "image `detail: high`",
            image(json!({"url": "https://host/a.png", "detail": "high"})),
            &[r#""detail":"high""#],
        ),
        Row::new(
            "`input_audio`",
            part(json!({"type": "input_audio", "input_audio": {"data": "emVicmE=", "format": "wav"}})),
            &["emVicmE="],
        ),
        Row::new(
            "PDF as data",
            file(json!({"filename": "a.pdf", "file_data": "data:application/pdf;base64,emVicmE="})),
            &["emVicmE="],
        ),
        Row::new(
            "text file as data",
            file(json!({"filename": "zebra.txt", "file_data": "data:text/plain;base64,aGk="})),
            &["zebra.txt"],
        ),
        Row::new("`file_id`", file(json!({"file_id": "file-zebra"})), &["file-zebra"]),
        Row::new("image in a `system` message", shown_to_system(), &["emVicmE="]),
        Row::new(
            "a part that nobody knows",
            part(json!({"type": "video_url", "video_url": {"url": "https://host/zebra.mp4"}})),
            &["https://host/zebra.mp4"],
        ),
        Row::new("`cache_control` of a part", user(&json!([cached(text("hi"))])), &["ephemeral"]),
        Row::new("`cache_control` of a tool", json!({"tools": [cached(function("count"))]}), &["ephemeral"]),
        Row::new(
            "`name` of a participant",
            json!({"messages": [{"role": "user", "name": "zebra", "content": "hi"}]}),
            &["zebra"],
        ),
    ]
}

fn shown_to_system() -> Value {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,emVicmE="}});
    let content = json!([{"type": "text", "text": "hi"}, image]);
    json!({"messages": [{"role": "system", "content": content}, {"role": "user", "content": "hi"}]})
}

fn cached(mut part: Value) -> Value {
    part["cache_control"] = json!({"type": "ephemeral"});
    part
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "count", "arguments": "{\"count\":4321}"}})
}

/// A history that goes on after this answer.
fn said(mut answer: Value) -> Value {
    answer["role"] = "assistant".into();
    json!({"messages": [{"role": "user", "content": "hi"}, answer, {"role": "user", "content": "on"}]})
}

/// A history with a tool's call and its result.
fn called(call: &Value, result: &Value) -> Value {
    let result = json!({"role": "tool", "tool_call_id": call["id"], "content": result});
    json!({"tools": [function("count")], "messages": [
        {"role": "user", "content": "hi"}, {"role": "assistant", "content": null, "tool_calls": [call]}, result,
    ]})
}

fn detail(format: &str) -> Value {
    let detail =
        json!({"type": "reasoning.text", "text": "hm", "signature": "c2lnbmF0dXJl", "format": format, "index": 0});
    said(json!({"content": "ok", "reasoning_details": [detail]}))
}

fn history() -> Vec<Row> {
    let system =
        |role: &str| json!({"messages": [{"role": role, "content": "zebra"}, {"role": "user", "content": "hi"}]});
    let mut signed = call("c1");
    signed["extra_content"] = json!({"google": {"thought_signature": "c2lnbmF0dXJl"}});
    let sealed = json!({"type": "reasoning.encrypted", "data": "c2lnbmF0dXJl", "format": "anthropic-claude-v1"});
    vec![
        Row::new("`system` message", system("system"), &["zebra"]),
        Row::new("`developer` message", system("developer"), &["zebra"]),
        Row::new("`system` message after an answer", late_system(), &["zebra"]),
        Row::new("tool call and result", called(&call("c1"), &json!("zebra")), &["zebra"]),
        Row::new("tool result of parts", called(&call("c1"), &json!([{"type": "text", "text": "zebra"}])), &["zebra"]),
        Row::new("custom tool's call", called(&custom_call(), &json!("ok")), &[r#""input":"zebra""#]),
        Row::new("`refusal` in the history", said(json!({"content": null, "refusal": "zebra"})), &["zebra"]),
        Row::new("an answer to be continued", begun(), &["zebra"]),
        Row::new("`reasoning_content`", said(json!({"content": "ok", "reasoning_content": "zebra"})), &["zebra"]),
        Row::new("`reasoning_details` signed by Anthropic", detail("anthropic-claude-v1"), &["c2lnbmF0dXJl"]),
        Row::new("`reasoning_details` signed by Gemini", detail("google-gemini-v1"), &["c2lnbmF0dXJl"]),
        Row::new("`reasoning_details` signed by OpenAI", detail("openai-responses-v1"), &["c2lnbmF0dXJl"]),
        Row::new(
            "`reasoning_details` encrypted by Anthropic",
            said(json!({"content": "ok", "reasoning_details": [sealed]})),
            &["c2lnbmF0dXJl"],
        ),
        Row::new("call signed by Gemini", called(&signed, &json!("ok")), &["c2lnbmF0dXJl"]),
    ]
}

fn late_system() -> Value {
    json!({"messages": [
        {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ok"},
        {"role": "system", "content": "zebra"}, {"role": "user", "content": "on"},
    ]})
}

fn custom_call() -> Value {
    json!({"id": "c1", "type": "custom", "custom": {"name": "count", "input": "zebra"}})
}

fn begun() -> Value {
    json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "zebra"}]})
}
