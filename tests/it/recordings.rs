//! Recorded traffic of real providers, replayed: verbatim answers come back byte for byte, and errors as DESIGN 4.5 says.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::*;

/// The folder with recordings and tools, where it is.
fn shared() -> Option<PathBuf> {
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

/// The replaying provider, a process of its own.
struct Replay {
    process: Child,
    base_url: String,
}

impl Replay {
    fn start(shared: &Path) -> Self {
        let mut process = Command::new("python3")
            .arg(shared.join("tools/replay.py"))
            .args(["--port", "0", "--quiet", "--dir"])
            .arg(shared.join("traffic/dev"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs the replaying provider");
        let mut ready = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut ready).expect("the first line says where it is");
        let base_url = ready.trim().strip_prefix("READY ").expect("it is ready").to_owned() + "/v1";
        Self { process, base_url }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A recorded exchange with a chat endpoint.
struct Recording {
    id: String,
    request: Value,
    response: Value,
}

impl Recording {
    /// All of them, in order.
    fn all(shared: &Path) -> Vec<Self> {
        let mut files: Vec<_> = std::fs::read_dir(shared.join("traffic/dev"))
            .expect("the folder is there")
            .map(|entry| entry.expect("the folder can be read").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        files.iter().filter_map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).expect("recordings are text");
        let mut document: Value = serde_json::from_str(&text).expect("recordings are JSON");
        let chat = document["endpoint"] == "chat.completions";
        chat.then(|| Self {
            id: path.file_stem().expect("files have names").to_string_lossy().into_owned(),
            // One has no body: it is asked like the others, with a question of ours.
            request: Some(document["request"]["body"].take()).filter(Value::is_object).unwrap_or_else(|| json!({})),
            response: document["response"].take(),
        })
    }

    fn status(&self) -> u64 {
        self.response["status"].as_u64().expect("answers have a status")
    }

    fn is_stream(&self) -> bool {
        self.response["sse_text"].is_string()
    }

    /// An error inside a stream that began well.
    fn breaks(&self) -> bool {
        let text = self.response["sse_text"].as_str().unwrap_or_default();
        text.contains("\nevent: error") || text.contains("data: {\"error\"")
    }

    /// The recorded request, asking the replaying provider for its recorded answer.
    fn ask(&self) -> Value {
        let tag = format!("[[replay: file={}]]", self.id);
        let stream = self.is_stream() || self.request["stream"] == true;
        with(
            self.request.clone(),
            json!({"model": "replayed", "stream": stream, "messages": [{"role": "user", "content": tag}]}),
        )
    }

    fn choices(&self) -> u64 {
        self.request["n"].as_u64().unwrap_or(1)
    }
}

/// What the replaying provider itself says, without a gateway in between: the bytes to compare with.
async fn direct(replay: &Replay, request: &Value) -> Response {
    let address = replay.base_url.trim_start_matches("http://").trim_end_matches("/v1").parse().expect("an address");
    let mut connection = Connection::open(address).await;
    connection.send(raw_chat(request)).await;
    connection.response().await
}

async fn gateway(replay: &Replay) -> Gateway {
    let lines = "inject_usage = false\nbreaker = { failures = 1000000, open = \"1s\" }\n\
                 models = [{ name = \"replayed\", input = 1, output = 1 }]";
    Gateway::start(Setup::new().provider_at("replay", &replay.base_url, lines)).await
}

#[tokio::test]
async fn good_answers_come_back_byte_for_byte() {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay).await;
    let (mut whole, mut streamed) = (0, 0);
    for recording in Recording::all(&shared) {
        if recording.status() != 200 || recording.breaks() {
            continue;
        }
        let request = recording.ask();
        let expected = direct(&replay, &request).await;
        let response = gateway.chat(&request).await;
        let id = &recording.id;
        assert_eq!((response.status, response.end), (200, End::Whole), "{id}: {}", response.text());
        assert!(
            response.body == expected.body,
            "{id} (n = {}):\n{}\nis not\n{}",
            recording.choices(),
            response.text(),
            expected.text()
        );
        match recording.response["sse_text"].as_str() {
            Some(text) => {
                assert!(response.text() == text, "{id} is not what was recorded");
                streamed += 1;
            }
            None => whole += 1,
        }
        assert_eq!(response.header("content-type"), expected.header("content-type"), "{id}");
    }
    assert!(whole >= 50 && streamed >= 30, "{whole} whole and {streamed} streamed recordings");
    for record in gateway.records(whole + streamed).await {
        assert_eq!(record["call.outcome"], "ok", "{record}");
    }
    eprintln!("{whole} whole and {streamed} streamed recordings came back byte for byte");
}

#[tokio::test]
async fn recorded_requests_reach_the_provider_byte_for_byte() {
    let Some(shared) = shared() else { return };
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "inject_usage = false")).await;
    let mut count = 0;
    for recording in Recording::all(&shared) {
        let Some(model) = recording.request["model"].as_str().filter(|_| recording.status() == 200) else {
            continue;
        };
        let text = recording.request.to_string();
        let asked = text.replace(&format!(r#""model":"{model}""#), &format!(r#""model":"only/{model}""#));
        let response = gateway.chat_bytes(&asked, &[JSON]).await;
        assert_eq!(response.status, 200, "{}: {}", recording.id, response.text());
        assert!(provider.last().text() == text, "{}: the request was changed", recording.id);
        count += 1;
    }
    assert!(count >= 100, "{count} recorded requests");
}

#[tokio::test]
async fn recorded_errors_arrive_as_the_contract_says() {
    let Some(shared) = shared() else { return };
    let replay = Replay::start(&shared);
    let gateway = gateway(&replay).await;
    let mut count = 0;
    for recording in Recording::all(&shared) {
        let response = match (recording.status(), recording.breaks()) {
            (200, false) => continue,
            _ => gateway.chat(&recording.ask()).await,
        };
        count += 1;
        let (id, text) = (&recording.id, response.text());
        eprintln!("{id}: {} -> {} {text:.200}", recording.status(), response.status);
        match recording.status() {
            200 => {
                let recorded = recording.response["sse_text"].as_str().expect("only streams break");
                let kept = recorded.split("event: error").next().expect("there is a beginning");
                response.assert_stream_error();
                assert!(text.starts_with(kept), "{id}: {text}");
            }
            status @ (400 | 413 | 422) => {
                assert_eq!(u64::from(response.status), status, "{id}: {text}");
                assert_eq!(response.json()["error"]["type"], "invalid_request_error", "{id}: {text}");
                assert_eq!(response.header("x-should-retry"), Some("false"), "{id}");
            }
            429 => {
                response.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
                assert!(response.header("retry-after").is_some(), "{id}");
            }
            _ => {
                response.assert_error(502, "api_error", Some("all_providers_failed"));
            }
        }
    }
    assert!(count >= 10, "{count} recorded errors");
}
