//! An answer of the gateway, byte for byte.

use std::io;

use serde_json::Value;
use tokio::io::AsyncRead;

use super::wire::{Head, Wire};

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By its length or its last chunk.
    Whole,
    /// The connection broke before.
    Cut,
}

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
    /// Bytes of the body that have been read, kept or not.
    read: usize,
}

impl Response {
    pub(super) fn new(head: Head) -> io::Result<Self> {
        let status = head.first_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Self { status: status.ok_or(io::ErrorKind::InvalidData)?, head, body: Vec::new(), end: End::Whole, read: 0 })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.head.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(json) => json,
            Err(error) => panic!("{} is not JSON ({error}): {}", self.status, self.text()),
        }
    }

    /// The provider that answered.
    #[track_caller]
    pub(crate) fn provider(&self) -> &str {
        match self.header("x-tollgate-provider") {
            Some(provider) => provider,
            None => panic!("no provider answered: {} {}", self.status, self.text()),
        }
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.header("x-tollgate-attempts").and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Checks the error's shape, and that it is this one: status, type and code.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, kind: &str, code: Option<&str>) -> &Self {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(
            self.header("content-type").is_some_and(|value| value.starts_with("application/json")),
            "{:?}",
            self.head
        );
        assert_error_shape(&self.json(), kind, code);
        self
    }

    /// The member that an error blames.
    #[track_caller]
    pub(crate) fn assert_param(&self, param: Option<&str>) -> &Self {
        assert_eq!(self.json()["error"]["param"].as_str(), param, "{}", self.text());
        self
    }

    #[track_caller]
    pub(crate) fn assert_caller_error(&self, status: u16) -> &Self {
        self.assert_error(status, "invalid_request_error", None);
        assert_eq!(self.header("x-should-retry"), Some("false"), "{:?}", self.head);
        self
    }

    /// The error with which a stream must end, and nothing behind it.
    #[track_caller]
    pub(crate) fn assert_stream_error(&self) -> Value {
        let text = self.text();
        assert_eq!((self.status, self.end), (200, End::Whole), "{text}");
        let last = text.strip_suffix("\n\n").and_then(|text| text.rsplit('\n').next());
        let data = last.and_then(|line| line.strip_prefix("data: "));
        let last = data.and_then(|data| serde_json::from_str::<Value>(data).ok());
        let error = match last {
            Some(event) if event["error"].is_object() => event["error"].clone(),
            _ => panic!("the stream does not end with an error: {text}"),
        };
        assert!(!text.contains("[DONE]"), "{text}");
        assert_eq!(text.matches("\"error\"").count(), 1, "{text}");
        error
    }

    /// Reads the body that the head announces.
    pub(super) async fn read_body<R: AsyncRead + Unpin>(&mut self, wire: &mut Wire<R>) {
        while let Some(piece) = self.next_piece(wire).await {
            self.body.extend(piece);
        }
    }

    /// The next piece of the body, which is not kept: a chunk, or what there is. `None` at its end.
    pub(super) async fn next_piece<R: AsyncRead + Unpin>(&mut self, wire: &mut Wire<R>) -> Option<Vec<u8>> {
        let length = self.header("content-length").and_then(|value| value.parse::<usize>().ok());
        let piece = if self.header("transfer-encoding").is_some() {
            wire.chunk().await
        } else if let Some(length) = length {
            wire.some(length - self.read).await
        } else if self.status == 204 || self.status == 304 {
            Ok(Vec::new())
        } else {
            until_close(wire).await
        };
        match piece {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => {
                self.read += piece.len();
                Some(piece)
            }
            Err(_) => {
                self.end = End::Cut;
                None
            }
        }
    }
}

async fn until_close<R: AsyncRead + Unpin>(wire: &mut Wire<R>) -> io::Result<Vec<u8>> {
    while wire.fill().await? > 0 {}
    Ok(std::mem::take(&mut wire.buffer))
}

#[track_caller]
pub(crate) fn assert_error_shape(document: &Value, kind: &str, code: Option<&str>) {
    let members = |value: &Value| {
        let mut names: Vec<_> = value.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect();
        names.sort();
        names
    };
    assert_eq!(members(document), ["error"], "{document}");
    let error = &document["error"];
    assert_eq!(members(error), ["code", "message", "param", "type"], "{document}");
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{document}");
    assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some(kind), code), "{document}");
}
