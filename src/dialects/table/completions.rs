//! The features of `/v1/completions`.

use serde_json::{Value, json};

use super::Table;
use super::probe::{Column, Row};
use crate::call::Door;

const COLUMNS: &[Column] = &[
    Column::noted("openai", "gpt-3.5-turbo-instruct", "3.5-instruct"),
    Column::noted("azure", "gpt-3.5-turbo-instruct", "3.5-instruct"),
    Column::new("ollama", "qwen3"),
    Column::noted("openai", "gpt-4.1", "4.1"),
    Column::noted("openai", "gpt-5", "5"),
    Column::new("mistral", "mistral-medium-latest"),
    Column::new("deepseek", "deepseek-chat"),
    Column::new("openrouter", "qwen/qwen3-32b"),
    Column::noted("anthropic", "claude-sonnet-4-5", "4.5"),
    Column::noted("anthropic", "claude-opus-4-7", "4.7"),
    Column::noted("gemini", "gemini-2.5-flash", "2.5"),
    Column::noted("gemini", "gemini-3-pro-preview", "3"),
    Column::new("cohere", "command-a-03-2025"),
];

pub(super) fn table() -> Table {
    let base = |members: Value| {
        let mut body = json!({"prompt": "hi"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let rows = rows().into_iter().map(|row| Row { body: base(row.body), ..row }).collect();
    Table { title: "Completions", door: Door::Completions, columns: COLUMNS, rows }
}

fn rows() -> Vec<Row> {
    vec![
        Row::new("`prompt`, one text", json!({"prompt": "zebra"}), &["zebra"]),
        Row::new("`prompt`, several texts", json!({"prompt": ["horse", "zebra"]}), &["zebra"]),
        Row::new("`prompt`, tokens", json!({"prompt": [4321, 7]}), &["4321"]),
        Row::new("`max_tokens`", json!({"max_tokens": 4321}), &["4321"]),
        Row::new("`n`", json!({"n": 3}), &[r#""n":3"#, r#""candidateCount":3"#]),
        Row::new("`best_of`", json!({"best_of": 3}), &[r#""best_of":3"#]),
        Row::new("`suffix`", json!({"suffix": "zebra"}), &["zebra"]),
        Row::new("`echo`", json!({"echo": true}), &[r#""echo":true"#]),
        Row::new("`logprobs`", json!({"logprobs": 3}), &[r#""logprobs":3"#]),
        Row::new("`stop`, one text", json!({"stop": "zebra"}), &["zebra"]),
        Row::new("`stop`, 6 texts", json!({"stop": ["a1", "a2", "a3", "a4", "a5", "zebra"]}), &["zebra"]),
        Row::new("`temperature` up to 1", json!({"temperature": 0.4321}), &["0.4321"]),
        Row::new("`temperature` 1.8", json!({"temperature": 1.8}), &[r#""temperature":1.8"#]),
        Row::new("`top_p`", json!({"top_p": 0.4321}), &["0.4321"]),
        Row::new("`seed`", json!({"seed": 4321}), &["4321"]),
        Row::new("`presence_penalty`", json!({"presence_penalty": 0.4321}), &["0.4321"]),
        Row::new("`frequency_penalty`", json!({"frequency_penalty": 0.4321}), &["0.4321"]),
        Row::new("`logit_bias`", json!({"logit_bias": {"4321": -7}}), &["4321"]),
        Row::new("`user`", json!({"user": "zebra"}), &["zebra"]),
        Row::new("a member that nobody knows", json!({"stripes": "zebra"}), &["zebra"]),
    ]
}
