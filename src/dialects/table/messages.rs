//! The features of `/v1/messages`.

use serde_json::{Value, json};

use super::Table;
use super::probe::{CHAT_COLUMNS, Row};
use crate::call::Door;

pub(super) fn table() -> Table {
    let base = |members: Value| {
        let mut body = json!({"max_tokens": 9999, "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let rows = [settings(), thinking(), tools(), content(), history()].into_iter().flatten();
    Table {
        title: "Messages",
        door: Door::Messages,
        columns: CHAT_COLUMNS,
        rows: rows.map(|row| Row { body: base(row.body), ..row }).collect(),
    }
}

fn settings() -> Vec<Row> {
    let schema = json!({"type": "object", "properties": {"count": {"type": "integer", "description": "zebra"}},
        "required": ["count"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "schema": schema});
    vec![
        Row::new("`system`", json!({"system": "zebra"}), &["zebra"]),
        Row::new("`cache_control` of a part", json!({"system": [cached(text("hi"))]}), &["ephemeral"]),
        Row::new("`max_tokens`", json!({"max_tokens": 4321}), &["4321"]),
        Row::new("`max_tokens` above what the model gives", json!({"max_tokens": 54321}), &["54321"]),
        Row::new("`temperature`", json!({"temperature": 0.4321}), &["0.4321"]),
        Row::new("`top_p`", json!({"top_p": 0.4321}), &["0.4321"]),
        Row::new("`top_k`", json!({"top_k": 43}), &[r#""top_k":43"#, r#""topK":43"#, r#""k":43"#]),
        Row::new("`stop_sequences`, one", json!({"stop_sequences": ["zebra"]}), &["zebra"]),
        Row::new("`stop_sequences`, 6", json!({"stop_sequences": ["a1", "a2", "a3", "a4", "a5", "zebra"]}), &["zebra"]),
        Row::new("`metadata.user_id`", json!({"metadata": {"user_id": "zebra"}}), &["zebra"]),
        Row::new("`metadata`, others", json!({"metadata": {"herd": "zebra"}}), &["zebra"]),
        Row::new("`service_tier: auto`", json!({"service_tier": "auto"}), &[]),
        Row::new(
            "`service_tier: standard_only`",
            json!({"service_tier": "standard_only"}),
            &[r#""service_tier":"standard_only""#, r#""service_tier":"default""#],
        )
        .idle_at(&["gemini", "cohere"]),
        Row::new("`output_config.format`", json!({"output_config": {"format": format}}), &["zebra"]),
        Row::new("`mcp_servers`", json!({"mcp_servers": [{"name": "zebra"}]}), &["zebra"]),
        Row::new("`container`", json!({"container": "zebra"}), &["zebra"]),
        Row::new("`context_management`", json!({"context_management": {"edits": []}}), &["context_management"]),
        Row::new("a member that nobody knows", json!({"stripes": "zebra"}), &["zebra"]),
    ]
}

fn thinking() -> Vec<Row> {
    vec![
        Row::new(
            "`thinking.budget_tokens`",
            json!({"thinking": {"type": "enabled", "budget_tokens": 4321}}),
            &["4321", r#""reasoning_effort":"medium""#],
        ),
        Row::new(
            "`thinking: adaptive`",
            json!({"thinking": {"type": "adaptive"}}),
            &[
                r#""type":"adaptive""#,
                r#""reasoning_effort":"medium""#,
                r#""thinkingBudget":-1"#,
                r#""includeThoughts":true"#,
                r#""type":"enabled""#,
            ],
        ),
        Row::new(
            "`thinking: disabled`",
            json!({"thinking": {"type": "disabled"}}),
            &[r#""type":"disabled""#, r#""reasoning_effort":"none""#, r#""thinkingBudget":0"#],
        )
        .idle_at(&["gpt-4.1"]),
        Row::new(
            "`thinking.display: omitted`",
            json!({"thinking": {"type": "enabled", "budget_tokens": 4321, "display": "omitted"}}),
            &["omitted", r#""includeThoughts":false"#],
        ),
        Row::new(
            "`output_config.effort: high`",
            json!({"output_config": {"effort": "high"}}),
            &[
                r#""effort":"high""#,
                r#""reasoning_effort":"high""#,
                r#""thinkingBudget":24576"#,
                r#""thinkingLevel":"high""#,
            ],
        ),
    ]
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn cached(mut part: Value) -> Value {
    part["cache_control"] = json!({"type": "ephemeral"});
    part
}

fn tool(name: &str) -> Value {
    json!({"name": name, "input_schema": {"type": "object", "properties": {"count": {"type": "integer"}},
        "required": ["count"], "additionalProperties": false}})
}

fn tools() -> Vec<Row> {
    let choice = |choice: Value| json!({"tools": [tool("count"), tool("zebra")], "tool_choice": choice});
    let mut strict = tool("count");
    strict["strict"] = true.into();
    vec![
        Row::new("`tools`", json!({"tools": [tool("zebra")]}), &["zebra"]),
        Row::new("`strict` tools", json!({"tools": [strict]}), &[r#""strict":true"#, r#""strict_tools":true"#]),
        Row::new("`cache_control` of a tool", json!({"tools": [cached(tool("count"))]}), &["ephemeral"]),
        Row::new(
            "server tools",
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            &["web_search_20250305"],
        ),
        Row::new(
            "`tool_choice: any`",
            choice(json!({"type": "any"})),
            &[
                r#""tool_choice":{"type":"any"}"#,
                r#""tool_choice":"required""#,
                r#""mode":"ANY""#,
                r#""tool_choice":"REQUIRED""#,
            ],
        ),
        Row::new(
            "`tool_choice: tool`, of several",
            choice(json!({"type": "tool", "name": "zebra"})),
            &[
                r#""tool_choice":{"type":"tool","name":"zebra"}"#,
                r#""tool_choice":{"type":"function","function":{"name":"zebra"}}"#,
                r#""allowedFunctionNames":["zebra"]"#,
            ],
        ),
        Row::new(
            "`tool_choice.disable_parallel_tool_use`",
            choice(json!({"type": "auto", "disable_parallel_tool_use": true})),
            &[r#""disable_parallel_tool_use":true"#, r#""parallel_tool_calls":false"#],
        ),
    ]
}

fn content() -> Vec<Row> {
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [text("hi"), part]}]});
    let of = |kind: &str, source: Value| part(json!({"type": kind, "source": source}));
    let data = |media_type: &str| json!({"type": "base64", "media_type": media_type, "data": "emVicmE="});
    let file = json!({"type": "file", "file_id": "file_zebra"});
    let plain_text = |text: &str| json!({"type": "text", "media_type": "text/plain", "data": text});
    let plain = plain_text("zebra");
    let mut cited = json!({"type": "document", "source": plain});
    cited["citations"] = json!({"enabled": true});
    let titled = json!({"type": "document", "title": "zebra", "source": plain_text("stripes")});
    let found = json!({"type": "search_result", "source": "s", "title": "t", "content": [text("zebra")]});
    vec![
        Row::new(
            "`image` by address",
            of("image", json!({"type": "url", "url": "https://host/zebra.png"})),
            &["https://host/zebra.png"],
        ),
        Row::new("`image` as data", of("image", data("image/png")), &["emVicmE="]),
        Row::new("`image` by `file_id`", of("image", file.clone()), &["file_zebra"]),
        Row::new("`document`, a PDF as data", of("document", data("application/pdf")), &["emVicmE="]),
        Row::new(
            "`document` by address",
            of("document", json!({"type": "url", "url": "https://host/zebra.pdf"})),
            &["https://host/zebra.pdf"],
        ),
        Row::new("`document`, plain text", of("document", plain.clone()), &["zebra"]),
        Row::new("`document`, plain text with a title", part(titled), &["zebra"]),
        Row::new("`document` by `file_id`", of("document", file), &["file_zebra"]),
        Row::new("`citations` of a document", part(cited), &[r#""citations""#]),
        Row::new("`search_result`", part(found), &["zebra"]),
    ]
}

/// A history with a tool's call and its result.
fn called(before: Option<Value>, result: &Value) -> Value {
    let mut answer: Vec<Value> = before.into_iter().collect();
    answer.push(json!({"type": "tool_use", "id": "c1", "name": "count", "input": {"count": 1}}));
    let mut block = json!({"type": "tool_result", "tool_use_id": "c1"});
    block.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
    json!({"tools": [tool("count")], "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": answer}, {"role": "user", "content": [block]}]})
}

fn history() -> Vec<Row> {
    let thought = |thought: Value| {
        json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [thought, text("ok")]},
            {"role": "user", "content": "on"}]})
    };
    let signed = |signature: &str| thought(json!({"type": "thinking", "thinking": "hm", "signature": signature}));
    let of_call = json!({"type": "thinking", "thinking": "", "signature": "tollgate.gemini.c2lnbmF0dXJl"});
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "emVicmE="}});
    let server = json!({"type": "server_tool_use", "id": "srvtoolu_zebra", "name": "web_search", "input": {}});
    let late = json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ok"},
        {"role": "user", "content": "on"}, {"role": "system", "content": "zebra"}]});
    let begun = json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "zebra"}]});
    vec![
        Row::new("`system` message after an answer", late, &["zebra"]),
        Row::new("`tool_use` and `tool_result`", called(None, &json!({"content": "zebra"})), &["zebra"]),
        Row::new(
            "`is_error`",
            called(None, &json!({"content": "no", "is_error": true})),
            &[r#""is_error":true"#, r#""error":"no""#],
        ),
        Row::new("`tool_result` with an image", called(None, &json!({"content": [image]})), &["emVicmE="]),
        Row::new(
            "`cache_control` in a `tool_result`",
            called(None, &json!({"content": [cached(text("ok"))]})),
            &["ephemeral"],
        ),
        Row::new("an answer to be continued", begun, &["zebra"]),
        Row::new("server tools' blocks", thought(server), &["srvtoolu_zebra"]),
        Row::new("`thinking` signed by Anthropic", signed("c2lnbmF0dXJl"), &["c2lnbmF0dXJl"]),
        Row::new("`thinking` signed by Gemini", signed("tollgate.gemini.c2lnbmF0dXJl"), &["c2lnbmF0dXJl"]),
        Row::new("`thinking` signed by OpenAI", signed("tollgate.openai_responses.c2lnbmF0dXJl"), &["c2lnbmF0dXJl"]),
        Row::new(
            "`thinking` without a signature",
            thought(json!({"type": "thinking", "thinking": "zebra", "signature": ""})),
            &["zebra"],
        ),
        Row::new(
            "`redacted_thinking`",
            thought(json!({"type": "redacted_thinking", "data": "c2lnbmF0dXJl"})),
            &["c2lnbmF0dXJl"],
        ),
        Row::new("call signed by Gemini", called(Some(of_call), &json!({"content": "ok"})), &["c2lnbmF0dXJl"]),
    ]
}
