//! The streams of an HTTP/2 connection, each of which is left when its client lets it wait.
//!
//! Over HTTP/1.1 the socket shows that a client does not read (see `io`). Here it does not: a client can shut the window
//! of one stream and read all others. hyper asks an answer for its next piece and then waits for the window with that
//! piece in hand, so an answer that has given something and is not asked again waits for its client. It cannot notice
//! that by itself, as nobody polls it; the task in which hyper drives the stream is watched instead. When that is
//! dropped, h2 resets the stream, and the connection's others go on.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::net::Alarm;

/// The longest piece: what hyper has in hand waits in memory, and may wait for long.
const PIECE: usize = 16 << 10;

/// Spawns what drives the streams of one connection.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    /// The stream whose answer was begun and that hyper is about to spawn.
    begun: Arc<Mutex<Option<Arc<Waiting>>>>,
    patience: Duration,
}

/// Since when an answer has waited to be asked for its next piece.
type Waiting = Mutex<Option<Instant>>;

/// One stream, as its answer knows it.
#[derive(Debug)]
pub(super) struct Stream {
    waiting: Arc<Waiting>,
    /// Of bytes that leave in pieces.
    rest: Bytes,
}

impl Streams {
    pub(super) fn new(patience: Duration) -> Self {
        Self { begun: Arc::default(), patience }
    }

    /// To be called when hyper asks for the answer to a request: it spawns the stream's task right after.
    pub(super) fn begin(&self) -> Box<Stream> {
        let waiting = Arc::<Waiting>::default();
        *lock(&self.begun) = Some(Arc::clone(&waiting));
        Box::new(Stream { waiting, rest: Bytes::new() })
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        let waiting = lock(&self.begun).take();
        tokio::spawn(Watched { task: Some(task), waiting, alarm: Alarm::default(), patience: self.patience });
    }
}

impl Stream {
    /// The next piece of what is left of bytes that were too long for one.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let left = self.rest.len();
        (left > 0).then(|| self.rest.split_to(left.min(PIECE)))
    }

    /// As much of `bytes` as leaves at once; the rest comes with [`Self::next`].
    pub(super) fn cut(&mut self, mut bytes: Bytes) -> Bytes {
        if bytes.len() > PIECE {
            self.rest = bytes.split_off(PIECE);
        }
        bytes
    }

    /// As much of a whole answer as leaves at once. Its last byte leaves alone: by then the client has had room for all
    /// others, and until then the wait is watched.
    pub(super) fn cut_whole(&mut self, bytes: &mut Bytes) -> Bytes {
        let last = usize::from(bytes.len() > 1);
        bytes.split_to((bytes.len() - last).min(PIECE))
    }

    /// Takes in whether the answer has just given something, for which room has to be waited for.
    pub(super) fn gave(&self, something: bool) {
        *lock(&self.waiting) = something.then(Instant::now);
    }
}

pin_project! {
    /// A stream's task, until its client has let it wait for too long.
    struct Watched<F> {
        #[pin]
        task: Option<F>,
        waiting: Option<Arc<Waiting>>,
        alarm: Alarm,
        patience: Duration,
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(task) = this.task.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        if task.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let since = this.waiting.as_ref().and_then(|waiting| *lock(waiting));
        let Some(since) = since else { return Poll::Pending };
        ready!(this.alarm.poll(cx, since + *this.patience));
        tracing::debug!("a client has let its stream wait for too long");
        this.task.set(None);
        Poll::Ready(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is always whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn watched(streams: &Streams, task: impl Future + Send) -> impl Future<Output = ()> {
        let waiting = lock(&streams.begun).take();
        Watched { task: Some(task), waiting, alarm: Alarm::default(), patience: PATIENCE }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_ends_when_its_stream_has_waited_for_too_long() {
        let streams = Streams::new(PATIENCE);
        let stream = streams.begin();
        let began = Instant::now();
        let task = async {
            stream.gave(true);
            tokio::time::sleep(PATIENCE / 2).await;
            stream.gave(true);
            pending::<()>().await;
        };
        watched(&streams, task).await;
        assert_eq!(began.elapsed(), PATIENCE + PATIENCE / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_wait_for_its_provider_for_as_long_as_that_takes() {
        let streams = Streams::new(PATIENCE);
        let stream = streams.begin();
        let began = Instant::now();
        let task = async {
            stream.gave(true);
            stream.gave(false);
            tokio::time::sleep(3 * PATIENCE).await;
        };
        watched(&streams, task).await;
        assert_eq!(began.elapsed(), 3 * PATIENCE);
    }

    #[test]
    fn what_is_long_leaves_in_pieces_and_the_last_byte_of_a_whole_answer_alone() {
        let mut stream = Streams::new(PATIENCE).begin();
        let long = Bytes::from(vec![b'x'; 2 * PIECE + 5]);
        let mut lengths = vec![stream.cut(long.clone()).len()];
        lengths.extend(std::iter::from_fn(|| stream.next()).map(|piece| piece.len()));
        assert_eq!(lengths, [PIECE, PIECE, 5]);
        let mut left = long;
        let pieces = std::iter::from_fn(|| (!left.is_empty()).then(|| stream.cut_whole(&mut left).len()));
        assert_eq!(pieces.collect::<Vec<_>>(), [PIECE, PIECE, 4, 1]);
    }
}
