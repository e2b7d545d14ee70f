//! Schemas that the model is held to. Anthropic compiles them, and refuses what it cannot compile.
//! <https://docs.claude.com/en/build-with-claude/structured-outputs#json-schema-limitations>

use serde_json::{Map, Value};

const REFUSED: [&str; 13] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
];

/// Takes out the limits that are refused, and closes every object. Says whether the schema allows something else now.
pub(super) fn fit(schema: &mut Value) -> bool {
    let Value::Object(members) = schema else { return false };
    let before = members.len();
    members.retain(|name, _| !REFUSED.contains(&name.as_str()));
    let mut changed = members.len() != before;
    // A list may be asked to have one element, but not more.
    if members.get("minItems").and_then(Value::as_u64).is_some_and(|least| least > 1) {
        members.insert("minItems".into(), 1.into());
        changed = true;
    }
    if is_object(members) && members.get("additionalProperties") != Some(&Value::Bool(false)) {
        members.insert("additionalProperties".into(), false.into());
        changed = true;
    }
    for (name, value) in members {
        changed |= match (name.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(schemas)) => fit_all(schemas.values_mut()),
            ("anyOf" | "allOf" | "oneOf", Value::Array(schemas)) => fit_all(schemas.iter_mut()),
            ("items", schema) => fit(schema),
            _ => false,
        };
    }
    changed
}

fn fit_all<'a>(schemas: impl Iterator<Item = &'a mut Value>) -> bool {
    schemas.fold(false, |changed, schema| fit(schema) | changed)
}

fn is_object(members: &Map<String, Value>) -> bool {
    match members.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => members.contains_key("properties"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_out_limits_but_not_properties_of_their_names() {
        let mut schema = json!({"type": "object", "properties": {
            "minimum": {"type": "integer", "minimum": 1},
            "list": {"type": "array", "minItems": 3, "items": {"type": "object", "properties": {}}},
            "either": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        }});
        assert!(fit(&mut schema));
        let expected = json!({"type": "object", "additionalProperties": false, "properties": {
            "minimum": {"type": "integer"},
            "list": {"type": "array", "minItems": 1,
                "items": {"type": "object", "properties": {}, "additionalProperties": false}},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        }});
        assert_eq!(schema, expected);
        assert!(!fit(&mut schema));
    }
}
