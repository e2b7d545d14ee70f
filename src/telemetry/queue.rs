//! A bounded queue of log lines and the thread that writes them.
//!
//! Lines are appended to one buffer, which the writer takes whole: no allocation and no system call per line, and under
//! load no wake-up either, as the writer looks by itself every few milliseconds as long as there is something to write.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// Bytes that may wait to be written.
const LIMIT: usize = 4 << 20;
/// Lines are gathered this long before they are written.
const GATHER: Duration = Duration::from_millis(20);
/// How long the last lines are waited for: whoever reads them may have stopped reading.
const LAST_LINES: Duration = Duration::from_secs(1);
/// A buffer that has grown beyond this is not kept.
const KEPT: usize = 256 << 10;

/// Where lines are put. Cloning shares the queue.
#[derive(Debug, Clone)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// The writer waits for somebody to wake it.
    asleep: bool,
    closed: bool,
}

/// The writing thread. Dropping it writes what waits and ends it, unless that takes too long.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Queue,
    /// Disconnected when the thread ends.
    ended: mpsc::Receiver<Infallible>,
}

impl Queue {
    /// Puts a line, which ends in a line feed; a full queue drops and counts it.
    pub(super) fn put(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > LIMIT {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.lines.extend_from_slice(line);
        if std::mem::take(&mut waiting.asleep) {
            self.0.wake.notify_one();
        }
    }

    /// Lines that were lost: the queue was full, or they could not be written.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines and takes them; `false`: there are none, and none will come.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() && !waiting.closed {
            waiting.asleep = true;
            waiting = self.0.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(lines, &mut waiting.lines);
        !lines.is_empty()
    }

    /// Gives lines the time to gather, unless there is no more time.
    fn pause(&self) {
        // Nobody notifies a writer that is not asleep but the one who ends it.
        drop(self.0.wake.wait_timeout_while(self.lock(), GATHER, |waiting| !waiting.closed));
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Queue, Self)> {
        let queue = Queue(Arc::default());
        let theirs = queue.clone();
        let (ends, ended) = mpsc::channel();
        std::thread::Builder::new().name("log".into()).spawn(move || {
            write(&theirs, sink);
            drop(ends);
        })?;
        Ok((queue.clone(), Self { queue, ended }))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.0.wake.notify_one();
        // Nothing is ever sent: it ends, or time runs out.
        let _ = self.ended.recv_timeout(LAST_LINES);
    }
}

fn write(queue: &Queue, mut sink: impl Write) {
    let mut lines = Vec::new();
    while queue.take(&mut lines) {
        // There is no other place to say that this one takes nothing.
        if sink.write_all(&lines).and_then(|()| sink.flush()).is_err() {
            let lost = memchr::memchr_iter(b'\n', &lines).count() as u64;
            queue.0.dropped.fetch_add(lost, Ordering::Relaxed);
        }
        lines.clear();
        lines.shrink_to(KEPT);
        queue.pause();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sink that tells what each write held, and takes one only after it was let.
    struct Slow {
        let_go: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.written.send(bytes.to_vec()).unwrap();
            // Whoever has gone lets everything pass.
            let _ = self.let_go.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Stuck {
        let_go: mpsc::Sender<()>,
        queue: Queue,
        writer: Writer,
        written: mpsc::Receiver<Vec<u8>>,
    }

    /// A writer in the middle of its first write.
    fn stuck() -> Stuck {
        let ((let_go, gate), (sender, written)) = (mpsc::channel(), mpsc::channel());
        let (queue, writer) = Writer::start(Slow { let_go: gate, written: sender }).unwrap();
        queue.put(b"first\n");
        assert_eq!(written.recv().unwrap(), b"first\n");
        Stuck { let_go, queue, writer, written }
    }

    #[test]
    fn lines_that_gather_are_written_at_once_and_none_waits_for_ever() {
        let Stuck { let_go, queue, writer, written } = stuck();
        queue.put(b"second\n");
        queue.put(b"third\n");
        let_go.send(()).unwrap();
        assert_eq!(written.recv().unwrap(), b"second\nthird\n");
        drop(let_go);
        queue.put(b"last\n");
        drop(writer);
        assert_eq!(written.recv().unwrap(), b"last\n");
        assert_eq!(queue.dropped(), 0);
    }

    #[test]
    fn a_writer_that_is_stuck_costs_lines_and_no_time() {
        let Stuck { let_go, queue, writer, written } = stuck();
        let line = [b'x'; 1 << 20];
        (0..6).for_each(|_| queue.put(&line));
        assert_eq!(queue.dropped(), 2);
        drop(let_go);
        drop(writer);
        assert_eq!(written.recv().unwrap().len(), LIMIT);
    }

    #[test]
    fn a_writer_that_is_stuck_holds_nobody_at_the_end() {
        let Stuck { let_go: _let_go, writer, .. } = stuck();
        drop(writer);
    }

    #[test]
    fn lines_that_nobody_takes_are_counted() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (queue, writer) = Writer::start(Closed).unwrap();
        queue.put(b"one\n");
        drop(writer);
        assert_eq!(queue.dropped(), 1);
    }
}
