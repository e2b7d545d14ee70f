//! A request's envelope, read and checked in one pass over the body.

use std::ops::Range;

use smallvec::SmallVec;
use thiserror::Error;

use crate::api::json::{Kind, Malformed, Scanner, Str};
use crate::api::{Edit, Envelope, MEDIUM_TOKENS, estimate_tokens};

/// Why a body is refused. `param` is the field as OpenAI names it, e.g. `messages[0].role`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Invalid {
    pub message: String,
    pub param: Option<String>,
}

impl Invalid {
    fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            param: Some(param.into()),
        }
    }
}

impl From<Malformed> for Invalid {
    fn from(malformed: Malformed) -> Self {
        Self {
            message: format!("the body is not valid JSON: {malformed}"),
            param: None,
        }
    }
}

/// Members that are read, checked and allowed once. A provider that ignores case must not read another one than we do,
/// so their other spellings are refused too.
const ENVELOPE: [&str; 8] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "user",
];
/// Members that are numbers wherever they are known.
const NUMBERS: [&str; 4] = ["temperature", "top_p", "presence_penalty", "frequency_penalty"];
const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// Reads and checks a chat request. Unknown members are left alone.
pub fn read_envelope(body: &[u8]) -> Result<Envelope, Invalid> {
    let text = std::str::from_utf8(body).map_err(|error| Invalid {
        message: format!("the body is not valid UTF-8: {error}"),
        param: None,
    })?;
    let mut scanner = Scanner::new(text);
    if scanner.kind()? != Kind::Object {
        return Err(Invalid {
            message: "the body must be a JSON object".into(),
            param: None,
        });
    }
    let mut request = Request::default();
    scanner.object(|value, key, start| request.member(value, key, start))?;
    scanner.end()?;
    request.finish(text)
}

/// What has been read so far.
#[derive(Default)]
struct Request {
    /// One bit for each member of [`ENVELOPE`].
    seen: u8,
    model: Option<(String, Range<usize>)>,
    has_messages: bool,
    stream: bool,
    options: Options,
    n: Option<u32>,
    max_tokens: Option<u32>,
    text_bytes: u64,
    media: u64,
    vision: bool,
    tools: bool,
    immaterial: SmallVec<[Range<usize>; 3]>,
}

/// `stream_options`.
#[derive(Default)]
enum Options {
    #[default]
    Absent,
    Null(Range<usize>),
    /// Without `include_usage`; the byte behind the brace, and whether members follow.
    Without {
        inside: usize,
        empty: bool,
    },
    Asked(bool, Range<usize>),
}

impl Request {
    fn member(&mut self, value: &mut Scanner<'_>, key: Str<'_>, start: usize) -> Result<(), Invalid> {
        let key = key.decode();
        self.allow_once(&key)?;
        match key.as_ref() {
            "model" => self.model(value)?,
            "messages" => self.messages(value)?,
            "stream" => self.stream = optional(value, Kind::Bool, "stream", Scanner::bool)?.unwrap_or(false),
            "stream_options" => self.stream_options(value)?,
            "n" => self.n = whole_number(value, "n", 1, 128)?,
            name @ ("max_tokens" | "max_completion_tokens") => {
                self.max_tokens = self.max_tokens.max(whole_number(value, name, 1, i32::MAX as u32)?);
            }
            "user" => drop(optional(value, Kind::String, "user", Scanner::string)?),
            "seed" => drop(optional(value, Kind::Number, "seed", Scanner::number)?),
            name if NUMBERS.contains(&name) => drop(optional(value, Kind::Number, name, Scanner::number)?),
            "tools" | "functions" => self.offered_tools(value)?,
            _ => value.skip()?,
        }
        if matches!(key.as_ref(), "stream" | "stream_options" | "user") {
            self.immaterial.push(start..value.position_behind());
        }
        Ok(())
    }

    fn allow_once(&mut self, key: &str) -> Result<(), Invalid> {
        let Some(place) = ENVELOPE.iter().position(|name| name.eq_ignore_ascii_case(key)) else {
            return Ok(());
        };
        let name = ENVELOPE[place];
        if name != key {
            return Err(Invalid::new(
                name,
                format!("unknown field `{key}`; did you mean `{name}`?"),
            ));
        }
        let bit = 1 << place;
        if self.seen & bit != 0 {
            return Err(Invalid::new(name, format!("`{name}` is given more than once")));
        }
        self.seen |= bit;
        Ok(())
    }

    fn model(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        let kind = value.kind()?;
        if kind != Kind::String {
            return Err(wrong_type("model", Kind::String));
        }
        let start = value.position();
        let model = value.string()?.decode().into_owned();
        if model.is_empty() {
            return Err(Invalid::new("model", "`model` is empty"));
        }
        self.model = Some((model, start..value.position_behind()));
        Ok(())
    }

    fn messages(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        if value.kind()? != Kind::Array {
            return Err(wrong_type("messages", Kind::Array));
        }
        let count = value.array(|message, index| self.message(message, index))?;
        if count == 0 {
            return Err(Invalid::new(
                "messages",
                "`messages` is empty; at least one message is needed",
            ));
        }
        self.has_messages = true;
        Ok(())
    }

    fn message(&mut self, message: &mut Scanner<'_>, index: usize) -> Result<(), Invalid> {
        if message.kind()? != Kind::Object {
            return Err(Invalid::new(
                format!("messages[{index}]"),
                format!("`messages[{index}]` must be an object"),
            ));
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
        Err(Invalid::new(
            format!("messages[{index}].role"),
            format!("`messages[{index}].role` is missing"),
        ))
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
                return Err(Invalid::new(
                    &*field,
                    format!("`{field}` must be a string or an array of parts"),
                ));
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
                        "type" => self.vision |= text == "image_url",
                        "text" => self.text_bytes += text.len() as u64,
                        "data" => self.media += 1,
                        _ if text.starts_with("data:") => self.media += 1,
                        _ => {}
                    }
                    Ok(())
                }
                Kind::Object => self.part(value),
                _ => value.skip().map_err(Invalid::from),
            }
        })
    }

    fn stream_options(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        let start = value.position();
        match value.kind()? {
            Kind::Null => {
                value.null()?;
                self.options = Options::Null(start..value.position_behind());
            }
            Kind::Object => {
                let mut asked = None;
                let mut empty = true;
                value.object(|option, key, _| {
                    empty = false;
                    if key.decode() != "include_usage" {
                        return option.skip().map_err(Invalid::from);
                    }
                    let name = "stream_options.include_usage";
                    if asked.is_some() {
                        return Err(Invalid::new(name, format!("`{name}` is given more than once")));
                    }
                    let start = option.position();
                    let wanted = optional(option, Kind::Bool, name, Scanner::bool)?.unwrap_or(false);
                    asked = Some((wanted, start..option.position_behind()));
                    Ok(())
                })?;
                self.options = match asked {
                    Some((wanted, at)) => Options::Asked(wanted, at),
                    None => Options::Without {
                        inside: start + 1,
                        empty,
                    },
                };
            }
            _ => return Err(wrong_type("stream_options", Kind::Object)),
        }
        Ok(())
    }

    fn offered_tools(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        match value.kind()? {
            Kind::Null => value.null()?,
            Kind::Array => {
                let start = value.position();
                let count = value.array(|tool, _| tool.skip())?;
                self.tools |= count > 0;
                self.text_bytes += (value.position_behind() - start) as u64;
            }
            _ => return Err(wrong_type("tools", Kind::Array)),
        }
        Ok(())
    }

    fn finish(self, text: &str) -> Result<Envelope, Invalid> {
        let (model, model_at) = self.model.ok_or_else(|| Invalid::new("model", "`model` is missing"))?;
        if !self.has_messages {
            return Err(Invalid::new("messages", "`messages` is missing"));
        }
        let (include_usage, ask_usage) = match self.options {
            // A member at the end of the object, behind whatever stands there.
            Options::Absent => {
                let end = text.rfind('}').expect("the body was read as an object");
                (
                    false,
                    Edit {
                        at: end..end,
                        text: r#","stream_options":{"include_usage":true}"#,
                    },
                )
            }
            Options::Null(at) => (
                false,
                Edit {
                    at,
                    text: r#"{"include_usage":true}"#,
                },
            ),
            Options::Without { inside, empty: true } => (
                false,
                Edit {
                    at: inside..inside,
                    text: r#""include_usage":true"#,
                },
            ),
            Options::Without { inside, empty: false } => (
                false,
                Edit {
                    at: inside..inside,
                    text: r#""include_usage":true,"#,
                },
            ),
            Options::Asked(wanted, at) => (wanted, Edit { at, text: "true" }),
        };
        Ok(Envelope {
            model,
            model_at,
            stream: self.stream,
            n: self.n.unwrap_or(1),
            max_tokens: self.max_tokens,
            include_usage,
            ask_usage,
            input_tokens: estimate_tokens(self.text_bytes) + self.media * MEDIUM_TOKENS,
            vision: self.vision,
            tools: self.tools,
            immaterial: self.immaterial,
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
    Err(Invalid::new(
        field(),
        format!("`{}` must be one of {}", field(), ROLES.join(", ")),
    ))
}

/// A value of one kind, or null.
fn optional<'a, T>(
    value: &mut Scanner<'a>,
    wanted: Kind,
    name: &str,
    read: impl FnOnce(&mut Scanner<'a>) -> Result<T, Malformed>,
) -> Result<Option<T>, Invalid> {
    match value.kind()? {
        Kind::Null => Ok(value.null().map(|()| None)?),
        kind if kind == wanted => Ok(Some(read(value)?)),
        _ => Err(wrong_type(name, wanted)),
    }
}

fn whole_number(value: &mut Scanner<'_>, name: &str, least: u32, most: u32) -> Result<Option<u32>, Invalid> {
    let Some(text) = optional(value, Kind::Number, name, Scanner::number)? else {
        return Ok(None);
    };
    match text.parse::<u32>() {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(Invalid::new(
            name,
            format!("`{name}` must be a whole number from {least} to {most}"),
        )),
    }
}

fn wrong_type(name: &str, wanted: Kind) -> Invalid {
    let wanted = match wanted {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::String => "a string",
        Kind::Number => "a number",
        Kind::Bool => "true or false",
        Kind::Null => "null",
    };
    Invalid::new(name, format!("`{name}` must be {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(body: &str) -> Envelope {
        read_envelope(body.as_bytes()).unwrap()
    }

    fn refused(body: &str) -> Option<String> {
        read_envelope(body.as_bytes()).unwrap_err().param
    }

    const MESSAGES: &str = r#""messages":[{"role":"user","content":"hello there"}]"#;

    #[test]
    fn reads_what_routing_needs() {
        let read = envelope(&format!(
            r#"{{"model":"a/b","stream":true,"n":2,"max_tokens":5,"max_completion_tokens":9,"tools":[{{}}],{MESSAGES}}}"#
        ));
        assert_eq!(
            (read.model.as_str(), read.stream, read.n, read.max_tokens),
            ("a/b", true, 2, Some(9))
        );
        assert!(read.tools && !read.vision && !read.include_usage);
        assert_eq!(read.input_tokens, estimate_tokens(11 + 4));
    }

    #[test]
    fn counts_media_by_the_piece() {
        let image = "A".repeat(100_000);
        let read = envelope(&format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":"12345678"}},
            {{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}]}}]}}"#
        ));
        assert_eq!(read.input_tokens, 2 + MEDIUM_TOKENS);
        assert!(read.vision);
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        for (body, param) in [
            (r#"{"messages":[{"role":"user","content":"x"}]}"#.to_owned(), "model"),
            (r#"{"model":"m"}"#.to_owned(), "messages"),
            (r#"{"model":"m","messages":[]}"#.to_owned(), "messages"),
            (r#"{"model":"m","messages":{}}"#.to_owned(), "messages"),
            (r#"{"model":"m","messages":[7]}"#.to_owned(), "messages[0]"),
            (
                r#"{"model":"m","messages":[{"content":"x"}]}"#.to_owned(),
                "messages[0].role",
            ),
            (
                r#"{"model":"m","messages":[{"role":"wizard","content":"x"}]}"#.to_owned(),
                "messages[0].role",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":7}]}"#.to_owned(),
                "messages[0].content",
            ),
            (format!(r#"{{"model":7,{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"","stream":false,{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"m","n":0,{MESSAGES}}}"#), "n"),
            (format!(r#"{{"model":"m","n":129,{MESSAGES}}}"#), "n"),
            (format!(r#"{{"model":"m","n":1.5,{MESSAGES}}}"#), "n"),
            (format!(r#"{{"model":"m","max_tokens":0,{MESSAGES}}}"#), "max_tokens"),
            (
                format!(r#"{{"model":"m","max_tokens":2147483648,{MESSAGES}}}"#),
                "max_tokens",
            ),
            (
                format!(r#"{{"model":"m","max_completion_tokens":-1,{MESSAGES}}}"#),
                "max_completion_tokens",
            ),
            (
                format!(r#"{{"model":"m","temperature":"hot",{MESSAGES}}}"#),
                "temperature",
            ),
            (format!(r#"{{"model":"m","stream":"yes",{MESSAGES}}}"#), "stream"),
            (
                format!(r#"{{"model":"m","stream_options":[],{MESSAGES}}}"#),
                "stream_options",
            ),
            (format!(r#"{{"model":"m","model":"other",{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"m","\u006dodel":"other",{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"m","Model":"other",{MESSAGES}}}"#), "model"),
            (
                format!(r#"{{"model":"m","stream":true,"stream":false,{MESSAGES}}}"#),
                "stream",
            ),
        ] {
            assert_eq!(refused(&body).as_deref(), Some(param), "{body}");
        }
        assert_eq!(refused("{\"model\""), None);
        assert!(read_envelope(b"{\"model\":\"\xff\"}").is_err());
    }

    #[test]
    fn nulls_are_absent() {
        let read = envelope(&format!(
            r#"{{"model":"m","n":null,"stream":null,"max_tokens":null,"user":null,"temperature":null,{MESSAGES}}}"#
        ));
        assert_eq!((read.n, read.stream, read.max_tokens), (1, false, None));
    }

    #[test]
    fn usage_can_be_asked_for_wherever_options_stand() {
        for options in [
            "",
            r#""stream_options":null,"#,
            r#""stream_options": { },"#,
            r#""stream_options":{"x":1},"#,
            r#""stream_options":{"include_usage":false},"#,
        ] {
            let body = format!(r#"{{"model":"m","stream":true,{options}{MESSAGES}}}"#);
            let Edit { at, text } = envelope(&body).ask_usage;
            let asked = format!("{}{text}{}", &body[..at.start], &body[at.end..]);
            assert!(envelope(&asked).include_usage, "{asked}");
        }
    }
}
