//! The `response` object: an answer's head and output, with much of the request repeated.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Number, Value, json};

use super::item::Item;
use super::tools::{write_tool_choice, write_tools};
use crate::api::Usage;
use crate::api::chat::{ChatRequest, Content, Finish, Format, OutputFormat, Role};

/// What an answer repeats of its request. Made once, since a stream says it three times.
#[derive(Debug, Serialize)]
pub(super) struct Echo {
    instructions: Option<String>,
    max_output_tokens: Option<u32>,
    parallel_tool_calls: bool,
    temperature: Option<Number>,
    top_p: Option<Number>,
    top_logprobs: u32,
    reasoning: Value,
    text: Box<RawValue>,
    tool_choice: Value,
    tools: Box<RawValue>,
    metadata: Map<String, Value>,
    prompt_cache_key: Option<String>,
    safety_identifier: Option<Value>,
    user: Option<String>,
}

impl Echo {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self {
            instructions: instructions(request),
            max_output_tokens: request.max_tokens,
            parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
            temperature: request.sampling.temperature.clone(),
            top_p: request.sampling.top_p.clone(),
            top_logprobs: request.top_logprobs.unwrap_or(0),
            reasoning: reasoning(request),
            text: raw(&text(request)),
            tool_choice: write_tool_choice(request),
            tools: raw(&write_tools(request)),
            metadata: request.metadata.clone().unwrap_or_default(),
            prompt_cache_key: request.prompt_cache_key.clone(),
            safety_identifier: extra(request, "safety_identifier"),
            user: request.user.clone(),
        }
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("maps with text keys always serialise")
}

/// A member that has no place in the common form. Another format's members mean something else.
fn extra(request: &ChatRequest, name: &str) -> Option<Value> {
    request.extra.get(name).filter(|_| request.format == Format::OpenAiResponses).cloned()
}

/// A leading system message is what `instructions` become.
fn instructions(request: &ChatRequest) -> Option<String> {
    let first = request.messages.first().filter(|message| message.role == Role::System)?;
    match first.parts.as_slice() {
        [part] => match &part.content {
            Content::Text { text, .. } => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn reasoning(request: &ChatRequest) -> Value {
    let thinking = request.thinking.as_ref();
    let effort = thinking.and_then(|thinking| thinking.effort).map(|effort| effort.as_str());
    let summary = thinking.and_then(|thinking| thinking.visible).filter(|&visible| visible).map(|_| "auto");
    json!({ "effort": effort, "summary": summary })
}

fn text(request: &ChatRequest) -> Value {
    let format = match &request.output {
        None | Some(OutputFormat::Text) => extra(request, "text.format").unwrap_or_else(|| json!({ "type": "text" })),
        Some(OutputFormat::Json) => json!({ "type": "json_object" }),
        Some(OutputFormat::Schema { name, description, schema, strict }) => json!({
            "type": "json_schema", "name": name.as_deref().unwrap_or("response"), "description": description,
            "schema": schema, "strict": strict,
        }),
    };
    let mut text = json!({ "format": format });
    if let Some(verbosity) = extra(request, "text.verbosity") {
        text["verbosity"] = verbosity;
    }
    text
}

/// How an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InProgress,
    Completed,
    /// With the format's word for why.
    Incomplete(Option<&'static str>),
}

impl State {
    /// `refused`: the model said so in words, which is a complete answer.
    pub(super) fn of(finish: Option<&Finish>, refused: bool) -> Self {
        match finish {
            Some(Finish::Length) => Self::Incomplete(Some("max_output_tokens")),
            Some(Finish::ContentFilter) => Self::Incomplete(Some("content_filter")),
            Some(Finish::Refusal) if !refused => Self::Incomplete(Some("content_filter")),
            Some(Finish::Pause) => Self::Incomplete(None),
            _ => Self::Completed,
        }
    }

    pub(super) fn is_cut(self) -> bool {
        matches!(self, Self::Incomplete(_))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<()>,
    incomplete_details: Option<IncompleteDetails>,
    model: &'a str,
    output: &'a [Item],
    max_tool_calls: Option<()>,
    previous_response_id: Option<()>,
    service_tier: Option<&'a str>,
    store: bool,
    truncation: &'static str,
    #[serde(flatten)]
    echo: &'a Echo,
    usage: Option<Counts>,
}

#[derive(Debug, Serialize)]
struct IncompleteDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// What all of an answer's `response` objects have in common.
#[derive(Debug)]
pub(super) struct Head {
    /// With the format's prefix.
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) service_tier: Option<String>,
    pub(super) echo: Echo,
}

impl Head {
    pub(super) fn response<'a>(&'a self, state: State, output: &'a [Item], usage: Option<Usage>) -> Response<'a> {
        // The vendor's clients refuse a tier that they do not know.
        let known = |tier: &&str| matches!(*tier, "auto" | "default" | "flex" | "scale" | "priority");
        Response {
            id: &self.id,
            object: "response",
            created_at: self.created,
            status: state.as_str(),
            background: false,
            error: None,
            incomplete_details: match state {
                State::Incomplete(reason) => Some(IncompleteDetails { reason }),
                State::InProgress | State::Completed => None,
            },
            model: &self.model,
            output,
            max_tool_calls: None,
            previous_response_id: None,
            service_tier: self.service_tier.as_deref().filter(known),
            store: false,
            truncation: "disabled",
            echo: &self.echo,
            usage: usage.map(Counts::from),
        }
    }
}

#[derive(Debug, Serialize)]
struct Counts {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Debug, Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Debug, Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: InputDetails { cached_tokens: usage.cached, cache_write_tokens: usage.cache_write },
            output_tokens: usage.output,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.input.saturating_add(usage.output),
        }
    }
}
