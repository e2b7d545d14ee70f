//! Tools, and which of them is to be called.

use serde_json::{Value, json};

use super::Changes;
use crate::api::chat::Field;

/// Functions need parameters, even if they have none. Tools of OpenAI's own kinds are left out; Mistral's pass.
pub(super) fn adapt_tools(tools: &mut Vec<Value>, changes: &mut Changes) {
    let count = tools.len();
    tools.retain(|tool| tool["type"] != "custom");
    if tools.len() < count {
        changes.dropped(Field::Tools);
    }
    for tool in tools {
        let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) else { continue };
        for name in ["description", "strict"] {
            if function.get(name).is_some_and(Value::is_null) {
                function.shift_remove(name);
                changes.made();
            }
        }
        if function.get("parameters").is_none_or(Value::is_null) {
            function.insert("parameters".into(), json!({"type": "object", "properties": {}}));
            changes.made();
        }
    }
}

/// Words and a named function are the same with both vendors. `None`: the choice is lost.
pub(super) fn adapt_choice(choice: &Value, changes: &mut Changes) -> Option<Value> {
    match choice.get("type").and_then(Value::as_str) {
        None | Some("function") => Some(choice.clone()),
        Some("allowed_tools") => {
            changes.approximated(Field::ToolChoice);
            let mode = choice.pointer("/allowed_tools/mode").and_then(Value::as_str);
            Some(if mode == Some("required") { "any".into() } else { "auto".into() })
        }
        Some(_) => {
            changes.dropped(Field::ToolChoice);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_get_parameters_and_foreign_kinds_go() {
        let mut tools = vec![
            json!({"type": "function", "function": {"name": "f", "strict": null}}),
            json!({"type": "custom", "custom": {"name": "g"}}),
            json!({"type": "web_search"}),
        ];
        let mut changes = Changes::default();
        adapt_tools(&mut tools, &mut changes);
        let wanted = json!({"name": "f", "parameters": {"type": "object", "properties": {}}});
        assert_eq!((tools.len(), &tools[0]["function"]), (2, &wanted));
        assert_eq!(changes.losses.iter().map(|loss| &loss.field).collect::<Vec<_>>(), [&Field::Tools]);
    }

    #[test]
    fn a_choice_of_openais_becomes_the_nearest() {
        let adapt = |choice| adapt_choice(&choice, &mut Changes::default());
        assert_eq!(adapt(json!("required")), Some(json!("required")));
        assert_eq!(adapt(json!({"type": "allowed_tools", "allowed_tools": {"mode": "required"}})), Some(json!("any")));
        assert_eq!(adapt(json!({"type": "custom", "custom": {"name": "g"}})), None);
    }
}
