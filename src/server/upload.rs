//! A request's body on its way in: whole, no larger than it may be, and no slower.
//!
//! One limit cannot serve both ends: a minute is little for 30 MB from a train and plenty for a connection that means to
//! do nothing but be open. So a body has `body_timeout` in all, and must bring something in each stretch of
//! `header_timeout`: who drips is left as soon as one who drips a head.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::config::Server;
use crate::error::GatewayError;

/// What must come at least: the rate at which Apache's `mod_reqtimeout` lets a body go on.
const LEAST_PER_SECOND: f64 = 500.0;

/// Reads the whole body, or says why not. Nothing is read of one that announces too much. The end is waited for even
/// where the length says that nothing is missing: HTTP/2 tells it apart, and resets a stream that is dropped before.
/// Returns also whether the body is memory of its own, and no slice of what was read from the connection.
pub(super) async fn read_body(body: &mut Incoming, server: &Server) -> Result<(Bytes, bool), GatewayError> {
    let mut upload = Upload { limit: server.body_limit, came: Came::Nothing, body };
    if upload.body.size_hint().lower() > upload.limit as u64 {
        return Err(upload.too_large());
    }
    let stretch = server.header_timeout;
    let enough = enough(stretch);
    let begun = Instant::now();
    let end = begun + server.body_timeout;
    let mut due = begun + stretch;
    let mut had = 0;
    loop {
        match timeout_at(due.min(end), upload.read()).await {
            Ok(read) => return read.map(|()| upload.came.into_bytes()),
            Err(_) if due < end && upload.came.len() - had >= enough => {
                had = upload.came.len();
                due += stretch;
            }
            Err(_) => return Err(GatewayError::BodyTimeout),
        }
    }
}

/// Bytes that must come within a stretch of that length.
fn enough(stretch: Duration) -> usize {
    (stretch.as_secs_f64() * LEAST_PER_SECOND) as usize
}

struct Upload<'a> {
    body: &'a mut Incoming,
    limit: usize,
    came: Came,
}

/// What has come so far.
enum Came {
    Nothing,
    /// In one piece, a slice of what was read from the connection.
    Once(Bytes),
    More(BytesMut),
}

impl Upload<'_> {
    /// Reads to the end. Dropped before, it has kept what had come.
    async fn read(&mut self) -> Result<(), GatewayError> {
        while let Some(data) = next_frame(self.body).await? {
            if self.came.len() + data.len() > self.limit {
                return Err(self.too_large());
            }
            let expected = self.body.size_hint().lower() as usize;
            self.came.add(data, expected);
            if matches!(self.came, Came::Once(_)) && expected == 0 && self.body.is_end_stream() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn too_large(&self) -> GatewayError {
        GatewayError::BodyTooLarge { limit: self.limit }
    }
}

impl Came {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Once(piece) => piece.len(),
            Self::More(whole) => whole.len(),
        }
    }

    /// `expected`: bytes that are known to follow.
    fn add(&mut self, data: Bytes, expected: usize) {
        match self {
            Self::Nothing => *self = Self::Once(data),
            Self::Once(first) => {
                let mut whole = BytesMut::with_capacity(first.len() + data.len() + expected);
                whole.extend_from_slice(first);
                whole.extend_from_slice(&data);
                *self = Self::More(whole);
            }
            Self::More(whole) => whole.extend_from_slice(&data),
        }
    }

    fn into_bytes(self) -> (Bytes, bool) {
        match self {
            Self::Nothing => (Bytes::new(), true),
            Self::Once(piece) => (piece, false),
            Self::More(whole) => (whole.freeze(), true),
        }
    }
}

/// The next bytes; trailers are none.
async fn next_frame(body: &mut Incoming) -> Result<Option<Bytes>, GatewayError> {
    match body.frame().await {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(GatewayError::invalid("the request body broke off", None)),
    }
}
