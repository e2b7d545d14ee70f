//! The body of a request.

use serde::Serialize;

use super::config::{GenerationConfig, write_config};
use super::contents::{System, Turn, write_contents};
use super::model::Model;
use super::tools::{ToolConfig, WireTool, write_choice, write_tools};
use crate::api::chat::{ChatRequest, Extra, Field, Format, Losses};
use crate::dialects::{Invalid, Target, Written};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    contents: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<System<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_config: Option<GenerationConfig<'a>>,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

/// Model and streaming stand in the path, and usage is always reported.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Written, Invalid> {
    let mut losses = Losses::default();
    let body = to_bytes(&write_body(request, target, &mut losses))?;
    Ok(Written { body, losses })
}

pub(super) fn write_body<'a>(request: &'a ChatRequest, target: &Target<'_>, losses: &mut Losses) -> Body<'a> {
    let model = Model::of(target.model);
    lose(request, losses);
    let contents = write_contents(request, model, losses);
    let tools = write_tools(request, losses);
    Body {
        contents: contents.turns,
        system_instruction: contents.system,
        tool_config: write_choice(request, &tools, losses),
        tools,
        generation_config: write_config(request, model, target.max_output, losses),
        extra: Some(&request.extra).filter(|_| request.format == Format::Gemini),
    }
}

/// Members that Gemini has no place for.
fn lose(request: &ChatRequest, losses: &mut Losses) {
    losses.dropped_if(request.parallel_tool_calls == Some(false), Field::ParallelToolCalls);
    losses.dropped_if(request.user.is_some(), Field::User);
    losses.dropped_if(request.metadata.is_some(), Field::Metadata);
    losses.dropped_if(request.service_tier.as_ref().is_some_and(|tier| tier != "auto"), Field::ServiceTier);
    losses.dropped_if(request.prompt_cache_key.is_some(), Field::PromptCacheKey);
    if request.format != Format::Gemini {
        for name in request.extra.keys() {
            losses.dropped(Field::Extra(name.clone()));
        }
    }
}

pub(super) fn to_bytes(body: &impl Serialize) -> Result<Vec<u8>, Invalid> {
    let unwritable = |error| Invalid { message: format!("the request cannot be written: {error}"), param: None };
    serde_json::to_vec(body).map_err(unwritable)
}
