//! The real binary, from its start to its end, and what must hold after every test.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::client::{Connection, JSON, get, post};
use super::door::Door;
use super::logs::Logs;
use super::metrics::Scrape;
use super::response::Response;
use super::setup::{Setup, Watched};
use super::{block_on, within};

/// A running `tollgate serve`. Dropping it stops the process and checks that every call left exactly one trace and
/// nothing else behind.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The door for clients.
    pub(crate) door: SocketAddr,
    pub(crate) admin: SocketAddr,
    logs: Arc<Logs>,
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    providers: Vec<Watched>,
    /// Requests to the doors for calls that the gateway must have an end for.
    expected: AtomicUsize,
    _folder: TempDir,
}

/// The executable, with nothing of this process's environment.
pub(crate) fn tollgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The same with so many descriptors. The shell becomes it, so that signals arrive.
fn limited_tollgate(descriptors: u32) -> Command {
    let mut command = Command::new("/bin/sh");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_tollgate"));
    command
}

impl Gateway {
    pub(crate) async fn start(setup: Setup) -> Self {
        let folder = TempDir::new().expect("there is a folder for temporary files");
        let file = folder.path().join("tollgate.toml");
        std::fs::write(&file, setup.text()).expect("the temporary folder can be written");
        let mut command = match setup.descriptors {
            None => tollgate(),
            Some(count) => limited_tollgate(count),
        };
        command.arg("serve").arg("--config").arg(&file).current_dir(folder.path());
        command.envs(&setup.environment);
        let mut child = command.spawn().expect("the binary starts");
        let logs = Logs::follow(child.stderr.take().expect("stderr is piped"));
        let pid = Pid::from_raw(child.id().try_into().expect("process ids are small"));
        let exit = wait_in_background(child);
        let doors = |events: &[Value]| {
            let event = events.iter().find(|event| event["message"] == "listening")?;
            let address = |name: &str| event[name].as_str()?.parse().ok();
            Some((address("listen")?, address("admin")?))
        };
        let Some((door, admin)) = logs.find("the gateway listening", doors).await else {
            panic!("the gateway did not start:\n{}\nwith\n{}", logs.text(), setup.text());
        };
        Self {
            door,
            admin,
            logs,
            pid,
            exit,
            providers: setup.providers,
            expected: AtomicUsize::new(0),
            _folder: folder,
        }
    }

    /// A whole exchange with the chat door.
    pub(crate) async fn chat(&self, request: &Value) -> Response {
        self.chat_with(request, &[]).await
    }

    pub(crate) async fn chat_with(&self, request: &Value, headers: &[&str]) -> Response {
        self.chat_bytes(request.to_string(), &[&[JSON], headers].concat()).await
    }

    /// Any body to the chat door.
    pub(crate) async fn chat_bytes(&self, body: impl AsRef<[u8]>, headers: &[&str]) -> Response {
        self.expect_calls(1);
        let mut connection = Connection::open(self.door).await;
        connection.send(post("/v1/chat/completions", headers, body)).await;
        connection.response().await
    }

    /// A whole exchange with any door for calls.
    pub(crate) async fn call(&self, door: Door, request: &Value) -> Response {
        self.call_with(door, request, &[]).await
    }

    pub(crate) async fn call_with(&self, door: Door, request: &Value, headers: &[&str]) -> Response {
        self.expect_calls(1);
        let headers = [door.headers(), headers].concat();
        self.exchange(self.door, post(door.path(), &headers, request.to_string())).await
    }

    /// The record of the call that was answered so.
    pub(crate) async fn record_of(&self, response: &Response) -> Value {
        let id = response.header("x-request-id").expect("every answer has an id");
        let found = self.logs.find_line(&format!("the record of {id}"), &["\"call ended\"", id]).await;
        found.unwrap_or_else(|| panic!("the gateway ended before the record of {id}"))
    }

    /// Sends a chat request and leaves reading the answer to the test.
    pub(crate) async fn begin(&self, request: &Value) -> Connection {
        self.begin_with(request, &[]).await
    }

    pub(crate) async fn begin_with(&self, request: &Value, headers: &[&str]) -> Connection {
        self.expect_calls(1);
        let mut connection = Connection::open(self.door).await;
        let headers = [&[JSON], headers].concat();
        connection.send(post("/v1/chat/completions", &headers, request.to_string())).await;
        connection
    }

    /// For requests that a test writes by hand.
    pub(crate) fn expect_calls(&self, count: usize) {
        self.expected.fetch_add(count, Ordering::Relaxed);
    }

    /// One exchange of which the connection is not kept.
    pub(crate) async fn exchange(&self, door: SocketAddr, request: impl AsRef<[u8]>) -> Response {
        let mut connection = Connection::open(door).await;
        connection.send(request).await;
        connection.response().await
    }

    pub(crate) async fn get(&self, path: &str, headers: &[&str]) -> Response {
        self.exchange(self.door, get(path, headers)).await
    }

    pub(crate) async fn metrics(&self) -> Scrape {
        Scrape(self.exchange(self.admin, get("/metrics", &[])).await.text())
    }

    pub(crate) fn log_text(&self) -> String {
        self.logs.text()
    }

    /// Waits for this many records, and returns those that are there.
    pub(crate) async fn records(&self, count: usize) -> Vec<Value> {
        let enough = |events: &[Value]| Some(records_of(events)).filter(|records| records.len() >= count);
        let found = self.logs.find(&format!("{count} records"), enough).await;
        found.unwrap_or_else(|| panic!("the gateway ended before it had written {count} records"))
    }

    /// The only record, or the last one of `count`.
    pub(crate) async fn record(&self, count: usize) -> Value {
        self.records(count).await.swap_remove(count - 1)
    }

    /// Waits for a log event.
    pub(crate) async fn event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = self.logs.find(what, |events| events.iter().find(|event| wanted(event)).cloned()).await;
        found.unwrap_or_else(|| panic!("the gateway ended before this: {what}"))
    }

    /// The largest resident size so far, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("the gateway runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<usize>().ok());
        kilobytes.expect("Linux tells the peak") << 10
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        if self.exit.borrow().is_none() {
            // It may end at this very moment.
            let _ = kill(self.pid, Signal::SIGTERM);
        }
    }

    /// Waits for the process's end.
    pub(crate) async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let ended = within("the gateway's end", exit.wait_for(Option::is_some)).await;
        ended.expect("the waiting thread reports").expect("just seen")
    }

    async fn finish(&self) {
        let running = self.exit.borrow().is_none();
        let expected = self.expected.load(Ordering::Relaxed);
        let ends = |events: &[Value]| Some(()).filter(|()| ends_of(events).len() >= expected);
        self.logs.find(&format!("an end of each of {expected} calls, in:\n{}", self.log_text()), ends).await;
        for provider in &self.providers {
            let mut counts = provider.log.counts.subscribe();
            let idle = counts.wait_for(|counts| counts.in_flight == 0);
            let idle = within(&format!("no call left at provider {}", provider.name), idle).await;
            drop(idle.expect("providers outlive the gateway"));
        }
        if running {
            let metrics = self.metrics().await;
            assert!(metrics.has("tollgate_inflight"), "{}", metrics.0);
            assert_eq!(metrics.sum("tollgate_inflight", &[]), 0.0, "calls in flight at the end");
            assert_eq!(metrics.sum("tollgate_calls_total", &[]), expected as f64, "calls counted");
            self.terminate();
        }
        assert!(self.exited().await.success(), "{:?}\n{}", self.exited().await, self.log_text());
        self.logs.find("the end of the logs", |_| None::<()>).await;
        let ends = ends_of(&self.logs.events());
        let unique: BTreeSet<_> = ends.iter().map(|event| event["call.id"].to_string()).collect();
        assert_eq!((ends.len(), unique.len()), (expected, expected), "ends of calls in:\n{}", self.log_text());
        assert!(!self.log_text().contains("panicked at"), "{}", self.log_text());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log_text());
            if self.exit.borrow().is_none() {
                let _ = kill(self.pid, Signal::SIGKILL);
            }
            return;
        }
        if let Err(panic) = block_on(self.finish()) {
            let _ = kill(self.pid, Signal::SIGKILL);
            std::panic::resume_unwind(panic);
        }
    }
}

fn wait_in_background(mut child: Child) -> watch::Receiver<Option<ExitStatus>> {
    let (exited, exit) = watch::channel(None);
    std::thread::spawn(move || exited.send_replace(child.wait().ok()));
    exit
}

fn records_of(events: &[Value]) -> Vec<Value> {
    let record = |event: &&Value| event["message"] == "call ended";
    events.iter().filter(record).cloned().collect()
}

/// What ends a request to a door for calls: a record, or the refusal of what never became a call.
fn ends_of(events: &[Value]) -> Vec<Value> {
    let end = |event: &&Value| {
        let told = event["message"] == "call ended" || event["message"] == "request refused";
        told && event["call.door"].is_string()
    };
    events.iter().filter(end).cloned().collect()
}
