//! Arguments for a simulated tool call: values that fit the function's JSON schema.

use serde_json::{Map, Value, json};

/// Deeper schemas are cut here; they may refer to themselves only by `$ref`, which is not followed.
const DEPTH: usize = 8;

/// One value that fits `schema`: its first `enum`, its `const`, or one made after its `type`.
pub(super) fn sample(schema: &Value) -> Value {
    sample_at(schema, "value", DEPTH)
}

fn sample_at(schema: &Value, name: &str, depth: usize) -> Value {
    if let Some(first) = schema["enum"].get(0).or_else(|| schema.get("const")) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("string") => json!(format!("some {name}")),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("array") if depth > 0 => json!([sample_at(&schema["items"], name, depth - 1)]),
        Some("array") => json!([]),
        Some("null") => Value::Null,
        _ => object(schema, depth),
    }
}

fn object(schema: &Value, depth: usize) -> Value {
    let Some(properties) = schema["properties"].as_object().filter(|_| depth > 0) else {
        return json!({});
    };
    let fields = properties.iter().map(|(name, schema)| (name.clone(), sample_at(schema, name, depth - 1)));
    Value::Object(fields.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_schema() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 3},
            "tags": {"type": "array", "items": {"type": "boolean"}},
        }});
        let expected = json!({"city": "some city", "unit": "celsius", "days": 3, "tags": [true]});
        assert_eq!(sample(&schema), expected);
    }

    #[test]
    fn a_missing_schema_takes_no_arguments() {
        assert_eq!(sample(&Value::Null), json!({}));
    }
}
