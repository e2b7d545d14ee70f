//! Logs: tracing events, written by a thread of their own behind a bounded queue. A slow disk or terminal costs lines,
//! which are counted, and never a call's time.

use std::io::IsTerminal;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that may wait to be written.
const QUEUE: usize = 16_384;

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
    _writer: WorkerGuard,
    dropped: ErrorCounter,
}

impl LogGuard {
    /// Counts the lines that were lost because the queue was full.
    pub fn dropped(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let dropped = self.dropped.clone();
        move || dropped.dropped_lines() as u64
    }
}

/// Sends events to standard error. `filter` is in the syntax of `RUST_LOG`; what cannot be read of it is left out.
/// To be called once in a process; later calls change nothing.
pub fn init_logs(format: Format, filter: &str) -> LogGuard {
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE).finish(std::io::stderr());
    let dropped = writer.error_counter();
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(writer);
    let json = format == Format::Json || (format == Format::Auto && !terminal);
    let set = if json {
        tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish())
    } else {
        tracing::subscriber::set_global_default(builder.with_ansi(terminal).finish())
    };
    if set.is_err() {
        tracing::debug!("logs were set up already");
    }
    LogGuard { _writer: guard, dropped }
}
