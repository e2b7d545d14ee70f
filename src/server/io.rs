//! A client's connection under our clocks.
//!
//! hyper's header timeout also closes connections that are merely idle between two requests. Here the two are told
//! apart: a request head must be whole within `header_timeout` of its first byte, an idle connection may stay a while.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a connection may be idle between two requests (nginx: 75 s).
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Requests of a connection that are being answered.
#[derive(Debug, Default)]
pub(super) struct Busy(AtomicUsize);

/// One of them.
#[derive(Debug)]
pub(super) struct BusyGuard(Arc<Busy>);

impl Busy {
    pub(super) fn enter(self: &Arc<Self>) -> BusyGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        BusyGuard(Arc::clone(self))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stream, with what was read of it for the first check put back in front.
pub(super) struct ClientIo {
    stream: TcpStream,
    read_before: Bytes,
    busy: Arc<Busy>,
    header_timeout: Duration,
    /// What the connection waits for while no request is being answered.
    phase: Phase,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Answering,
    Idle { since: Instant },
    Head { since: Instant },
}

impl ClientIo {
    pub(super) fn new(stream: TcpStream, read_before: Bytes, busy: Arc<Busy>, header_timeout: Duration) -> Self {
        Self { stream, read_before, busy, header_timeout, phase: Phase::Answering, timer: None }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Called when there is nothing to read: has the wait been too long?
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.busy.is_idle() {
            self.phase = Phase::Answering;
            return Poll::Pending;
        }
        if matches!(self.phase, Phase::Answering) {
            self.phase = Phase::Idle { since: Instant::now() };
        }
        let limit = match self.phase {
            Phase::Head { since } => since + self.header_timeout,
            Phase::Idle { since } => since + KEEP_ALIVE,
            Phase::Answering => return Poll::Pending,
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(limit)));
        if timer.deadline() > limit {
            timer.as_mut().reset(limit);
        }
        ready!(timer.as_mut().poll(cx));
        if Instant::now() >= limit {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        timer.as_mut().reset(limit);
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.read_before.is_empty() {
            let part = self.read_before.len().min(buf.remaining());
            buf.put_slice(&self.read_before[..part]);
            self.read_before.advance(part);
            if self.read_before.is_empty() {
                // An empty slice would still keep its buffer.
                self.read_before = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if Pin::new(&mut self.stream).poll_read(cx, buf)?.is_pending() {
            return self.poll_patience(cx);
        }
        // Bytes that come while nothing is being answered are the beginning of a head.
        if buf.filled().len() > before && self.busy.is_idle() && !matches!(self.phase, Phase::Head { .. }) {
            self.phase = Phase::Head { since: Instant::now() };
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
