//! A request body in pieces: forwarding what a client sent with one word replaced copies nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Pieces that are sent in order under one `Content-Length`. Cloning shares them.
///
/// It is small on purpose: every idle connection holds room for 32 requests (hyper's channel to it comes in blocks).
#[derive(Debug, Clone)]
pub struct RequestBody {
    pieces: Arc<[Bytes]>,
    next: usize,
}

impl RequestBody {
    pub fn new(pieces: impl Into<Arc<[Bytes]>>) -> Self {
        Self { pieces: pieces.into(), next: 0 }
    }

    fn left(&self) -> u64 {
        self.pieces[self.next..].iter().map(|piece| piece.len() as u64).sum()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next;
        let piece = self.pieces.get(next).cloned();
        self.next += usize::from(piece.is_some());
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.next == self.pieces.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
