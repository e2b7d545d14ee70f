//! Recorded traffic of real providers: the files, and the process that plays them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::client::{Connection, JSON, get, post};
use super::response::Response;

/// The folder with recordings and tools, where it is.
pub(crate) fn shared() -> Option<PathBuf> {
    let folder = match std::env::var_os("TOLLGATE_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let there = folder.join("tools/replay.py").exists() && folder.join("traffic/dev").exists();
    if !there {
        let folder = folder.display();
        eprintln!(
            "SKIPPED: no recordings in {folder}; set TOLLGATE_SHARED to the folder that holds traffic/dev and tools/replay.py"
        );
    }
    there.then_some(folder)
}

/// The replaying provider, a process of its own. It speaks every vendor's format on that vendor's own path.
pub(crate) struct Replay {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Replay {
    pub(crate) fn start(shared: &Path) -> Self {
        Self::start_with(shared, &[])
    }

    pub(crate) fn start_with(shared: &Path, options: &[&str]) -> Self {
        let mut process = Command::new("python3")
            .arg(shared.join("tools/replay.py"))
            .args(["--port", "0", "--quiet"])
            .args(options)
            .arg("--dir")
            .arg(shared.join("traffic/dev"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs the replaying provider");
        let mut ready = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut ready).expect("the first line says where it is");
        let address = ready.trim().strip_prefix("READY http://").and_then(|address| address.parse().ok());
        Self { process, address: address.expect("it is ready") }
    }

    /// Where providers of this kind are configured to be.
    pub(crate) fn base_url(&self, kind: &str) -> String {
        super::setup::base_url(kind, &format!("http://{}", self.address))
    }

    /// What the replaying provider itself says, without a gateway in between.
    pub(crate) async fn direct(&self, path: &str, headers: &[&str], body: &Value) -> Response {
        self.exchange(&post(path, &[&[JSON], headers].concat(), body.to_string())).await
    }

    /// From now on it answers everything that it does not refuse with this script of its own.
    pub(crate) async fn always(&self, script: &str) {
        let rule = serde_json::json!({"do": {"script": script}});
        let response = self.direct("/_replay/rule", &[], &rule).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// The last request that it saw: method, path, headers, body, and why it was refused.
    pub(crate) async fn last_seen(&self) -> Value {
        self.exchange(&get("/_replay/log?n=1", &[])).await.json()[0].take()
    }

    async fn exchange(&self, request: &[u8]) -> Response {
        let mut connection = Connection::open(self.address).await;
        connection.send(request).await;
        connection.response().await
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A recorded exchange.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) endpoint: String,
    /// Empty where the recorder kept none.
    pub(crate) request: Value,
    pub(crate) response: Value,
}

impl Recording {
    /// All that have one of these endpoints, in order.
    pub(crate) fn all(shared: &Path, endpoints: &[&str]) -> Vec<Self> {
        let mut files: Vec<_> = std::fs::read_dir(shared.join("traffic/dev"))
            .expect("the folder is there")
            .map(|entry| entry.expect("the folder can be read").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        let read = files.iter().map(|path| Self::read(path));
        read.filter(|recording| endpoints.contains(&&*recording.endpoint)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("recordings are text");
        let mut document: Value = serde_json::from_str(&text).expect("recordings are JSON");
        let word = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: path.file_stem().expect("files have names").to_string_lossy().into_owned(),
            provider: word("provider"),
            endpoint: word("endpoint"),
            request: Some(document["request"]["body"].take())
                .filter(Value::is_object)
                .unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            response: document["response"].take(),
        }
    }

    pub(crate) fn status(&self) -> u64 {
        self.response["status"].as_u64().expect("answers have a status")
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.response["sse_text"].is_string()
    }

    /// The stream, or nothing.
    pub(crate) fn stream(&self) -> &str {
        self.response["sse_text"].as_str().unwrap_or_default()
    }

    /// An error inside a stream that began well.
    pub(crate) fn breaks(&self) -> bool {
        self.stream().contains("\nevent: error") || self.stream().contains("data: {\"error\"")
    }

    /// A text that asks the replaying provider for this answer; `more` are further directives, each after a space.
    pub(crate) fn tag(&self, more: &str) -> String {
        format!("[[replay: file={}{more}]]", self.id)
    }
}
