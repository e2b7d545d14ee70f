//! The body of an answer, decoded, under the clocks of its attempt.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use tokio::time::Instant;

use super::decode::{Decoder, Undecodable};
use crate::error::{Failure, FailureClass};
use crate::net::{Alarm, NetError, ResponseBody};

/// Reads a body piece by piece. Dropped before its end, it closes the connection.
pub(super) struct Reader {
    body: ResponseBody,
    decoder: Decoder,
    clocks: Clocks,
    ended: bool,
}

/// The clocks of a body, which one alarm serves.
struct Clocks {
    /// The first byte has to come until then.
    first_byte: Option<Instant>,
    /// Silence between two pieces.
    idle: Duration,
    /// The end of the whole attempt.
    end: Instant,
    /// The call's deadline, which holds until the commit.
    deadline: Option<Instant>,
    last_read: Instant,
    alarm: Alarm,
}

/// A body read to its end, or to a limit.
pub(super) enum Collected {
    Whole(Bytes),
    /// What has been read; more follows.
    TooLong(Bytes),
}

impl Reader {
    pub(super) fn new(
        body: ResponseBody,
        decoder: Decoder,
        first_byte: Option<Instant>,
        idle: Duration,
        end: Instant,
        deadline: Instant,
    ) -> Self {
        let clocks = Clocks {
            first_byte,
            idle,
            end,
            deadline: Some(deadline),
            last_read: Instant::now(),
            alarm: Alarm::default(),
        };
        Self { body, decoder, clocks, ended: false }
    }

    /// From the commit on the call's deadline no longer holds.
    pub(super) fn commit(&mut self) {
        self.clocks.deadline = None;
    }

    /// Nothing that matters is to come: the connection is given a moment to end by itself.
    pub(super) fn expect_end(&mut self, within: Duration) {
        self.clocks.end = self.clocks.end.min(Instant::now() + within);
    }

    pub(super) async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next piece, which is not empty.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            if let Some(part) = self.decoder.take() {
                return Poll::Ready(Some(part.map_err(undecodable)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.clocks.first_byte = None;
                    self.clocks.last_read = Instant::now();
                    let piece = frame.into_data().ok().and_then(|data| self.decoder.put(data));
                    if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(broken(&error)))),
                Poll::Ready(None) => {
                    self.ended = true;
                    match self.decoder.end() {
                        Ok(rest) if rest.is_empty() => {}
                        rest => return Poll::Ready(Some(rest.map_err(undecodable))),
                    }
                }
                Poll::Pending => {
                    return self
                        .clocks
                        .poll_run_out(cx)
                        .map(|()| Some(Err(Failure::new(FailureClass::Timeout).billable())));
                }
            }
        }
    }

    /// Reads on until the end, or until more than `limit` bytes are there.
    pub(super) async fn collect(&mut self, begun: Bytes, limit: usize) -> Result<Collected, Failure> {
        // An answer of one piece, which most are, is not copied.
        let Some(second) = self.next().await.transpose()? else {
            return Ok(Collected::Whole(begun));
        };
        let expected = self.body.size_hint().lower() as usize + begun.len() + second.len();
        let mut whole = BytesMut::with_capacity(expected.min(limit));
        whole.extend_from_slice(&begun);
        whole.extend_from_slice(&second);
        while whole.len() <= limit {
            match self.next().await.transpose()? {
                Some(piece) => whole.extend_from_slice(&piece),
                None => return Ok(Collected::Whole(whole.freeze())),
            }
        }
        Ok(Collected::TooLong(whole.freeze()))
    }
}

impl Clocks {
    fn limit(&self) -> Instant {
        let silence = self.first_byte.unwrap_or(self.last_read + self.idle);
        let limit = silence.min(self.end);
        self.deadline.map_or(limit, |deadline| limit.min(deadline))
    }

    /// Ready when one of the clocks has run out.
    fn poll_run_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit();
        self.alarm.poll(cx, limit)
    }
}

fn undecodable(_: Undecodable) -> Failure {
    Failure::new(FailureClass::Malformed).billable()
}

fn is_early_end(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
}

fn broken(error: &NetError) -> Failure {
    // An orderly end before the body's, which hyper tells in three ways, and the connection in a fourth.
    let cut = match error {
        NetError::Broken(Some(error)) => {
            error.is_incomplete_message() || error.is_body_write_aborted() || is_early_end(error)
        }
        NetError::Broken(None) => true,
        _ => false,
    };
    Failure::new(if cut { FailureClass::Truncated } else { FailureClass::Reset }).billable()
}
