//! A client's connection under our clocks.
//!
//! hyper's header timeout also closes connections that are merely idle between two requests. Here the two are told
//! apart: a request head must be whole within `header_timeout` of its first byte, an idle connection may stay a while.
//! A client that lets what it asked for wait is left as well: only its socket shows that it does not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::busy::{Busy, KEEP_ALIVE};
use super::room::Room;
use crate::net::Alarm;

/// What a client is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the first byte of a connection and for each request head.
    pub header: Duration,
    /// For the client to take anything of what waits for it.
    pub write: Duration,
}

/// The stream, with what was read of it for the first check put back in front.
pub(super) struct ClientIo {
    stream: TcpStream,
    read_before: Bytes,
    busy: Arc<Busy>,
    patience: Patience,
    /// When the first byte of a head came that is not whole yet.
    head_since: Option<Instant>,
    alarm: Alarm,
    /// Since when bytes wait of which the client takes none, or more than the kernel has room for.
    stalled_since: Option<Instant>,
    write_alarm: Alarm,
    room: Room,
}

impl ClientIo {
    pub(super) fn new(stream: TcpStream, read_before: Bytes, busy: Arc<Busy>, patience: Patience) -> Self {
        Self {
            stream,
            read_before,
            busy,
            patience,
            head_since: None,
            alarm: Alarm::default(),
            stalled_since: None,
            write_alarm: Alarm::default(),
            room: Room::default(),
        }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Called when there is nothing to read: has the wait been too long?
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let limit = if !self.busy.is_idle() {
            self.head_since = None;
            if self.alarm.is_set() {
                return Poll::Pending;
            }
            // Nobody tells us when the answer has ended, so that is looked at again later.
            Instant::now() + KEEP_ALIVE
        } else if let Some(since) = self.head_since {
            since + self.patience.header
        } else {
            self.busy.idle_since() + KEEP_ALIVE
        };
        self.alarm.poll(cx, limit).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What became of a write: has the client let it wait for too long?
    fn poll_written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return self.poll_stalled(cx).map(Err);
        }
        self.stalled_since = None;
        written
    }

    /// All has been written: is there room for more, or has the client let it wait for too long?
    fn poll_room(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.room.poll(&self.stream, cx) {
            Poll::Pending => match self.poll_stalled(cx) {
                Poll::Ready(error) => Err(error),
                Poll::Pending => Ok(()),
            },
            Poll::Ready(asked) => {
                self.busy.caught_up();
                self.stalled_since = None;
                cx.waker().wake_by_ref();
                asked
            }
        }
    }

    /// Ready when the client has let something wait for too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let since = *self.stalled_since.get_or_insert_with(Instant::now);
        ready!(self.write_alarm.poll(cx, since + self.patience.write));
        // The kernel would keep what it has for the client until it gives up trying to send it.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(io::ErrorKind::TimedOut.into())
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
        if buf.filled().len() > before && self.busy.is_idle() && self.head_since.is_none() {
            self.head_since = Some(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.poll_written(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.poll_written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.busy.is_ahead() {
            self.poll_room(cx)?;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Patience = Patience { header: Duration::from_secs(10), write: Duration::from_secs(60) };

    async fn connection() -> (ClientIo, TcpStream, Arc<Busy>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let busy = Arc::<Busy>::default();
        (ClientIo::new(stream, Bytes::from_static(b"x"), Arc::clone(&busy), PATIENCE), client, busy)
    }

    // Nothing but a timer is waited for, so the paused clock goes straight to it.
    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_and_one_that_is_answered_does_not() {
        let (mut io, _client, busy) = connection().await;
        assert_eq!(io.read(&mut [0; 8]).await.unwrap(), 1);
        let answering = busy.enter(None);
        let began = Instant::now();
        let read = io.read_u8();
        let answer = async {
            tokio::time::sleep(3 * KEEP_ALIVE).await;
            drop(answering);
        };
        let (read, ()) = tokio::join!(read, answer);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let waited = began.elapsed() - 3 * KEEP_ALIVE;
        assert!((KEEP_ALIVE..KEEP_ALIVE + Duration::from_secs(1)).contains(&waited), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_begun_has_less_time() {
        let (mut io, mut client, _busy) = connection().await;
        assert_eq!(io.read(&mut [0; 8]).await.unwrap(), 1);
        client.write_all(b"GET /").await.unwrap();
        assert_eq!(io.read(&mut [0; 8]).await.unwrap(), 5);
        let began = Instant::now();
        assert_eq!(io.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() <= PATIENCE.header + Duration::from_millis(10));
    }

    /// More than the buffers between the two sides hold.
    static MUCH: [u8; 32 << 20] = [b'x'; 32 << 20];

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_left_and_one_that_takes_a_little_is_not() {
        let (mut io, mut client, _busy) = connection().await;
        {
            let mut writing = pin!(io.write_all(&MUCH));
            assert!(tokio::time::timeout(PATIENCE.write / 2, &mut writing).await.is_err());
            let reading = async {
                let mut scratch = vec![0; 4 << 20];
                client.read_exact(&mut scratch).await.unwrap();
            };
            tokio::select! {
                biased;
                () = reading => {}
                written = &mut writing => panic!("{written:?}"),
            }
            assert!(tokio::time::timeout(PATIENCE.write * 3 / 4, writing).await.is_err());
        }
        assert_eq!(io.write_all(&MUCH).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let waited = io.stalled_since.unwrap().elapsed();
        assert!((PATIENCE.write..PATIENCE.write + Duration::from_secs(1)).contains(&waited), "{waited:?}");
    }
}
