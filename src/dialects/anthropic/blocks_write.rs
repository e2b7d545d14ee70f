//! Content blocks of a request, written.

use super::block::{Block, Blocks, CacheControl, Entry, Input, Medium};
use super::conversation::tool_id;
use super::signature;
use crate::api::chat::{Content, Field, Format, Losses, Part, Role, Signature, Source, ToolResult};

pub(super) struct BlockWriter<'l> {
    /// The request came in Anthropic's format.
    pub(super) own: bool,
    pub(super) role: Role,
    pub(super) losses: &'l mut Losses,
}

impl BlockWriter<'_> {
    pub(super) fn entries<'a>(&mut self, parts: &'a [Part]) -> Vec<Entry<'a>> {
        parts.iter().filter_map(|part| self.entry(part)).collect()
    }

    fn entry<'a>(&mut self, part: &'a Part) -> Option<Entry<'a>> {
        let block = self.block(&part.content)?;
        let cache_control = part.cache.as_ref().map(CacheControl::new);
        let extra = (self.own && !part.extra.is_empty()).then_some(&part.extra);
        if !self.own {
            part.extra.keys().for_each(|name| self.losses.dropped(Field::Extra(name.clone())));
        }
        Some(Entry { block, cache_control, extra })
    }

    fn block<'a>(&mut self, content: &'a Content) -> Option<Block<'a>> {
        let is_system = matches!(self.role, Role::System | Role::Developer);
        Some(match content {
            // Anthropic refuses texts without a visible character.
            Content::Text { text, .. } | Content::Refusal(text) => {
                if !self.own && text.trim().is_empty() {
                    return None;
                }
                Block::Text { text, citations: Vec::new() }
            }
            Content::Image { .. } if is_system => return self.lose(Field::Image),
            Content::Document { .. } if is_system => return self.lose(Field::Document),
            Content::Image { source, detail } => {
                let precise = detail.as_ref().is_some_and(|detail| detail != "auto");
                self.losses.dropped_if(precise, Field::ImageDetail);
                match medium(source) {
                    Some(source) if !matches!(source, Medium::Text { .. }) => Block::Image { source },
                    _ => return self.lose(Field::Image),
                }
            }
            Content::Document { source, name } => return self.document(source, name.as_deref()),
            Content::Audio { .. } => return self.lose(Field::Audio),
            Content::ToolCall(call) => {
                self.losses.dropped_if(call.signature.is_some(), Field::Reasoning);
                if call.custom {
                    // Free text becomes a member of an object.
                    self.losses.approximated(Field::Tools);
                }
                let input = Input::new(&call.arguments, call.custom);
                Block::ToolUse { id: tool_id(&call.id), name: &call.name, input }
            }
            Content::ToolResult(result) => self.result(result),
            Content::Reasoning { text, signature: Some(signature) } if is_own(signature) => {
                Block::Thinking { thinking: text, signature: signature::write(signature) }
            }
            Content::Redacted(data) if is_own(data) => Block::RedactedThinking { data: signature::write(data) },
            Content::Reasoning { text, signature: None } if text.is_empty() => return None,
            Content::Reasoning { .. } | Content::Redacted(_) => return self.lose(Field::Reasoning),
            Content::Foreign { format: Format::Anthropic, value } => Block::Foreign(value),
            Content::Foreign { .. } => return self.lose(Field::Part),
        })
    }

    fn document<'a>(&mut self, source: &'a Source, name: Option<&'a str>) -> Option<Block<'a>> {
        let is_image = |media_type: &str| media_type.starts_with("image/");
        match (source, medium(source)) {
            (Source::Data { media_type, .. }, Some(source)) if is_image(media_type) => Some(Block::Image { source }),
            (Source::Data { media_type, .. }, _) if !self.own && media_type != "application/pdf" => {
                self.lose(Field::Document)
            }
            (_, Some(source)) => Some(Block::Document { source, title: name }),
            (_, None) => self.lose(Field::Document),
        }
    }

    fn result<'a>(&mut self, result: &'a ToolResult) -> Block<'a> {
        Block::ToolResult {
            tool_use_id: tool_id(&result.call),
            content: Blocks(self.entries(&result.parts)),
            is_error: result.is_error,
        }
    }

    fn lose<T>(&mut self, field: Field) -> Option<T> {
        self.losses.dropped(field);
        None
    }
}

fn is_own(signature: &Signature) -> bool {
    signature.format == Format::Anthropic
}

/// `None` for a file that another vendor keeps.
fn medium(source: &Source) -> Option<Medium<'_>> {
    Some(match source {
        Source::Url(url) => Medium::Url { url },
        Source::Data { media_type, data } => {
            // No type that is registered, but a common mistake.
            let media_type = if media_type == "image/jpg" { "image/jpeg" } else { media_type };
            Medium::Base64 { media_type, data }
        }
        Source::Text(data) => Medium::Text { media_type: "text/plain", data },
        Source::File { format: Format::Anthropic, id } => Medium::File { file_id: id },
        Source::File { .. } => return None,
    })
}
