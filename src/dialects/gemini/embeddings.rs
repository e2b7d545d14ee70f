//! `batchEmbedContents`: vectors of texts.
//!
//! <https://ai.google.dev/api/embeddings>

use serde::{Deserialize, Serialize};

use super::count_tokens::full_name;
use super::error;
use super::usage::Counts;
use crate::dialects::{Fault, lenient};

#[derive(Serialize)]
struct Batch<'a> {
    requests: Vec<One<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    model: &'a str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u32>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a str,
}

pub fn write_request(inputs: &[String], dimensions: Option<u32>, model: &str) -> Vec<u8> {
    let model = full_name(model);
    let one =
        |text| One { model: &model, content: Content { parts: [Part { text }] }, output_dimensionality: dimensions };
    let batch = Batch { requests: inputs.iter().map(|text| one(text)).collect() };
    serde_json::to_vec(&batch).expect("texts and numbers always serialise")
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    embeddings: Vec<Embedding>,
    embedding: Option<Embedding>,
    #[serde(deserialize_with = "lenient::object")]
    usage_metadata: Option<Counts>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f64>,
}

/// In the order of the texts, and their tokens, which not every model counts.
pub fn read_answer(body: &[u8]) -> Result<(Vec<Vec<f64>>, Option<u64>), Fault> {
    if let Some(fault) = error::read_fault(body) {
        return Err(fault);
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Fault::malformed())?;
    let vectors: Vec<_> = answer.embeddings.into_iter().chain(answer.embedding).map(|one| one.values).collect();
    if vectors.is_empty() || vectors.iter().any(Vec::is_empty) {
        return Err(Fault::malformed());
    }
    Ok((vectors, answer.usage_metadata.and_then(|counts| counts.prompt())))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::FailureClass;

    #[test]
    fn each_text_is_a_request_of_its_own() {
        let body = write_request(&["a".into(), "b".into()], Some(768), "gemini-embedding-001");
        let one = |text: &str| {
            json!({
                "model": "models/gemini-embedding-001",
                "content": {"parts": [{"text": text}]},
                "outputDimensionality": 768
            })
        };
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({"requests": [one("a"), one("b")]}));
    }

    #[test]
    fn reads_vectors_in_order() {
        let body = br#"{"embeddings":[{"values":[0.5,-1]},{"values":[2,3]}]}"#;
        assert_eq!(read_answer(body).unwrap(), (vec![vec![0.5, -1.0], vec![2.0, 3.0]], None));
        let body = br#"{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":4}}"#;
        assert_eq!(read_answer(body).unwrap(), (vec![vec![1.0]], Some(4)));
    }

    #[test]
    fn what_holds_no_vectors_is_a_fault() {
        for body in ["", "{}", "[]", r#"{"embeddings":[]}"#, r#"{"embeddings":[{"values":[]}]}"#, r#"{"embeddings":3}"#]
        {
            assert_eq!(read_answer(body.as_bytes()), Err(Fault::malformed()), "{body}");
        }
        let body = br#"{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}"#;
        assert_eq!(read_answer(body).unwrap_err().class, FailureClass::RateLimited);
    }
}
