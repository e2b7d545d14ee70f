//! What every codec is made of.
//!
//! A provider's codec has `write_request`, `read_answer` and a [`ReadEvents`]; a door's has `read_request`,
//! `write_answer` and a [`WriteEvents`]. Between them is the common form of [`crate::api::chat`].

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use thiserror::Error;

use crate::api::chat::{Delta, Losses};
use crate::api::json::Malformed;
use crate::error::{FailureClass, Refusal};

/// Why a request is refused. `param` is the field as the door's vendor names it, e.g. `messages[0].role`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Invalid {
    pub message: String,
    pub param: Option<String>,
}

impl Invalid {
    #[cold]
    pub(super) fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), param: Some(param.into()) }
    }
}

impl From<Malformed> for Invalid {
    fn from(malformed: Malformed) -> Self {
        Self { message: format!("the body is not valid JSON: {malformed}"), param: None }
    }
}

/// What a request is written for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The provider's own name of the model.
    pub model: &'a str,
    /// Most tokens that it gives, where that is known.
    pub max_output: Option<u32>,
    /// Usage is to be asked for on a stream, even if the client did not.
    pub ask_usage: bool,
}

/// A request in a provider's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub body: Vec<u8>,
    pub losses: Losses,
}

/// A provider's answer that is none: an error inside a 200, or something that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub class: FailureClass,
    /// What was said of the request, where the class is `CallerError`.
    pub refusal: Option<Refusal>,
}

impl Fault {
    #[cold]
    pub(super) fn new(class: FailureClass) -> Self {
        Self { class, refusal: None }
    }

    #[cold]
    pub(super) fn malformed() -> Self {
        Self::new(FailureClass::Malformed)
    }
}

/// One event of a stream, cut out of its lines.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    pub name: Option<&'a str>,
    pub data: &'a [u8],
}

impl<'a> Event<'a> {
    /// `None` where the lines hold no `data`: a comment, say. Several `data` lines are joined as the standard says.
    /// <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>
    pub fn parse(lines: &'a [u8], joined: &'a mut Vec<u8>) -> Option<Self> {
        let (mut name, mut data) = (None, None);
        let mut rest = split_lines(lines);
        for line in rest.by_ref() {
            if let Some(value) = field(line, b"data") {
                data = Some(value);
                break;
            }
            name = field(line, b"event").or(name);
        }
        let mut more = false;
        for line in rest {
            if let Some(value) = field(line, b"data") {
                if !std::mem::replace(&mut more, true) {
                    joined.clear();
                    joined.extend_from_slice(data.unwrap_or_default());
                }
                joined.push(b'\n');
                joined.extend_from_slice(value);
            }
            name = field(line, b"event").or(name);
        }
        let data = if more { joined.as_slice() } else { data? };
        Some(Self { name: name.and_then(|name| std::str::from_utf8(name).ok()), data })
    }
}

/// What stands between the ends of lines.
pub(super) fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', text) else { return Some(text) };
        rest = Some(&text[end + 1..]);
        Some(&text[..end])
    })
}

pub(super) fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// Reads a provider's stream, event by event.
pub trait ReadEvents: Send + Sync + fmt::Debug {
    /// Appends what the event says. An event that says nothing appends nothing.
    fn read(&mut self, event: Event<'_>, deltas: &mut Vec<Delta>) -> Result<(), Fault>;

    /// Whether the answer is complete, so that the stream may end here.
    fn is_whole(&self) -> bool;
}

/// Writes a client's stream, delta by delta.
pub trait WriteEvents: Send + Sync + fmt::Debug {
    /// Appends whole events, or nothing where the delta has to wait for another.
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>);

    /// The answer is whole: appends all that is still due, the terminator included.
    fn end(&mut self, out: &mut Vec<u8>);

    /// Whether what has been said may be kept until the end, because the format wants it once more or in another order.
    /// Such an answer has a longest length.
    fn holds(&self) -> bool {
        false
    }
}

/// What stands at the head of an answer in every format.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Ours: letters and digits, without a vendor's prefix.
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model's name, where the provider does not say it.
    pub model: String,
    /// The client asked for usage on its stream.
    pub include_usage: bool,
}

/// The id of a tool call that came without one; `call_id` is ours of the whole call, which no other has.
pub(super) fn made_id(call_id: &str, number: impl fmt::Display) -> String {
    format!("call_{call_id}_{number}")
}

/// A count of tokens. What is negative, not whole, textual or absurd is none: a wrong number must neither credit nor
/// ruin anybody.
pub(super) fn count(value: Option<&Value>) -> Option<u64> {
    value?.as_u64().filter(|&count| u32::try_from(count).is_ok())
}

/// An event with a name and a JSON document.
pub(super) fn write_event(name: Option<&str>, data: &impl serde::Serialize, out: &mut Vec<u8>) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut *out, data).expect("maps with text keys always serialise");
    out.extend_from_slice(b"\n\n");
}

/// Where a member stands in a request, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Path::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A JSON object whose members are taken out one by one; what is left is what nobody knew.
#[derive(Debug)]
pub(super) struct Members<'a> {
    /// In order, and of one name perhaps several, of which the last counts. A search for each of the few names that a
    /// format has is cheaper than hashing.
    members: Vec<(String, Value)>,
    path: Path<'a>,
}

impl<'a> Members<'a> {
    /// The top of a request.
    pub(super) fn of_body(body: &[u8]) -> Result<Members<'static>, Invalid> {
        match serde_json::from_slice(body) {
            Ok(Top(members)) => Ok(Members { members, path: Path::Root }),
            Err(error) if error.is_data() => {
                Err(Invalid { message: "the body must be a JSON object".into(), param: None })
            }
            Err(error) => Err(Invalid { message: format!("the body is not valid JSON: {error}"), param: None }),
        }
    }

    pub(super) fn of(value: Value, path: Path<'a>) -> Result<Self, Invalid> {
        match value {
            Value::Object(members) => Ok(Self { members: members.into_iter().collect(), path }),
            _ => Err(wrong(path, "an object")),
        }
    }

    pub(super) fn path(&self) -> Path<'a> {
        self.path
    }

    /// Any value but null.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        let place = self.members.iter().rposition(|(known, _)| known == name)?;
        let (_, value) = self.members.remove(place);
        self.members.retain(|(known, _)| known != name);
        Some(value).filter(|value| !value.is_null())
    }

    /// Looks without taking.
    pub(super) fn peek(&self, name: &str) -> Option<&Value> {
        self.members.iter().rfind(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Option<String>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a string")),
        }
    }

    pub(super) fn require_string(&mut self, name: &str) -> Result<String, Invalid> {
        self.string(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn bool(&mut self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<serde_json::Number>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    pub(super) fn whole(&mut self, name: &str) -> Result<Option<u32>, Invalid> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        match number.as_u64().map(u32::try_from) {
            Some(Ok(whole)) => Ok(Some(whole)),
            _ => Err(self.wrong(name, "a whole number that is not negative")),
        }
    }

    pub(super) fn array(&mut self, name: &str) -> Result<Option<Vec<Value>>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(self.wrong(name, "an array")),
        }
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<serde_json::Map<String, Value>>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => Err(self.wrong(name, "an object")),
        }
    }

    pub(super) fn wrong(&self, name: &str, wanted: &str) -> Invalid {
        wrong(Path::Member(&self.path, name), wanted)
    }

    pub(super) fn missing(&self, name: &str) -> Invalid {
        let field = Path::Member(&self.path, name).to_string();
        Invalid::new(&*field, format!("`{field}` is missing"))
    }

    /// What has not been taken. Nulls say nothing and are left out.
    pub(super) fn rest(self) -> serde_json::Map<String, Value> {
        let mut members: serde_json::Map<_, _> = self.members.into_iter().collect();
        members.retain(|_, value| !value.is_null());
        members
    }
}

/// An object's members without a map around them.
struct Top(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Top(members))
    }
}

#[cold]
pub(super) fn wrong(path: Path<'_>, wanted: &str) -> Invalid {
    let field = path.to_string();
    Invalid::new(&*field, format!("`{field}` must be {wanted}"))
}
