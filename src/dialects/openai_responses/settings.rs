//! The members of a request that are objects of settings: `text`, `reasoning`, `include`.

use serde_json::Value;

use crate::api::chat::{ChatRequest, Effort, OutputFormat, Thinking};
use crate::dialects::Invalid;
use crate::dialects::members::{Members, Path};

/// `text`: the form of the answer.
pub(super) fn read_text(members: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    let Some(text) = members.value("text") else { return Ok(()) };
    let path = members.path();
    let mut text = Members::of(text, Path::Member(&path, "text"))?;
    if let Some(format) = text.value("format") {
        let path = text.path();
        request.output = read_format(format, Path::Member(&path, "format"), request)?;
    }
    leave("text", text, request);
    Ok(())
}

fn read_format(format: Value, path: Path<'_>, request: &mut ChatRequest) -> Result<Option<OutputFormat>, Invalid> {
    let mut members = Members::of(format, path)?;
    let kind = members.require_string("type")?;
    Ok(Some(match kind.as_str() {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::Json,
        "json_schema" => OutputFormat::Schema {
            name: members.string("name")?,
            description: members.string("description")?,
            strict: members.bool("strict")?,
            schema: Value::Object(members.object("schema")?.ok_or_else(|| members.missing("schema"))?),
        },
        _ => {
            let mut format = members.rest();
            format.insert("type".to_owned(), Value::String(kind));
            request.extra.insert("text.format".to_owned(), Value::Object(format));
            return Ok(None);
        }
    }))
}

pub(super) fn read_reasoning(members: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    let Some(reasoning) = members.value("reasoning") else { return Ok(()) };
    let path = members.path();
    let mut reasoning = Members::of(reasoning, Path::Member(&path, "reasoning"))?;
    let effort = match reasoning.string("effort")? {
        None => None,
        Some(word) => Some(Effort::parse(&word).ok_or_else(|| {
            reasoning.wrong("effort", "`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`")
        })?),
    };
    // The older name came first and still works.
    let summary = reasoning.string("generate_summary")?;
    let summary = reasoning.string("summary")?.or(summary);
    let visible = summary.map(|_| true);
    if effort.is_some() || visible.is_some() {
        request.thinking = Some(Thinking { effort, visible, ..Thinking::default() });
    }
    leave("reasoning", reasoning, request);
    Ok(())
}

/// `include`: more output. Encrypted reasoning is always included here, since nothing is kept that could replace it.
pub(super) fn read_include(members: &mut Members<'_>, request: &mut ChatRequest) -> Result<(), Invalid> {
    let mut include = members.array("include")?.unwrap_or_default();
    include.retain(|wish| match wish.as_str() {
        Some("reasoning.encrypted_content") => false,
        Some("message.output_text.logprobs") => {
            request.logprobs = Some(true);
            false
        }
        _ => true,
    });
    if !include.is_empty() {
        request.extra.insert("include".to_owned(), Value::Array(include));
    }
    Ok(())
}

/// What is left of an object goes to the request's extra members under its full name.
fn leave(name: &str, members: Members<'_>, request: &mut ChatRequest) {
    let rest = members.rest().into_iter().map(|(member, value)| (format!("{name}.{member}"), value));
    request.extra.extend(rest);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read_request;
    use super::*;

    fn read(member: &str, value: Value) -> ChatRequest {
        let mut request = json!({ "input": "hi" });
        request[member] = value;
        read_request(request.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn forms_of_the_answer_are_read() {
        let output = |format: Value| read("text", json!({ "format": format })).output;
        assert_eq!(output(json!({ "type": "text" })), Some(OutputFormat::Text));
        assert_eq!(output(json!({ "type": "json_object" })), Some(OutputFormat::Json));
        let schema =
            json!({ "type": "json_schema", "name": "n", "description": "d", "schema": { "a": 1 }, "strict": true });
        let wanted = OutputFormat::Schema {
            name: Some("n".into()),
            description: Some("d".into()),
            schema: json!({ "a": 1 }),
            strict: Some(true),
        };
        assert_eq!(output(schema), Some(wanted));
        let grammar = read("text", json!({ "format": { "type": "grammar", "grammar": "g" } }));
        assert_eq!(grammar.output, None);
        assert_eq!(grammar.extra["text.format"]["grammar"], "g");
    }

    #[test]
    fn wishes_about_reasoning_are_read() {
        let thinking = |value| read("reasoning", value).thinking;
        let high = Thinking { effort: Some(Effort::High), ..Thinking::default() };
        assert_eq!(thinking(json!({ "effort": "high", "summary": null })), Some(high.clone()));
        let shown = Thinking { visible: Some(true), ..high };
        assert_eq!(thinking(json!({ "effort": "high", "summary": "auto" })), Some(shown.clone()));
        assert_eq!(thinking(json!({ "effort": "high", "generate_summary": "concise" })), Some(shown));
        assert_eq!(thinking(json!({ "effort": null })), None);
    }
}
