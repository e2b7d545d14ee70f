//! The gateway's standard error, line by line as it comes.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::watch;

use super::within;

/// What the gateway has said. Shared with the thread that reads it.
#[derive(Debug, Default)]
pub(super) struct Logs {
    lines: Mutex<Vec<String>>,
    /// Lines so far, and whether there can be more.
    progress: watch::Sender<(usize, bool)>,
}

impl Logs {
    /// Reads until the other side closes, which is the process's end.
    pub(super) fn follow(source: impl Read + Send + 'static) -> Arc<Self> {
        let logs = Arc::new(Self::default());
        let reader = Arc::clone(&logs);
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                let mut lines = reader.lines.lock().expect("no reader panics with the lock");
                lines.push(line);
                let count = lines.len();
                drop(lines);
                reader.progress.send_replace((count, false));
            }
            reader.progress.send_modify(|progress| progress.1 = true);
        });
        logs
    }

    pub(super) fn text(&self) -> String {
        self.lines.lock().expect("no reader panics with the lock").join("\n")
    }

    /// The JSON events so far.
    pub(super) fn events(&self) -> Vec<Value> {
        let lines = self.lines.lock().expect("no reader panics with the lock");
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for an event whose line contains all of these words.
    pub(super) async fn find_line(&self, what: &str, words: &[&str]) -> Option<Value> {
        let mut progress = self.progress.subscribe();
        let mut read = 0;
        let search = async {
            loop {
                let (_, ended) = *progress.borrow_and_update();
                let found = {
                    let lines = self.lines.lock().expect("no reader panics with the lock");
                    let fresh = lines[read..].iter().find(|line| words.iter().all(|word| line.contains(word)));
                    let found = fresh.and_then(|line| serde_json::from_str(line).ok());
                    read = lines.len();
                    found
                };
                if found.is_some() || ended {
                    return found;
                }
                progress.changed().await.expect("the logs outlive who waits for them");
            }
        };
        within(what, search).await
    }

    /// Waits until `found` finds something in the events; `None`: the process ended before.
    pub(super) async fn find<T>(&self, what: &str, mut found: impl FnMut(&[Value]) -> Option<T>) -> Option<T> {
        let mut progress = self.progress.subscribe();
        let search = async {
            loop {
                let ended = progress.borrow_and_update().1;
                match found(&self.events()) {
                    None if !ended => {}
                    found => return found,
                }
                progress.changed().await.expect("the logs outlive who waits for them");
            }
        };
        within(what, search).await
    }
}
