//! What a client's stream may look like, door by door, and what it says.
//!
//! Each checker reads the whole text of one stream as a strict client would, and names the rule that is broken. The
//! readers of whole answers beside them return the same [`Said`], so that both forms of an answer can be compared.

mod chat;
mod completions;
mod errors;
mod messages;
mod responses;
mod selftest;

pub(crate) use chat::{check_chat, read_chat};
pub(crate) use completions::{check_completions, read_completions};
pub(crate) use errors::{midway_fault, shape_fault};
pub(crate) use messages::{check_messages, read_messages};
pub(crate) use responses::{check_responses, read_responses};

use serde_json::Value;

use crate::harness::Door;

/// What an answer says, in nobody's format.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) refusal: String,
    pub(crate) tools: Vec<Tool>,
    /// In the door's words.
    pub(crate) finish: String,
    /// Proofs of reasoning, whatever their place.
    pub(crate) signatures: Vec<String>,
    pub(crate) usage: Option<Tokens>,
}

/// A call of a tool; `arguments` is JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tool {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// `input` counts what was read from the provider's cache, as in OpenAI's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cached: u64,
}

/// The rule that a stream breaks, or what it says.
pub(crate) type Checked = Result<Said, String>;

/// The checker of a door's streams. `usage`: whether the client asked for usage, which matters at OpenAI's chat doors.
pub(crate) fn check(door: Door, text: &str, usage: bool) -> Checked {
    match door {
        Door::Chat => check_chat(text, usage),
        Door::Completions => check_completions(text, usage),
        Door::Responses => check_responses(text),
        Door::Messages => check_messages(text),
        Door::Embeddings | Door::CountTokens => Err("numbers are not streamed".to_owned()),
    }
}

/// The reader of a door's whole answers.
pub(crate) fn read(door: Door, answer: &Value) -> Checked {
    match door {
        Door::Chat => read_chat(answer),
        Door::Completions => read_completions(answer),
        Door::Responses => read_responses(answer),
        Door::Messages => read_messages(answer),
        Door::Embeddings | Door::CountTokens => Err("numbers say nothing".to_owned()),
    }
}

/// Returns the broken rule where the condition does not hold.
macro_rules! rule {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}
use rule;

/// One event as the door wrote it.
struct Event<'a> {
    name: Option<&'a str>,
    data: &'a str,
}

impl Event<'_> {
    fn json(&self) -> Result<Value, String> {
        serde_json::from_str(self.data).map_err(|error| format!("not JSON ({error}): {}", self.data))
    }
}

/// Cuts a stream: each event is at most one `event` line, one `data` line and a blank line; comments stand between them.
fn events(text: &str) -> Result<Vec<Event<'_>>, String> {
    let mut events = Vec::new();
    let (mut name, mut data) = (None, None);
    rule!(
        text.ends_with("\n\n"),
        "the stream ends inside an event: {:?}",
        &text[text.floor_char_boundary(text.len().saturating_sub(80))..]
    );
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if let Some(value) = line.strip_prefix("event: ") {
            rule!(name.is_none() && data.is_none(), "a second name in one event: {line}");
            name = Some(value);
        } else if let Some(value) = line.strip_prefix("data: ") {
            rule!(data.is_none(), "two data lines in one event: {line}");
            data = Some(value);
        } else if line.is_empty() {
            match data.take() {
                Some(data) => events.push(Event { name: name.take(), data }),
                None => rule!(name.is_none(), "an event without data"),
            }
        } else {
            rule!(
                line.starts_with(':') && name.is_none() && data.is_none(),
                "a line that is none of an event: {line:?}"
            );
        }
    }
    Ok(events)
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("{name} is no text in {value}"))
}

fn number(value: &Value, name: &str) -> Result<u64, String> {
    value[name].as_u64().ok_or_else(|| format!("{name} is no count in {value}"))
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], String> {
    value[name].as_array().map(Vec::as_slice).ok_or_else(|| format!("{name} is no list in {value}"))
}

/// `usage` as OpenAI's chat and completions have it.
fn read_usage(usage: &Value) -> Result<Tokens, String> {
    let (input, output) = (number(usage, "prompt_tokens")?, number(usage, "completion_tokens")?);
    rule!(number(usage, "total_tokens")? == input + output, "the total is not the sum: {usage}");
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
    rule!(cached <= input, "more is cached than was read: {usage}");
    Ok(Tokens { input, output, cached })
}
