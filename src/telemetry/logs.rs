//! Logs: tracing events, written by a thread of their own behind a bounded queue. A slow disk or terminal costs lines,
//! which are counted, and never a call's time.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::json::JsonLines;
use super::queue::{Queue, Writer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, JSON otherwise.
    Auto,
    Text,
    Json,
}

/// Keeps the writer alive; dropping it writes what is queued.
#[derive(Debug)]
pub struct LogGuard {
    queue: Queue,
    _writer: Writer,
}

impl LogGuard {
    /// Counts the lines that were lost because the queue was full.
    pub fn dropped(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let queue = self.queue.clone();
        move || queue.dropped()
    }
}

/// Sends events to standard error. `filter` is in the syntax of `RUST_LOG`; what cannot be read of it is left out.
/// To be called once in a process; later calls change nothing. An error means that no thread could be started.
pub fn init_logs(format: Format, filter: &str) -> io::Result<LogGuard> {
    let (queue, writer) = Writer::start(io::stderr())?;
    let terminal = io::stderr().is_terminal();
    let events = tracing_subscriber::registry().with(EnvFilter::new(filter));
    let json = format == Format::Json || (format == Format::Auto && !terminal);
    let set = if json {
        tracing::subscriber::set_global_default(events.with(JsonLines(queue.clone())))
    } else {
        let text = tracing_subscriber::fmt::layer().with_ansi(terminal).with_writer(queue.clone());
        tracing::subscriber::set_global_default(events.with(text))
    };
    if set.is_err() {
        tracing::debug!("logs were set up already");
    }
    Ok(LogGuard { queue, _writer: writer })
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = &'a Queue;

    fn make_writer(&'a self) -> &'a Queue {
        self
    }
}

/// tracing-subscriber hands over whole lines.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
