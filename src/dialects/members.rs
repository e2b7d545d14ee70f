//! Reading a request's JSON objects member by member, so that what nobody took is known at the end.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::codec::Invalid;

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
