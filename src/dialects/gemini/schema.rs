//! JSON Schemas in the dialect that Gemini's `parametersJsonSchema` and `responseJsonSchema` take.
//!
//! Both know most of JSON Schema, so that little is to be done: `$schema` is left out, references are resolved because
//! they are read only in part, and `const`, which means nothing to them, becomes `enum`. (`parameters` and
//! `responseSchema` are an OpenAPI subset and refuse far more.)

use serde_json::{Map, Value};

/// Nodes of the result. References within references multiply.
const MAX_NODES: usize = 20_000;
const MAX_DEPTH: usize = 128;

/// Where a reference leads in a circle or nowhere, the schema stays as it was: Gemini unrolls circles itself.
pub(super) fn adapt(schema: &Value) -> Value {
    let mut walk = Walk { root: schema, following: Vec::new(), nodes: 0 };
    let mut adapted = walk.schema(schema, 0).unwrap_or_else(|| schema.clone());
    if let Value::Object(members) = &mut adapted {
        members.shift_remove("$schema");
    }
    adapted
}

struct Walk<'a> {
    root: &'a Value,
    /// The references that led here.
    following: Vec<&'a str>,
    nodes: usize,
}

impl<'a> Walk<'a> {
    /// A schema or an array of schemas; `None` where it cannot be adapted.
    fn schema(&mut self, value: &'a Value, depth: usize) -> Option<Value> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            return None;
        }
        match value {
            Value::Object(members) => self.object(members, depth).map(Value::Object),
            Value::Array(items) => items.iter().map(|item| self.schema(item, depth + 1)).collect(),
            _ => Some(value.clone()),
        }
    }

    fn object(&mut self, members: &'a Map<String, Value>, depth: usize) -> Option<Map<String, Value>> {
        let mut adapted = match members.get("$ref") {
            Some(reference) => self.resolve(reference.as_str()?, depth)?,
            None => Map::new(),
        };
        for (name, value) in members {
            match name.as_str() {
                // Resolved.
                "$ref" | "$defs" | "definitions" => {}
                "const" if value.is_string() || value.is_number() => {
                    adapted.insert("enum".into(), Value::Array(vec![value.clone()]));
                }
                // From names to schemas, and a name may be any word.
                "properties" | "patternProperties" => {
                    let named = value.as_object()?.iter();
                    let named = named.map(|(name, schema)| Some((name.clone(), self.schema(schema, depth + 2)?)));
                    let named = named.collect::<Option<Map<_, _>>>()?;
                    adapted.insert(name.clone(), Value::Object(named));
                }
                // Data, not schemas.
                "const" | "enum" | "default" | "example" | "examples" | "required" => {
                    adapted.insert(name.clone(), value.clone());
                }
                _ => {
                    let schema = self.schema(value, depth + 1)?;
                    adapted.insert(name.clone(), schema);
                }
            }
        }
        Some(adapted)
    }

    fn resolve(&mut self, reference: &'a str, depth: usize) -> Option<Map<String, Value>> {
        if self.following.contains(&reference) {
            return None;
        }
        let target = self.root.pointer(reference.strip_prefix('#')?)?.as_object()?;
        self.following.push(reference);
        let resolved = self.object(target, depth + 1);
        self.following.pop();
        resolved
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_resolved_and_what_stands_beside_them_wins() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"home": {"$ref": "#/$defs/Place", "description": "Where"}, "$ref": {"type": "string"}},
            "required": ["home"],
            "$defs": {
                "Place": {"type": "object", "description": "A place", "properties": {"at": {"$ref": "#/$defs/Point"}}},
                "Point": {"type": "array", "items": {"type": "number"}}
            }
        });
        let place = json!({
            "type": "object",
            "description": "Where",
            "properties": {"at": {"type": "array", "items": {"type": "number"}}}
        });
        let properties = json!({"home": place, "$ref": {"type": "string"}});
        assert_eq!(adapt(&schema), json!({"type": "object", "properties": properties, "required": ["home"]}));
    }

    #[test]
    fn a_constant_is_an_enumeration_of_one() {
        let schema = json!({"anyOf": [{"const": "a"}, {"const": true}], "default": {"const": "a"}});
        let adapted = json!({"anyOf": [{"enum": ["a"]}, {"const": true}], "default": {"const": "a"}});
        assert_eq!(adapt(&schema), adapted);
    }

    #[test]
    fn circles_and_references_to_nowhere_stay() {
        for name in ["#/$defs/Node", "#/$defs/None", "https://example.com/schema", "Node"] {
            let node = json!({"type": "object", "properties": {"next": {"$ref": name}}});
            let schema = json!({"$ref": name, "$defs": {"Node": node}});
            assert_eq!(adapt(&schema), schema);
        }
        let itself = json!({"$ref": "#"});
        assert_eq!(adapt(&itself), itself);
    }

    #[test]
    fn references_that_multiply_are_left_to_the_provider() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/{}", level + 1)});
            definitions.insert(level.to_string(), json!({"properties": {"a": next, "b": next}}));
        }
        definitions.insert("40".into(), json!({"type": "string"}));
        let schema = json!({"$ref": "#/$defs/0", "$defs": definitions});
        assert_eq!(adapt(&schema), schema);
    }

    #[test]
    fn whatever_is_no_schema_stays() {
        for value in [json!(true), json!(null), json!([1]), json!({"properties": 3}), json!({"$ref": 1})] {
            assert_eq!(adapt(&value), value);
        }
    }
}
