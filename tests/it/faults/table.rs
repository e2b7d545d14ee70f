//! `tests/faults/table.toml` as data.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(super) ways: Vec<String>,
    pub(super) outcome: BTreeMap<String, Outcome>,
    pub(super) fault: Vec<Fault>,
}

/// What comes of a fault, in one word of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    pub(super) says: String,
    /// Where another candidate is there.
    pub(super) with: Answer,
    pub(super) alone: Answer,
}

/// What the caller gets, and how the record calls it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) from: Option<From>,
    pub(super) record: String,
}

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum From {
    Provider,
    Other,
}

/// One thing that a provider does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) what: String,
    pub(super) outcome: String,
    #[serde(default)]
    pub(super) class: Classes,
    pub(super) charged: Charged,
    pub(super) status: Option<u16>,
    pub(super) calls: Option<usize>,
    pub(super) attempts: Option<usize>,
    pub(super) streams: Option<Streams>,
    pub(super) ways: Option<Vec<String>>,
    pub(super) wait: Option<[u64; 2]>,
    pub(super) clock: Option<Clock>,
    pub(super) other: Option<Other>,
    #[serde(default)]
    pub(super) model: String,
    pub(super) keys: Option<usize>,
    #[serde(default)]
    pub(super) estimated: bool,
    #[serde(default)]
    pub(super) warm: bool,
    #[serde(default)]
    pub(super) large: bool,
    #[serde(default)]
    pub(super) but: Vec<But>,
}

/// Cells of a fault that differ. All of the conditions hold for them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct But {
    pub(super) ways: Option<Vec<String>>,
    pub(super) streams: Option<Streams>,
    pub(super) outcome: Option<String>,
    pub(super) class: Option<Classes>,
    pub(super) charged: Option<Charged>,
    pub(super) calls: Option<usize>,
    pub(super) wait: Option<[u64; 2]>,
}

/// A failure class, or several of which chance takes one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMore")]
pub(crate) struct Classes(pub(super) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl std::convert::From<OneOrMore> for Classes {
    fn from(classes: OneOrMore) -> Self {
        match classes {
            OneOrMore::One(class) => Self(vec![class]),
            OneOrMore::More(classes) => Self(classes),
        }
    }
}

/// Who is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Charged {
    Nobody,
    Key,
    Model,
    Provider,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Streams {
    Only,
    Never,
}

/// A limit of the provider that ends the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Clock {
    Connect,
    /// The head of an answer, or a stream's first byte.
    Answer,
    FirstByte,
    Idle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Other {
    Larger,
}

impl Streams {
    pub(super) fn takes(self, stream: bool) -> bool {
        stream == (self == Self::Only)
    }
}

impl Table {
    pub(crate) fn read() -> Self {
        let text = include_str!("../../faults/table.toml");
        toml::from_str(text).unwrap_or_else(|error| panic!("tests/faults/table.toml: {error}"))
    }
}
