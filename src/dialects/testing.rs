//! Calls for the tests of other rooms.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Invalid, read_envelope};
use crate::call::{Betas, CacheWish, Call, CallId, Caller, Door};

/// A call as the door for chat would make it of a body, with nothing special about it.
pub(crate) fn call(body: &str, caller: Arc<Caller>) -> Call {
    call_at(Door::ChatCompletions, body, caller).expect("a test's body is a request")
}

/// The same at any door; `Err`: the door itself refuses the body.
pub(crate) fn call_at(door: Door, body: &str, caller: Arc<Caller>) -> Result<Call, Invalid> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let now = Instant::now();
    Ok(Call {
        id: CallId::new(),
        client_id: None,
        door,
        caller,
        label: "m".into(),
        route_version: [0; 32],
        envelope: read_envelope(door, &body)?,
        body,
        owns_body: true,
        cache: CacheWish::default(),
        betas: Betas::default(),
        strict: false,
        asked: OnceLock::new(),
        arrived: now,
        read: now,
        deadline: now,
        hurried: false,
        journal: Arc::default(),
    })
}
