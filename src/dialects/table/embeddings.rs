//! The features of `/v1/embeddings`.

use serde_json::{Value, json};

use super::Table;
use super::probe::{Column, Row};
use crate::call::Door;

const COLUMNS: &[Column] = &[
    Column::new("openai", "text-embedding-3-small"),
    Column::new("azure", "text-embedding-3-small"),
    Column::new("mistral", "mistral-embed"),
    Column::new("ollama", "nomic-embed-text"),
    Column::new("gemini", "gemini-embedding-001"),
    Column::new("cohere", "embed-v4.0"),
];

pub(super) fn table() -> Table {
    let base = |members: Value| {
        let mut body = json!({"input": "hi"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let rows = rows().into_iter().map(|row| Row { body: base(row.body), ..row }).collect();
    Table { title: "Embeddings", door: Door::Embeddings, columns: COLUMNS, rows }
}

fn rows() -> Vec<Row> {
    let texts = |count: usize| vec!["zebra"; count];
    vec![
        Row::new("`input`, one text", json!({"input": "zebra"}), &["zebra"]),
        Row::new("`input`, 96 texts", json!({"input": texts(96)}), &["zebra"]),
        Row::new("`input`, 97 texts", json!({"input": texts(97)}), &["zebra"]),
        Row::new("`input`, 2049 texts", json!({"input": texts(2049)}), &["zebra"]),
        Row::new("`input`, tokens", json!({"input": [4321, 7]}), &["4321"]),
        Row::new("`dimensions`", json!({"dimensions": 432}), &["432"]),
        // Made of the floats that the provider answers with.
        Row::new("`encoding_format: base64`", json!({"encoding_format": "base64"}), &[]),
        Row::new("`user`", json!({"user": "zebra"}), &["zebra"]),
        Row::new("`input_type` (Cohere's)", json!({"input_type": "zebra"}), &["zebra"]),
        Row::new("a member that nobody knows", json!({"stripes": "zebra"}), &["zebra"]),
    ]
}
