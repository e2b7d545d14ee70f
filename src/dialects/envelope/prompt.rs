//! The messages of a request: their shape is checked, their text and media are counted.

use super::fields::wrong_type;
use crate::api::json::{Kind, Scanner};
use crate::api::{MEDIUM_TOKENS, estimate_tokens};
use crate::dialects::Invalid;

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// What a prompt comes to.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) text_bytes: u64,
    media: u64,
    /// An image is among the media.
    pub(super) vision: bool,
}

impl Prompt {
    /// Estimate: bytes of text / 4, and a fixed amount for each medium.
    pub(super) fn tokens(&self) -> u64 {
        estimate_tokens(self.text_bytes) + self.media * MEDIUM_TOKENS
    }

    pub(super) fn read(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        if value.kind()? != Kind::Array {
            return Err(wrong_type("messages", Kind::Array));
        }
        let count = value.array(|message, index| self.message(message, index))?;
        if count == 0 {
            return Err(Invalid::new("messages", "`messages` is empty; at least one message is needed"));
        }
        Ok(())
    }

    /// Anthropic's messages: the roles are its own affair, and results are parts with parts of their own.
    pub(super) fn read_blocks(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        if value.kind()? != Kind::Array {
            return Err(wrong_type("messages", Kind::Array));
        }
        let count = value.array(|message, index| {
            if message.kind()? != Kind::Object {
                let field = format!("messages[{index}]");
                return Err(Invalid::new(&*field, format!("`{field}` must be an object")));
            }
            self.part(message)
        })?;
        if count == 0 {
            return Err(Invalid::new("messages", "`messages` is empty; at least one message is needed"));
        }
        Ok(())
    }

    /// A text, a list of texts, tokens or items.
    pub(super) fn read_loose(&mut self, value: &mut Scanner<'_>, name: &str) -> Result<(), Invalid> {
        match value.kind()? {
            Kind::String => self.text_bytes += value.string()?.raw().len() as u64,
            Kind::Array => {
                if value.array(|item, _| self.loose(item))? == 0 && name == "input" {
                    return Err(Invalid::new(name, "`input` is empty; at least one is needed"));
                }
            }
            _ => {
                let message = format!("`{name}` must be a string or an array");
                return Err(Invalid::new(name, message));
            }
        }
        Ok(())
    }

    fn loose(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        /// A token that is given by its number stands for this many bytes.
        const TOKEN_BYTES: u64 = 4;
        match value.kind()? {
            Kind::String => self.text_bytes += value.string()?.raw().len() as u64,
            Kind::Array => drop(value.array(|item, _| self.loose(item))?),
            Kind::Object => self.part(value)?,
            Kind::Number => {
                value.number()?;
                self.text_bytes += TOKEN_BYTES;
            }
            _ => value.skip()?,
        }
        Ok(())
    }

    fn message(&mut self, message: &mut Scanner<'_>, index: usize) -> Result<(), Invalid> {
        if message.kind()? != Kind::Object {
            return Err(Invalid::new(format!("messages[{index}]"), format!("`messages[{index}]` must be an object")));
        }
        let mut has_role = false;
        message.object(|value, key, _| {
            match key.decode().as_ref() {
                "role" => {
                    role(value, index)?;
                    has_role = true;
                }
                "content" => self.content(value, index)?,
                // Arguments of earlier calls are text that the provider reads.
                "tool_calls" | "function_call" => self.text_bytes += value.span()?.len() as u64,
                _ => value.skip()?,
            }
            Ok::<_, Invalid>(())
        })?;
        if has_role {
            return Ok(());
        }
        Err(Invalid::new(format!("messages[{index}].role"), format!("`messages[{index}].role` is missing")))
    }

    fn content(&mut self, value: &mut Scanner<'_>, index: usize) -> Result<(), Invalid> {
        match value.kind()? {
            Kind::String => self.text_bytes += value.string()?.raw().len() as u64,
            Kind::Null => value.null()?,
            Kind::Array => drop(value.array(|part, _| match part.kind()? {
                Kind::Object => self.part(part),
                _ => part.skip().map_err(Invalid::from),
            })?),
            _ => {
                let field = format!("messages[{index}].content");
                return Err(Invalid::new(&*field, format!("`{field}` must be a string or an array of parts")));
            }
        }
        Ok(())
    }

    /// A typed part, or an object inside one: its texts and media are counted.
    fn part(&mut self, part: &mut Scanner<'_>) -> Result<(), Invalid> {
        part.object(|value, key, _| {
            let key = key.decode();
            match value.kind()? {
                Kind::String => {
                    let text = value.string()?.raw();
                    match key.as_ref() {
                        "type" => self.vision |= matches!(text, b"image_url" | b"image" | b"input_image"),
                        "text" | "content" | "thinking" | "arguments" | "output" => {
                            self.text_bytes += text.len() as u64;
                        }
                        "data" => self.media += 1,
                        _ if text.starts_with(b"data:") => self.media += 1,
                        _ => {}
                    }
                    Ok(())
                }
                // What a tool is called with is text that the model reads.
                Kind::Object if key == "input" => {
                    self.text_bytes += value.span()?.len() as u64;
                    Ok(())
                }
                Kind::Object => self.part(value),
                Kind::Array if key == "content" || key == "output" => value.array(|item, _| self.loose(item)).map(drop),
                _ => value.skip().map_err(Invalid::from),
            }
        })
    }
}

fn role(value: &mut Scanner<'_>, index: usize) -> Result<(), Invalid> {
    let field = || format!("messages[{index}].role");
    if value.kind()? != Kind::String {
        return Err(wrong_type(&field(), Kind::String));
    }
    if ROLES.contains(&value.string()?.decode().as_ref()) {
        return Ok(());
    }
    Err(Invalid::new(field(), format!("`{}` must be one of {}", field(), ROLES.join(", "))))
}
