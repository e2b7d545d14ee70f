//! What the provider of a cell does.

use std::any::Any;

use super::way::Way;
use super::{answers, statuses, streams, transport};
use crate::harness::*;
use crate::upstreams::{Scenario, scenario};

/// A fault as it is played.
pub(super) struct Doing {
    pub(super) upstream: Upstream,
    /// The body that a client gets to whom bytes pass as they are.
    pub(super) body: Vec<u8>,
    /// The text of an answer that passes.
    pub(super) says: &'static str,
}

pub(super) enum Upstream {
    Plays(Script),
    /// The first key gets this, the others the good answer.
    FirstKey {
        refused: Script,
        good: Script,
    },
    /// Answers before it has read the request.
    Early(Script),
    /// The second request on the first connection finds it closed.
    ClosesAtReuse(Script),
    /// Nobody takes requests at this origin, for as long as the guard lives.
    Nowhere {
        origin: String,
        _guard: Box<dyn Any + Send + Sync>,
    },
}

impl Doing {
    /// An answer, whatever becomes of it.
    pub(super) fn reply(reply: Reply) -> Self {
        let body = reply.bytes();
        Self { upstream: Upstream::Plays(reply.script()), body, says: plain().text }
    }

    pub(super) fn script(script: Script) -> Self {
        Self { upstream: Upstream::Plays(script), body: Vec::new(), says: "" }
    }

    pub(super) fn saying(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    /// The same where the client is meant to get other bytes.
    pub(super) fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// What good answers say, if nothing else is said.
pub(super) fn plain() -> Scenario {
    scenario("text")
}

/// The good answer to a call by this way.
pub(super) fn good(way: Way, stream: bool) -> Reply {
    saying(way, stream, &plain())
}

pub(super) fn saying(way: Way, stream: bool, scenario: &Scenario) -> Reply {
    if stream { Reply::stream(way.events(scenario)) } else { json(way.whole(scenario).to_string()) }
}

pub(super) fn json(body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200, "application/json", body)
}

/// The fault of this name. `trap` is where redirects lead.
pub(super) async fn doing(name: &str, way: Way, stream: bool, trap: &str) -> Doing {
    let known = statuses::doing(name, way, stream, trap)
        .or_else(|| answers::doing(name, way, stream))
        .or_else(|| streams::doing(name, way));
    match known {
        Some(doing) => doing,
        None => transport::doing(name, way, stream).await.unwrap_or_else(|| panic!("nobody can play {name}")),
    }
}
