//! Calls for the tests of other rooms.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::time::Instant;

use super::read_envelope;
use crate::call::{Betas, CacheWish, Call, CallId, Caller, Door};

/// A call as the door would make it of a body, with nothing special about it.
pub(crate) fn call(body: &str, caller: Arc<Caller>) -> Call {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let now = Instant::now();
    Call {
        id: CallId::new(),
        client_id: None,
        door: Door::ChatCompletions,
        caller,
        label: "m".into(),
        route_version: [0; 32],
        envelope: read_envelope(Door::ChatCompletions, &body).expect("a test's body is a request"),
        body,
        owns_body: true,
        cache: CacheWish::default(),
        betas: Betas::default(),
        strict: false,
        asked: OnceLock::new(),
        arrived: now,
        read: now,
        deadline: now,
        journal: Arc::default(),
    }
}
