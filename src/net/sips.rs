//! How much is read from a connection at a time.
//!
//! hyper doubles its buffer with each read that fills it, up to what it may hold, and whoever stops reading an answer in
//! its middle leaves a buffer of that size behind. That is right for an answer that is read to its end at once. A stream
//! may have to wait for a client, and thousands may at the same time. Which it is is known when the head has come, and one
//! read that filled the buffer would be enough.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};

/// One byte less than fills the buffer that hyper begins with.
const SIP: u64 = 8191;

/// Whether as much may be read at a time as there is.
#[derive(Debug, Clone, Default)]
pub(super) struct Thirst(Arc<AtomicBool>);

impl Thirst {
    pub(super) fn set(&self, great: bool) {
        self.0.store(great, Ordering::Relaxed);
    }
}

/// A connection that is read in sips, but for great thirst.
#[derive(Debug)]
pub(super) struct Sips<S> {
    stream: Take<S>,
    thirst: Thirst,
}

impl<S: AsyncRead> Sips<S> {
    pub(super) fn new(stream: S, thirst: Thirst) -> Self {
        Self { stream: stream.take(u64::MAX), thirst }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sips<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let limit = if self.thirst.0.load(Ordering::Relaxed) { u64::MAX } else { SIP };
        self.stream.set_limit(limit);
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Sips<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sip_is_less_than_a_read_may_be() {
        let thirst = Thirst::default();
        let bytes = vec![b'x'; 64 << 10];
        let mut reader = Sips::new(&bytes[..], thirst.clone());
        let mut into = vec![0; 32 << 10];
        assert_eq!(reader.read(&mut into).await.unwrap(), SIP as usize);
        thirst.set(true);
        assert_eq!(reader.read(&mut into).await.unwrap(), into.len());
        thirst.set(false);
        assert_eq!(reader.read(&mut into).await.unwrap(), SIP as usize);
    }
}
