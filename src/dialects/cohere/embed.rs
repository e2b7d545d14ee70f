//! Embeddings: `/v2/embed`. <https://docs.cohere.com/v2/reference/embed>

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fault::read_fault;
use crate::api::chat::{Field, Losses};
use crate::dialects::codec::count;
use crate::dialects::embeddings::EmbeddingsRequest;
use crate::dialects::{Fault, Invalid, Written};

/// Cohere takes no more texts in one call.
const MAX_TEXTS: usize = 96;

/// Members of its own that Cohere gets if the client sends them.
const OWN: [&str; 2] = ["input_type", "truncate"];

/// Writes the body of `POST /v2/embed`. Its models embed questions and documents differently; a client that embeds
/// questions says so with `input_type`.
pub fn write_embed(request: &EmbeddingsRequest, model: &str) -> Result<Written, Invalid> {
    if request.inputs.len() > MAX_TEXTS {
        let message = format!("`input` has {} texts; this model takes at most {MAX_TEXTS}", request.inputs.len());
        return Err(Invalid::new("input", message));
    }
    let mut losses = Losses::default();
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("texts".into(), request.inputs.clone().into());
    body.insert("input_type".into(), "search_document".into());
    body.insert("embedding_types".into(), vec!["float"].into());
    if let Some(dimensions) = request.dimensions {
        body.insert("output_dimension".into(), dimensions.into());
    }
    losses.dropped_if(request.user.is_some(), Field::User);
    for (name, value) in &request.extra {
        if OWN.contains(&name.as_str()) {
            body.insert(name.clone(), value.clone());
        } else {
            losses.dropped(Field::Extra(name.clone()));
        }
    }
    Ok(Written { body: Value::Object(body).to_string().into_bytes(), losses })
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Embeddings,
    #[serde(default)]
    meta: Value,
}

#[derive(Deserialize)]
struct Embeddings {
    float: Vec<Vec<f64>>,
}

/// The vectors in the order of the texts, and the tokens that are billed.
pub fn read_embeddings(body: &[u8]) -> Result<(Vec<Vec<f64>>, Option<u64>), Fault> {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        let error: Value = serde_json::from_slice(body).map_err(|_| Fault::malformed())?;
        let is_error = error.get("embeddings").is_none() && error.get("message").is_some();
        return Err(if is_error { read_fault(&error) } else { Fault::malformed() });
    };
    if answer.embeddings.float.iter().any(Vec::is_empty) || answer.embeddings.float.is_empty() {
        return Err(Fault::malformed());
    }
    let tokens = answer.meta.pointer("/billed_units/input_tokens");
    Ok((answer.embeddings.float, count(tokens)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dialects::embeddings::read_request;
    use crate::error::FailureClass;

    #[test]
    fn an_openai_request_becomes_cohere_s() {
        let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 256, "user": "u", "input_type": "search_query", "x": 1});
        let request = read_request(body.to_string().as_bytes()).unwrap();
        let written = write_embed(&request, "embed-v4.0").unwrap();
        let wanted = json!({"model": "embed-v4.0", "texts": ["a", "b"], "input_type": "search_query",
            "embedding_types": ["float"], "output_dimension": 256});
        assert_eq!(serde_json::from_slice::<Value>(&written.body).unwrap(), wanted);
        let lost: Vec<_> = written.losses.iter().map(|loss| loss.field.clone()).collect();
        assert_eq!(lost, [Field::User, Field::Extra("x".into())]);
    }

    #[test]
    fn more_texts_than_cohere_takes_are_refused() {
        let body = json!({"model": "m", "input": vec!["a"; 97]}).to_string();
        let request = read_request(body.as_bytes()).unwrap();
        assert_eq!(write_embed(&request, "m").unwrap_err().param.as_deref(), Some("input"));
    }

    #[test]
    fn answers_without_vectors_are_faults() {
        let class = |answer: Value| read_embeddings(answer.to_string().as_bytes()).unwrap_err().class;
        assert_eq!(class(json!({"message": "boom"})), FailureClass::ServerError);
        assert_eq!(class(json!({"embeddings": {"int8": [[1]]}})), FailureClass::Malformed);
        assert_eq!(class(json!({"embeddings": {"float": []}})), FailureClass::Malformed);
        let (vectors, tokens) =
            read_embeddings(br#"{"embeddings":{"float":[[0.02832291]]},"meta":{"billed_units":{"input_tokens":-7}}}"#)
                .unwrap();
        assert_eq!((vectors, tokens), (vec![vec![0.028_322_91]], None));
    }
}
