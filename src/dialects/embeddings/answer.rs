//! Writing an answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: Tokens,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Embedding<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Embedding<'a> {
    Floats(&'a [f64]),
    Base64(String),
}

#[derive(Serialize)]
struct Tokens {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Floats are written as short as they can be read back. OpenAI's format has no answer without `usage`, so what the
/// provider does not tell is written as 0.
pub fn write_answer(vectors: &[Vec<f64>], model: &str, usage: Option<u64>, base64: bool) -> Vec<u8> {
    let tokens = usage.unwrap_or(0);
    let mut data = Vec::with_capacity(vectors.len());
    for (index, vector) in vectors.iter().enumerate() {
        let embedding = if base64 { Embedding::Base64(encode(vector)) } else { Embedding::Floats(vector) };
        data.push(Item { object: "embedding", index, embedding });
    }
    let answer = Answer { object: "list", data, model, usage: Tokens { prompt_tokens: tokens, total_tokens: tokens } };
    serde_json::to_vec(&answer).expect("plain structs always serialise")
}

/// Little-endian, as OpenAI's clients expect.
fn encode(vector: &[f64]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|float| (*float as f32).to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn floats_keep_their_text() {
        let answer = write_answer(&[vec![0.028_322_91, -1.0], vec![1e-9, 0.1]], "m", Some(7), false);
        let text = String::from_utf8(answer.clone()).unwrap();
        assert!(text.contains("[0.02832291,-1.0]") && text.contains("[1e-9,0.1]"), "{text}");
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["data"][1]["index"], 1);
        assert_eq!(answer["usage"], json!({"prompt_tokens": 7, "total_tokens": 7}));
    }

    #[test]
    fn base64_holds_little_endian_floats() {
        let answer: Value = serde_json::from_slice(&write_answer(&[vec![1.0, -2.5]], "m", None, true)).unwrap();
        let bytes = STANDARD.decode(answer["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let floats: Vec<_> = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        assert_eq!(floats, [1.0, -2.5]);
    }
}
