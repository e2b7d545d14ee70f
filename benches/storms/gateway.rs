//! The real `tollgate serve`, with its records and metrics.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::client;
use crate::cost;

const START_WITHIN: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(10);

/// A running gateway. Dropping it kills it.
pub(crate) struct Gateway {
    pub(crate) door: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    records: Arc<Mutex<Records>>,
    _files: TempDir,
}

/// What the log says of calls that have ended.
#[derive(Debug, Default)]
struct Records {
    /// How often each call's id was recorded.
    by_id: HashMap<String, u32>,
    by_outcome: HashMap<String, u64>,
}

impl Gateway {
    /// Starts it with these lines in `[server]`, and these tables.
    pub(crate) async fn start(server: &str, tables: &str) -> io::Result<Self> {
        let files = tempfile::tempdir()?;
        let path = files.path().join("tollgate.toml");
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n{server}\n\
             [auth]\nrequired = false\n[log]\nformat = \"json\"\n{tables}"
        );
        std::fs::write(&path, config)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "MALLOC_CONF" || name == "TOKIO_WORKER_THREADS"))
            .arg("serve")
            .arg("--config")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = child.stderr.take().ok_or(io::ErrorKind::NotFound)?;
        let (records, doors) = (Arc::default(), mpsc::sync_channel(1));
        let (told, listening) = doors;
        let kept = Arc::clone(&records);
        let copy = std::env::var_os("STORMS_LOG").map(File::create).transpose()?;
        std::thread::spawn(move || follow(BufReader::new(log), &kept, &told, copy));
        let listening = tokio::task::spawn_blocking(move || listening.recv_timeout(START_WITHIN));
        let Ok((door, admin)) = listening.await.map_err(io::Error::other)? else {
            let _ = child.kill();
            return Err(io::Error::other("the gateway does not listen"));
        };
        Ok(Self { door, admin, child, records, _files: files })
    }

    /// Resident bytes.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        cost::memory(self.child.id())
    }

    /// The sum of a metric over the series whose line has all of these words.
    pub(crate) async fn metric(&self, name: &str, words: &[&str]) -> io::Result<f64> {
        let text = client::get(self.admin, "/metrics").await?.body;
        let lines = text.lines().filter(|line| line.starts_with(name) && words.iter().all(|word| line.contains(word)));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// How many calls have been recorded, and how many of them more than once.
    pub(crate) fn recorded(&self) -> (u64, u64) {
        let records = self.records();
        let twice = records.by_id.values().filter(|count| **count > 1).count();
        (records.by_id.len() as u64, twice as u64)
    }

    /// How many calls ended so.
    pub(crate) fn ended(&self, outcome: &str) -> u64 {
        self.records().by_outcome.get(outcome).copied().unwrap_or_default()
    }

    /// Waits until so many calls have been recorded; at most for `patience`.
    pub(crate) async fn until_recorded(&self, calls: u64, patience: Duration) {
        let end = Instant::now() + patience;
        while self.recorded().0 < calls && Instant::now() < end {
            sleep(STEP).await;
        }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?)
    }

    /// Waits for its end.
    pub(crate) async fn exited(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let end = Instant::now() + patience;
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= end {
                return Ok(status);
            }
            sleep(STEP).await;
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log to its end.
fn follow(
    log: impl BufRead,
    records: &Mutex<Records>,
    told: &mpsc::SyncSender<(SocketAddr, SocketAddr)>,
    mut copy: Option<File>,
) {
    for line in log.lines().map_while(Result::ok) {
        if let Some(copy) = &mut copy {
            let _ = io::Write::write_all(copy, format!("{line}\n").as_bytes());
        }
        let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        match event["message"].as_str() {
            Some("listening") => {
                let address = |name: &str| event[name].as_str().and_then(|address| address.parse().ok());
                if let (Some(door), Some(admin)) = (address("listen"), address("admin")) {
                    let _ = told.send((door, admin));
                }
            }
            Some("call ended" | "request refused") => {
                let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(id) = text("call.id") {
                    *records.by_id.entry(id).or_default() += 1;
                }
                if let Some(outcome) = text("call.outcome") {
                    *records.by_outcome.entry(outcome).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}
