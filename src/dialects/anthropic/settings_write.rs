//! Tools and the form of the answer, written.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::block::CacheControl;
use super::model::Model;
use super::schema;
use crate::api::chat::{ChatRequest, Field, Format, Losses, OutputFormat, Tool, ToolChoice, ToolKind};

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ToolBody<'a> {
    Function {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        input_schema: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl<'a>>,
        #[serde(flatten)]
        extra: Option<&'a Map<String, Value>>,
    },
    Foreign(&'a Value),
}

pub(super) fn write_tools<'a>(request: &'a ChatRequest, model: Model, losses: &mut Losses) -> Vec<ToolBody<'a>> {
    let own = request.format == Format::Anthropic;
    request.tools.iter().filter_map(|tool| write_tool(tool, own, model, losses)).collect()
}

fn write_tool<'a>(tool: &'a Tool, own: bool, model: Model, losses: &mut Losses) -> Option<ToolBody<'a>> {
    let (name, description, parameters, strict) = match &tool.kind {
        ToolKind::Function { name, description, parameters, strict } => (name, description, parameters, strict),
        ToolKind::Foreign { format: Format::Anthropic, value } => return Some(ToolBody::Foreign(value)),
        ToolKind::Foreign { .. } => {
            losses.dropped(Field::Tools);
            return None;
        }
    };
    let mut input_schema = parameters.clone().unwrap_or_else(|| json!({}));
    let mut strict = *strict;
    if !own {
        tool.extra.keys().for_each(|name| losses.dropped(Field::Extra(name.clone())));
        complete(&mut input_schema);
        if strict == Some(true) {
            losses.dropped_if(!model.keeps_schemas(), Field::ToolStrict);
            strict = model.keeps_schemas().then_some(true);
            if strict.is_some() && schema::fit(&mut input_schema) {
                losses.approximated(Field::ToolStrict);
            }
        } else {
            strict = None;
        }
    }
    Some(ToolBody::Function {
        name,
        description: description.as_deref(),
        input_schema,
        strict,
        cache_control: tool.cache.as_ref().map(CacheControl::new),
        extra: own.then_some(&tool.extra),
    })
}

/// Anthropic insists on the word `object`.
fn complete(schema: &mut Value) {
    if let Value::Object(members) = schema {
        if members.is_empty() {
            members.insert("type".into(), "object".into());
            members.insert("properties".into(), json!({}));
        }
        members.entry("type").or_insert_with(|| "object".into());
    }
}

/// The choice of tools. `forced`: a choice that leaves the model none is possible, which it is not while it thinks.
pub(super) fn write_tool_choice(request: &ChatRequest, forced: bool, losses: &mut Losses) -> Option<Value> {
    let own = request.format == Format::Anthropic;
    let disable = request.parallel_tool_calls.map(|parallel| !parallel).filter(|disable| *disable || own);
    let mut choice = match &request.tool_choice {
        Some(ToolChoice::None) => return Some(json!({"type": "none"})),
        Some(ToolChoice::Foreign { format: Format::Anthropic, value }) => return Some(value.clone()),
        Some(ToolChoice::Required | ToolChoice::Tool(_)) if !forced => {
            losses.approximated(Field::ToolChoice);
            json!({"type": "auto"})
        }
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Tool(name)) => json!({"type": "tool", "name": name}),
        Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::Foreign { .. }) => {
            losses.dropped(Field::ToolChoice);
            disable?;
            json!({"type": "auto"})
        }
        None => {
            disable?;
            json!({"type": "auto"})
        }
    };
    if let (Some(disable), Some(members)) = (disable, choice.as_object_mut()) {
        members.insert("disable_parallel_tool_use".into(), disable.into());
    }
    Some(choice)
}

/// The form of the answer: a schema where the model takes one, else a sentence for the system prompt.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) schema: Option<Value>,
    pub(super) instruction: Option<String>,
}

pub(super) fn write_output(request: &ChatRequest, model: Model, losses: &mut Losses) -> Form {
    let own = request.format == Format::Anthropic;
    match &request.output {
        None | Some(OutputFormat::Text) => Form::default(),
        // Anthropic has no such mode, and a schema must name every member.
        Some(OutputFormat::Json) => {
            losses.approximated(Field::ResponseFormat);
            let instruction = "Answer with one JSON object and nothing else.".to_owned();
            Form { schema: None, instruction: Some(instruction) }
        }
        Some(OutputFormat::Schema { schema, .. }) if own || model.keeps_schemas() => {
            let mut schema = schema.clone();
            if !own && schema::fit(&mut schema) {
                losses.approximated(Field::ResponseFormat);
            }
            Form { schema: Some(schema), instruction: None }
        }
        Some(OutputFormat::Schema { schema, .. }) => {
            losses.approximated(Field::ResponseFormat);
            let instruction =
                format!("Answer with one JSON object that fits this JSON schema, and with nothing else:\n{schema}");
            Form { schema: None, instruction: Some(instruction) }
        }
    }
}
