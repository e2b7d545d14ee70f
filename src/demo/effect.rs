//! What becomes of a call that a rule has taken.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// How one call is answered. The default is the provider's ordinary answer.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    /// Silence before the head, on top of the provider's latency.
    pub delay: Duration,
    /// Instead of the provider's pace.
    pub pace: Option<Duration>,
    /// Added to the head, whatever is answered.
    pub headers: HeaderMap,
    pub outcome: Outcome,
    pub ending: Ending,
}

/// What is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Answer,
    Error(StatusCode, ErrorText),
    Garbage(StatusCode, Garbage),
    /// Nothing: the connection stays open until the caller leaves.
    Silence,
    /// Nothing: the connection ends.
    HangUp(HowCut),
}

/// How the body ends. Counts are events on a stream, bytes on any other body; a body that is shorter ends whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ending {
    #[default]
    Whole,
    /// A stream ends without `data: [DONE]`.
    NoDone,
    Cut(usize, HowCut),
    /// Silence until the caller leaves.
    Stall(usize),
    /// A stream goes on with an error event and ends there; a whole answer is the error alone, with status 200.
    Error(usize, ErrorText),
}

/// How a connection ends early.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HowCut {
    /// TCP RST.
    #[default]
    Reset,
    /// TCP FIN.
    Close,
}

/// Bodies that are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Garbage {
    /// A web page, as a proxy in between would send.
    Html,
    /// JSON of another shape.
    Json,
    /// No byte, as `application/json`.
    Empty,
    /// Bytes that are no UTF-8, as `application/json`.
    Binary,
}

impl Garbage {
    /// The content type and the bytes.
    pub(super) fn body(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::Html => ("text/html", b"<!doctype html>\n<title>Simulated</title>\n<h1>Please log in</h1>\n"),
            Self::Json => ("application/json", br#"{"simulated":true,"choices":"none"}"#),
            Self::Empty => ("application/json", b""),
            Self::Binary => ("application/json", b"\xff\xfe\x00\x80\xc3\x28{\x00}\x1f\x8b\xf0\x9f"),
        }
    }
}

/// The three texts of an OpenAI error that a script may choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorText {
    pub message: Option<String>,
    /// `error.type`; what OpenAI says with the status where left out.
    pub kind: Option<String>,
    pub code: Option<String>,
}
