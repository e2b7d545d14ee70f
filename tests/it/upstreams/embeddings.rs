//! Embeddings in each vendor's format. A text's vector is made of its letters, so that tests can tell them apart.

use serde_json::{Value, json};

use super::{Vendor, refuse};
use crate::harness::*;

/// Three numbers that floats hold exactly.
pub(crate) fn vector(text: &str) -> [f32; 3] {
    let sum: u32 = text.bytes().map(u32::from).sum();
    [f32::from(u16::try_from(sum % 1024).expect("small")) / 1024.0, -0.5, text.len() as f32 / 64.0]
}

/// Whether a request asks for embeddings.
pub(super) fn is_one(seen: &Seen) -> bool {
    ["/embeddings", "/embed", "mbedContent", "mbedContents"].iter().any(|end| seen.path.ends_with(end))
}

/// Answers `POST` to the vendor's own path.
pub(super) fn answer(vendor: Vendor, seen: &Seen) -> Reply {
    let body = seen.json();
    let texts = texts(vendor, &body);
    let Some(texts) = texts else { return refuse(vendor, 400, &format!("no texts in {body}")) };
    let vectors: Vec<_> = texts.iter().map(|text| vector(text)).collect();
    let spent = texts.len() * 2;
    let answer = match vendor {
        Vendor::Gemini if seen.path.ends_with(":embedContent") => json!({"embedding": {"values": vectors[0]}}),
        Vendor::Gemini => {
            json!({"embeddings": vectors.iter().map(|values| json!({"values": values})).collect::<Vec<_>>()})
        }
        Vendor::Cohere => json!({
            "id": "up", "embeddings": {"float": vectors}, "texts": texts, "response_type": "embeddings_by_type",
            "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": spent}}
        }),
        _ => {
            let packed = body["encoding_format"] == "base64";
            let data = vectors.iter().enumerate().map(|(index, values)| {
                let embedding = if packed { base64(values).into() } else { json!(values) };
                json!({"object": "embedding", "index": index, "embedding": embedding})
            });
            let usage = json!({"prompt_tokens": spent, "total_tokens": spent});
            json!({"object": "list", "data": data.collect::<Vec<_>>(), "model": "up-embeddings", "usage": usage})
        }
    };
    Reply::new(200, "application/json", answer.to_string())
}

fn texts(vendor: Vendor, body: &Value) -> Option<Vec<String>> {
    let words = |value: &Value| value.as_str().map(str::to_owned);
    match vendor {
        Vendor::Gemini => {
            let requests = body["requests"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            requests.iter().map(|request| words(&request["content"]["parts"][0]["text"])).collect()
        }
        Vendor::Cohere => body["texts"].as_array()?.iter().map(words).collect(),
        _ => match &body["input"] {
            Value::Array(inputs) => inputs.iter().map(words).collect(),
            input => words(input).map(|text| vec![text]),
        },
    }
}

/// Little-endian floats in base64, as OpenAI's clients ask for by default.
fn base64(values: &[f32]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            three.iter().enumerate().fold(0_u32, |sum, (place, byte)| sum | u32::from(*byte) << (16 - 8 * place));
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { letter as char } else { '=' });
        }
    }
    text
}
