//! Events as lines of JSON: `{"timestamp":…,"level":…,<the event's own fields>,"target":…}`.
//!
//! tracing-subscriber's own formatter writes the same, for nine times the instructions, which at one line per call
//! was a quarter of what a call cost.

use std::cell::RefCell;
use std::fmt::{self, Write};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::queue::Queue;
use super::timestamp::Timestamp;

/// Puts each event into the queue.
pub(super) struct JsonLines(pub(super) Queue);

thread_local! {
    /// The line that a thread is writing; kept for its memory.
    static LINE: RefCell<(Vec<u8>, Timestamp)> = RefCell::default();
}

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        LINE.with(|line| {
            // An event that is sent while a field of another is being formatted is left out.
            if let Ok(mut line) = line.try_borrow_mut() {
                let (line, timestamp) = &mut *line;
                line.clear();
                write_event(line, timestamp, event);
                self.0.put(line);
            }
        });
    }
}

fn write_event(line: &mut Vec<u8>, timestamp: &mut Timestamp, event: &Event<'_>) {
    line.extend_from_slice(b"{\"timestamp\":\"");
    timestamp.write(line);
    line.extend_from_slice(b"\",\"level\":\"");
    line.extend_from_slice(event.metadata().level().as_str().as_bytes());
    line.push(b'"');
    event.record(&mut Fields(line));
    Fields(line).add("target", event.metadata().target());
    line.extend_from_slice(b"}\n");
}

/// Members of an object that has some already.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        // The names are in our sources, and none needs an escape.
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn add(&mut self, name: &str, value: impl Serialize) {
        self.name(name);
        to_json(self.0, value);
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field.name());
        self.0.push(b'"');
        // It cannot fail unless the value's own formatting does, and then what there is stands.
        let _ = write!(Inside(self.0), "{value:?}");
        self.0.push(b'"');
    }
}

fn to_json(line: &mut Vec<u8>, value: impl Serialize) {
    // Strings and numbers can always be written, and a vector takes them.
    let _ = serde_json::to_writer(line, &value);
}

/// The inside of a string.
struct Inside<'a>(&'a mut Vec<u8>);

impl fmt::Write for Inside<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
        if text.bytes().all(plain) {
            self.0.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let start = self.0.len();
        to_json(self.0, text);
        // Without its quotes.
        self.0.pop();
        self.0.remove(start);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc;

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::queue::Writer;

    struct Sink(mpsc::Sender<Vec<u8>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_holds_every_kind_of_field() {
        let (sender, written) = mpsc::channel();
        let (queue, writer) = Writer::start(Sink(sender)).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(JsonLines(queue)), || {
            let error = io::Error::other("a \"quoted\"\nreason");
            tracing::warn!(
                target: "here",
                {
                    a.text = "\u{7}é\"",
                    a.count = 7_u64,
                    a.negative = -7,
                    a.share = 0.5,
                    a.flag = true,
                    a.display = %"x\\y",
                    a.error = &error as &dyn std::error::Error,
                    a.nothing = None::<u64>,
                },
                "it {}",
                "happened"
            );
        });
        drop(writer);
        let line = written.recv().unwrap();
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let mut line: Value = serde_json::from_slice(&line).unwrap();
        let timestamp = line["timestamp"].take();
        assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
        assert_eq!(
            line,
            json!({
                "timestamp": null, "level": "WARN", "message": "it happened", "a.text": "\u{7}é\"", "a.count": 7,
                "a.negative": -7, "a.share": 0.5, "a.flag": true, "a.display": "x\\y",
                "a.error": "a \"quoted\"\nreason", "target": "here",
            })
        );
    }
}
