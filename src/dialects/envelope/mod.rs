//! A request's envelope, read and checked in one pass over the body.

mod fields;
mod prompt;
mod stream_options;

use std::ops::Range;

use smallvec::SmallVec;

use self::fields::{optional, whole_number, wrong_type};
use self::prompt::Prompt;
use self::stream_options::StreamOptions;
use super::Invalid;
use crate::api::Envelope;
use crate::api::json::{Kind, Scanner, Str};
use crate::call::Door;

/// What the requests of one door are made of.
struct Shape {
    /// Members that are read, checked and allowed once, the prompt first. A provider that ignores case must not read
    /// another one than we do, so their other spellings are refused too.
    once: &'static [&'static str],
    /// What else of the text the model reads.
    instructions: &'static str,
    /// Members that change nothing of the answer, as bits: their places in `once`.
    immaterial: u8,
    /// The door's vendor takes no request without a limit on the answer's tokens.
    needs_limit: bool,
}

impl Shape {
    const fn of(door: Door) -> &'static Self {
        match door {
            Door::ChatCompletions => &CHAT,
            Door::Completions => &COMPLETIONS,
            Door::Responses => &RESPONSES,
            Door::Embeddings => &EMBEDDINGS,
            Door::Messages => &MESSAGES,
            Door::CountTokens => &COUNT_TOKENS,
        }
    }
}

static CHAT: Shape = Shape {
    once: &["messages", "model", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens", "user"],
    instructions: "",
    immaterial: 1 << 2 | 1 << 3 | 1 << 7,
    needs_limit: false,
};

static COMPLETIONS: Shape = Shape {
    once: &["prompt", "model", "stream", "stream_options", "n", "max_tokens", "user"],
    instructions: "suffix",
    immaterial: 1 << 2 | 1 << 3 | 1 << 6,
    needs_limit: false,
};

static RESPONSES: Shape = Shape {
    once: &["input", "model", "stream", "max_output_tokens", "user"],
    instructions: "instructions",
    immaterial: 1 << 2 | 1 << 4,
    needs_limit: false,
};

static EMBEDDINGS: Shape =
    Shape { once: &["input", "model", "user"], instructions: "", immaterial: 1 << 2, needs_limit: false };

static MESSAGES: Shape = Shape {
    once: &["messages", "model", "stream", "max_tokens"],
    instructions: "system",
    immaterial: 1 << 2,
    needs_limit: true,
};

static COUNT_TOKENS: Shape = Shape { needs_limit: false, ..MESSAGES };

/// Members that are numbers wherever they are known.
const NUMBERS: [&str; 4] = ["temperature", "top_p", "presence_penalty", "frequency_penalty"];

/// Reads and checks a request. Unknown members are left alone.
pub fn read_envelope(door: Door, body: &[u8]) -> Result<Envelope, Invalid> {
    let mut scanner = Scanner::new(body);
    if scanner.kind()? != Kind::Object {
        return Err(Invalid { message: "the body must be a JSON object".into(), param: None });
    }
    let mut request = Request::new(door);
    scanner.object(|value, key, start| request.member(value, key, start))?;
    scanner.end()?;
    request.finish(body)
}

/// What has been read so far.
struct Request {
    door: Door,
    shape: &'static Shape,
    /// One bit for each member of [`Shape::once`].
    seen: u8,
    model: Option<(String, Range<usize>)>,
    prompt: Option<Prompt>,
    stream: bool,
    options: StreamOptions,
    n: Option<u32>,
    max_tokens: Option<u32>,
    /// The key of `max_completion_tokens`, where it stands.
    newer_limit: Option<Range<usize>>,
    /// `max_tokens` is given.
    older_limit: bool,
    /// Bytes of the tools' descriptions, which the model reads too.
    tool_bytes: u64,
    tools: bool,
    immaterial: SmallVec<[Range<usize>; 3]>,
}

impl Request {
    fn new(door: Door) -> Self {
        Self {
            door,
            shape: Shape::of(door),
            seen: 0,
            model: None,
            prompt: None,
            stream: false,
            options: StreamOptions::default(),
            n: None,
            max_tokens: None,
            newer_limit: None,
            older_limit: false,
            tool_bytes: 0,
            tools: false,
            immaterial: SmallVec::new(),
        }
    }

    fn member(&mut self, value: &mut Scanner<'_>, key: Str<'_>, start: usize) -> Result<(), Invalid> {
        let key_at = start..start + key.raw().len() + 2;
        let key = key.decode();
        let place = self.allow_once(&key)?;
        let checked = place.is_some();
        match key.as_ref() {
            "model" => self.model(value)?,
            name if place == Some(0) => self.prompt(value, name)?,
            "stream" if checked => self.stream = optional(value, Kind::Bool, "stream", Scanner::bool)?.unwrap_or(false),
            "stream_options" if checked => self.options = StreamOptions::read(value)?,
            "n" if checked => self.n = whole_number(value, "n", 1, 128)?,
            name @ ("max_tokens" | "max_completion_tokens" | "max_output_tokens") if checked => {
                let limit = whole_number(value, name, 1, i32::MAX as u32)?;
                self.max_tokens = self.max_tokens.max(limit);
                match name {
                    "max_tokens" => self.older_limit = true,
                    _ => self.newer_limit = Some(key_at),
                }
            }
            "user" if checked => drop(optional(value, Kind::String, "user", Scanner::string)?),
            "seed" => drop(optional(value, Kind::Number, "seed", Scanner::number)?),
            name if NUMBERS.contains(&name) => drop(optional(value, Kind::Number, name, Scanner::number)?),
            "tools" | "functions" => self.offered_tools(value)?,
            name if name == self.shape.instructions => {
                let instructions = value.span()?;
                self.tool_bytes += instructions.len() as u64;
            }
            _ => value.skip()?,
        }
        if place.is_some_and(|place| self.shape.immaterial & 1 << place != 0) {
            self.immaterial.push(start..value.position_behind());
        }
        Ok(())
    }

    /// The place of a member that is checked.
    fn allow_once(&mut self, key: &str) -> Result<Option<usize>, Invalid> {
        let Some(place) = self.shape.once.iter().position(|name| name.eq_ignore_ascii_case(key)) else {
            return Ok(None);
        };
        let name = self.shape.once[place];
        if name != key {
            return Err(Invalid::new(name, format!("unknown field `{key}`; did you mean `{name}`?")));
        }
        let bit = 1 << place;
        if self.seen & bit != 0 {
            return Err(Invalid::new(name, format!("`{name}` is given more than once")));
        }
        self.seen |= bit;
        Ok(Some(place))
    }

    fn prompt(&mut self, value: &mut Scanner<'_>, name: &str) -> Result<(), Invalid> {
        let prompt = self.prompt.insert(Prompt::default());
        match self.door {
            Door::ChatCompletions => prompt.read(value),
            Door::Messages | Door::CountTokens => prompt.read_blocks(value),
            Door::Completions | Door::Responses | Door::Embeddings => prompt.read_loose(value, name),
        }
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

    fn offered_tools(&mut self, value: &mut Scanner<'_>) -> Result<(), Invalid> {
        match value.kind()? {
            Kind::Null => value.null()?,
            Kind::Array => {
                let start = value.position();
                let count = value.array(|tool, _| tool.skip())?;
                self.tools |= count > 0;
                self.tool_bytes += (value.position_behind() - start) as u64;
            }
            _ => return Err(wrong_type("tools", Kind::Array)),
        }
        Ok(())
    }

    fn finish(self, body: &[u8]) -> Result<Envelope, Invalid> {
        let (model, model_at) = self.model.ok_or_else(|| Invalid::new("model", "`model` is missing"))?;
        let name = self.shape.once[0];
        let mut prompt = self.prompt.ok_or_else(|| Invalid::new(name, format!("`{name}` is missing")))?;
        if self.shape.needs_limit && self.max_tokens.is_none() {
            return Err(Invalid::new("max_tokens", "`max_tokens` is missing"));
        }
        prompt.text_bytes += self.tool_bytes;
        let (include_usage, ask_usage) = self.options.ask_usage(body);
        Ok(Envelope {
            model,
            model_at,
            stream: self.stream,
            n: self.n.unwrap_or(1),
            max_tokens: self.max_tokens,
            include_usage,
            ask_usage,
            input_tokens: prompt.tokens(),
            vision: prompt.vision,
            tools: self.tools,
            immaterial: self.immaterial,
            newer_limit: self.newer_limit.filter(|_| !self.older_limit),
            embeds: self.door == Door::Embeddings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Edit, MEDIUM_TOKENS, estimate_tokens};

    fn envelope(body: &str) -> Envelope {
        read_envelope(Door::ChatCompletions, body.as_bytes()).unwrap()
    }

    fn refused(body: &str) -> Option<String> {
        read_envelope(Door::ChatCompletions, body.as_bytes()).unwrap_err().param
    }

    const MESSAGES: &str = r#""messages":[{"role":"user","content":"hello there"}]"#;

    #[test]
    fn reads_what_routing_needs() {
        let read = envelope(&format!(
            r#"{{"model":"a/b","stream":true,"n":2,"max_tokens":5,"max_completion_tokens":9,"tools":[{{}}],{MESSAGES}}}"#
        ));
        assert_eq!((read.model.as_str(), read.stream, read.n, read.max_tokens), ("a/b", true, 2, Some(9)));
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
            (r#"{"model":"m","messages":[{"content":"x"}]}"#.to_owned(), "messages[0].role"),
            (r#"{"model":"m","messages":[{"role":"wizard","content":"x"}]}"#.to_owned(), "messages[0].role"),
            (r#"{"model":"m","messages":[{"role":"user","content":7}]}"#.to_owned(), "messages[0].content"),
            (format!(r#"{{"model":7,{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"","stream":false,{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"m","n":0,{MESSAGES}}}"#), "n"),
            (format!(r#"{{"model":"m","n":129,{MESSAGES}}}"#), "n"),
            (format!(r#"{{"model":"m","n":1.5,{MESSAGES}}}"#), "n"),
            (format!(r#"{{"model":"m","max_tokens":0,{MESSAGES}}}"#), "max_tokens"),
            (format!(r#"{{"model":"m","max_tokens":2147483648,{MESSAGES}}}"#), "max_tokens"),
            (format!(r#"{{"model":"m","max_completion_tokens":-1,{MESSAGES}}}"#), "max_completion_tokens"),
            (format!(r#"{{"model":"m","temperature":"hot",{MESSAGES}}}"#), "temperature"),
            (format!(r#"{{"model":"m","stream":"yes",{MESSAGES}}}"#), "stream"),
            (format!(r#"{{"model":"m","stream_options":[],{MESSAGES}}}"#), "stream_options"),
            (format!(r#"{{"model":"m","model":"other",{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"m","\u006dodel":"other",{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"m","Model":"other",{MESSAGES}}}"#), "model"),
            (format!(r#"{{"model":"m","stream":true,"stream":false,{MESSAGES}}}"#), "stream"),
        ] {
            assert_eq!(refused(&body).as_deref(), Some(param), "{body}");
        }
        assert_eq!(refused("{\"model\""), None);
        assert!(read_envelope(Door::ChatCompletions, b"{\"model\":\"\xff\"}").is_err());
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
