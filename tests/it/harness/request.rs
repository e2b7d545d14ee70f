//! A request as a provider sees it.

use std::io;

use serde_json::Value;
use tokio::io::AsyncRead;
use tokio::time::Instant;

use super::wire::{Head, Wire};

/// One request that reached a scripted provider.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case, in the order of the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// When the head had been read.
    pub(crate) at: Instant,
    /// Counted from 0, over all connections of this provider.
    pub(crate) call: usize,
    /// Counted from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(super) fn new(head: &Head, call: usize, connection: usize) -> Self {
        let mut words = head.first_line.split(' ').map(str::to_owned);
        Self {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            headers: head.headers.clone(),
            body: Vec::new(),
            at: Instant::now(),
            call,
            connection,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the gateway sends what was UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the gateway sends JSON")
    }

    pub(crate) fn streamed(&self) -> bool {
        self.json()["stream"] == true
    }
}

/// Reads the body that `head` announces.
pub(super) async fn read_body<R: AsyncRead + Unpin>(wire: &mut Wire<R>, head: &Head) -> io::Result<Vec<u8>> {
    if head.header("transfer-encoding").is_some() {
        let mut body = Vec::new();
        loop {
            let chunk = wire.chunk().await?;
            if chunk.is_empty() {
                return Ok(body);
            }
            body.extend(chunk);
        }
    }
    let length = head.header("content-length").and_then(|value| value.parse().ok());
    wire.exactly(length.unwrap_or(0)).await
}
