//! Reading a request.

use serde_json::{Map, Value};

use crate::api::chat::{Field, Losses};
use crate::dialects::Invalid;
use crate::dialects::members::Members;

/// OpenAI takes no more inputs in one call.
const MAX_INPUTS: usize = 2048;

/// What is to be embedded.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingsRequest {
    /// As the client calls it.
    pub model: String,
    /// At least one, none empty.
    pub inputs: Vec<String>,
    pub dimensions: Option<u32>,
    /// The client wants the vectors in base64.
    pub base64: bool,
    pub user: Option<String>,
    /// Members that have no place here.
    pub extra: Map<String, Value>,
}

impl EmbeddingsRequest {
    /// What a provider without members of its own has no place for.
    pub fn losses(&self) -> Losses {
        let mut losses = Losses::default();
        losses.dropped_if(self.user.is_some(), Field::User);
        for name in self.extra.keys() {
            losses.dropped(Field::Extra(name.clone()));
        }
        losses
    }
}

/// Tokens in place of texts are refused: they mean something to one vendor's models only.
pub fn read_request(body: &[u8]) -> Result<EmbeddingsRequest, Invalid> {
    let mut members = Members::of_body(body)?;
    let model = members.require_string("model")?;
    let inputs = match members.value("input") {
        Some(Value::String(text)) => vec![check(text, "input")?],
        Some(Value::Array(items)) => read_inputs(items)?,
        Some(_) => return Err(members.wrong("input", "a string or an array of strings")),
        None => return Err(members.missing("input")),
    };
    let base64 = match members.string("encoding_format")?.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(members.wrong("encoding_format", "`float` or `base64`")),
    };
    let dimensions = members.whole("dimensions")?;
    if dimensions == Some(0) {
        return Err(members.wrong("dimensions", "at least 1"));
    }
    let user = members.string("user")?;
    Ok(EmbeddingsRequest { model, inputs, dimensions, base64, user, extra: members.rest() })
}

fn read_inputs(items: Vec<Value>) -> Result<Vec<String>, Invalid> {
    if items.is_empty() {
        return Err(Invalid::new("input", "`input` is empty; at least one text is needed"));
    }
    if items.len() > MAX_INPUTS {
        let message = format!("`input` has {} texts; at most {MAX_INPUTS} are taken", items.len());
        return Err(Invalid::new("input", message));
    }
    let read = |(index, item)| match item {
        Value::String(text) => check(text, &format!("input[{index}]")),
        Value::Number(_) | Value::Array(_) => {
            Err(Invalid::new("input", "`input` holds tokens; the provider of this model takes only text"))
        }
        _ => Err(Invalid::new(format!("input[{index}]"), format!("`input[{index}]` must be a string"))),
    };
    items.into_iter().enumerate().map(read).collect()
}

fn check(text: String, param: &str) -> Result<String, Invalid> {
    if text.is_empty() { Err(Invalid::new(param, format!("`{param}` is empty"))) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(input: &Value) -> Result<EmbeddingsRequest, Invalid> {
        read_request(json!({"model": "m", "input": input}).to_string().as_bytes())
    }

    #[test]
    fn takes_one_text_or_several() {
        assert_eq!(read(&json!("a")).unwrap().inputs, ["a"]);
        assert_eq!(read(&json!(["a", "b"])).unwrap().inputs, ["a", "b"]);
        let body = br#"{"model":"m","input":"a","encoding_format":"base64","dimensions":8,"user":"u","x":null,"y":1}"#;
        let request = read_request(body).unwrap();
        assert!(request.base64);
        assert_eq!((request.dimensions, request.user.as_deref()), (Some(8), Some("u")));
        assert_eq!(request.extra.keys().collect::<Vec<_>>(), ["y"]);
    }

    #[test]
    fn refuses_what_is_no_text_and_names_it() {
        for (input, param) in [
            (json!([1, 2]), "input"),
            (json!([[1], [2]]), "input"),
            (json!([]), "input"),
            (json!(""), "input"),
            (json!(7), "input"),
            (json!(null), "input"),
            (json!(["a", ""]), "input[1]"),
            (json!(["a", {}]), "input[1]"),
            (json!(vec!["a"; 2049]), "input"),
        ] {
            assert_eq!(read(&input).unwrap_err().param.as_deref(), Some(param));
        }
        let refuse = |body: &[u8]| read_request(body).unwrap_err().param;
        assert_eq!(refuse(br#"{"input":"a"}"#).as_deref(), Some("model"));
        assert_eq!(
            refuse(br#"{"model":"m","input":"a","encoding_format":"int8"}"#).as_deref(),
            Some("encoding_format")
        );
        assert_eq!(refuse(b"[]"), None);
    }
}
