//! `tests/golden/DIALECT/SCENARIO.json`: what a request becomes on its way, and what the provider's answer becomes.
//!
//! A file says what the client sends (`door`, `request`, `headers`) to a provider of `kind`, and what that answers
//! (`answer`, with `status`; or `events`). It expects what the provider must get (`path`, `sent`, `sent_headers`), what
//! was lost on the way (`dropped`), and what the client must get (`reply`, `reply_status`; or `reply_events`). Ids that
//! the gateway makes and its clock are written `ID` and 0. Streams are played as events and one byte at a time.
//!
//! `TOLLGATE_ACCEPT_GOLDEN=1 cargo test --test it golden::` writes what is expected anew; read the difference.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::harness::*;
use crate::upstreams::Cut;

const DIALECTS: [&str; 9] = [
    "openai_chat",
    "openai_completions",
    "openai_responses",
    "anthropic",
    "gemini",
    "cohere",
    "mistral",
    "azure",
    "embeddings",
];

struct Golden {
    path: PathBuf,
    document: Value,
}

impl Golden {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).expect("golden files can be read");
        let document = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, document }
    }

    fn name(&self) -> String {
        let parts: Vec<_> = self.path.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
        format!("{}/{}", parts[1], parts[0])
    }

    fn word(&self, name: &str) -> &str {
        self.document[name].as_str().unwrap_or_default()
    }

    fn door(&self) -> Door {
        match self.word("door") {
            "chat" => Door::Chat,
            "completions" => Door::Completions,
            "responses" => Door::Responses,
            "messages" => Door::Messages,
            "embeddings" => Door::Embeddings,
            "count_tokens" => Door::CountTokens,
            other => panic!("{}: no door {other}", self.name()),
        }
    }

    /// Each as the provider writes it. Text is raw.
    fn events(&self) -> Option<Vec<String>> {
        let end = if self.document["crlf"] == true { "\r\n" } else { "\n" };
        let write = |event: &Value| {
            if let Some(text) = event.as_str() {
                return text.to_owned();
            }
            let name = event["event"].as_str().map(|name| format!("event: {name}{end}")).unwrap_or_default();
            let data = match &event["data"] {
                Value::String(text) => text.clone(),
                data => data.to_string(),
            };
            format!("{name}data: {data}{end}{end}")
        };
        Some(self.document["events"].as_array()?.iter().map(write).collect())
    }

    fn reply(&self, cut: Cut) -> Reply {
        let status = self.document["status"].as_u64().map_or(200, |status| status.try_into().expect("a status"));
        match self.events() {
            Some(events) => Reply::stream(cut.pieces(&events)).status(status),
            None => Reply::new(status, "application/json", self.document["answer"].to_string()),
        }
    }

    /// What happened, under the names that the file has for it.
    async fn play(&self, cut: Cut) -> Map<String, Value> {
        let provider = Scripted::always(self.reply(cut)).await;
        let request = &self.document["request"];
        let (kind, model) = (self.word("kind"), request["model"].as_str().expect("requests name a model"));
        let more = self.word("provider");
        // All that the price table would say, which is none of these files' business.
        let lines = format!(
            "kind = \"{kind}\"\napi_keys = [\"sk-golden\"]\nmodels = [{{ name = \"{model}\", input = 1, output = 1, context = 200000, max_output = 50000, vision = true, tools = true }}]\n{more}"
        );
        let gateway = Gateway::start(Setup::new().provider("golden", &provider, &lines)).await;
        let headers: Vec<_> =
            self.document["headers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let response = gateway.call_with(self.door(), request, &headers).await;
        let mut happened = Map::new();
        // A call that is refused here has nothing for the provider.
        if let Some(seen) = provider.seen().pop() {
            happened.insert("path".to_owned(), seen.path.clone().into());
            let wanted = self.document["sent_headers"].as_object().into_iter().flat_map(Map::keys);
            let sent_headers: Map<_, _> = wanted.map(|name| (name.clone(), seen.header(name).into())).collect();
            if !sent_headers.is_empty() {
                happened.insert("sent_headers".to_owned(), sent_headers.into());
            }
            happened.insert("sent".to_owned(), seen.json());
        }
        let dropped = response.header("x-tollgate-dropped-params").unwrap_or_default();
        let dropped: Vec<_> = dropped.split(',').map(str::trim).filter(|field| !field.is_empty()).collect();
        happened.insert("dropped".to_owned(), dropped.into());
        let plain = Normal::of(&response);
        if response.status != 200 {
            happened.insert("reply_status".to_owned(), response.status.into());
        }
        if response.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            happened.insert("reply_events".to_owned(), plain.events(&response.text()));
        } else {
            happened.insert("reply".to_owned(), plain.value(response.json()));
        }
        happened
    }

    /// What is not as the file says.
    async fn fault(&self, cut: Cut) -> Option<String> {
        let happened = self.play(cut).await;
        let expected = |name: &str| Some(&self.document[name]).filter(|value| !value.is_null());
        let names = ["path", "sent_headers", "sent", "dropped", "reply_status", "reply", "reply_events"];
        let wrong = names.iter().filter(|name| expected(name) != happened.get(**name));
        let told: Vec<_> = wrong
            .map(|name| {
                let [found, expected] = [happened.get(*name), expected(name)].map(|value| value.map(Value::to_string));
                format!("{name}:\n  {}\nis not\n  {}", found.unwrap_or_default(), expected.unwrap_or_default())
            })
            .collect();
        (!told.is_empty()).then(|| format!("{} ({cut:?}): {}", self.name(), told.join("\n")))
    }

    async fn accept(&self) {
        let happened = self.play(Cut::Events).await;
        let mut document = self.document.clone();
        let members = document.as_object_mut().expect("golden files are objects");
        for name in ["path", "sent", "dropped", "reply_status", "reply", "reply_events"] {
            members.shift_remove(name);
        }
        members.extend(happened);
        // A client's reading order: the request, what became of it, the answer, what became of that.
        let answer = ["status", "answer", "crlf", "events"].map(|name| members.shift_remove_entry(name));
        let reply = ["reply_status", "reply", "reply_events"].map(|name| members.shift_remove_entry(name));
        members.extend(answer.into_iter().chain(reply).flatten());
        let mut text = String::new();
        lay_out(&document, 0, &mut text);
        std::fs::write(&self.path, text + "\n").expect("golden files can be written");
    }
}

/// Pretty JSON in which what fits a line stays on it.
fn lay_out(value: &Value, depth: usize, text: &mut String) {
    const WIDTH: usize = 200;
    let flat = value.to_string();
    let (open, close, members): (_, _, Vec<_>) = match value {
        Value::Object(members) if depth == 0 || 2 * depth + flat.len() > WIDTH => {
            ('{', '}', members.iter().map(|(name, member)| (Some(name), member)).collect())
        }
        Value::Array(members) if 2 * depth + flat.len() > WIDTH => {
            ('[', ']', members.iter().map(|member| (None, member)).collect())
        }
        _ => {
            *text += &flat;
            return;
        }
    };
    text.push(open);
    for (place, (name, member)) in members.iter().enumerate() {
        text.push_str(if place == 0 { "\n" } else { ",\n" });
        *text += &"  ".repeat(depth + 1);
        if let Some(name) = name {
            *text += &Value::from(name.as_str()).to_string();
            *text += ": ";
        }
        lay_out(member, depth + 1, text);
    }
    text.push('\n');
    *text += &"  ".repeat(depth);
    text.push(close);
}

/// Takes out of an answer what is another one every time.
struct Normal {
    ids: [String; 2],
}

impl Normal {
    fn of(response: &Response) -> Self {
        let id = response.header("x-request-id").expect("every answer has an id").to_owned();
        Self { ids: [id.replace('-', ""), id] }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.ids.iter().fold(text, |text, id| text.replace(id, "ID")).into(),
            Value::Array(members) => members.into_iter().map(|member| self.value(member)).collect(),
            Value::Object(members) => {
                let normal = |(name, member): (String, Value)| {
                    // A clock's reading, not a provider's constant.
                    let now = ["created", "created_at"].contains(&&*name)
                        && member.as_u64().is_some_and(|seconds| seconds > 1_760_000_000);
                    let member = if now { 0.into() } else { self.value(member) };
                    (name, member)
                };
                Value::Object(members.into_iter().map(normal).collect())
            }
            other => other,
        }
    }

    /// Each event as its name, if it has one, and its data.
    fn events(&self, text: &str) -> Value {
        let blocks = text.split("\n\n").filter(|block| !block.is_empty());
        let event = |block: &str| {
            let mut event = Map::new();
            for line in block.lines() {
                if let Some(name) = line.strip_prefix("event: ") {
                    event.insert("event".to_owned(), name.into());
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let data = serde_json::from_str(data).map_or_else(|_| data.into(), |data| self.value(data));
                    event.insert("data".to_owned(), data);
                } else {
                    event.insert("line".to_owned(), line.into());
                }
            }
            Value::Object(event)
        };
        blocks.map(event).collect()
    }
}

fn goldens() -> Vec<Golden> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files = Vec::new();
    for dialect in DIALECTS {
        let entries = std::fs::read_dir(root.join(dialect)).unwrap_or_else(|error| panic!("{dialect}: {error}"));
        files.extend(entries.map(|entry| entry.expect("the folder can be read").path()));
    }
    files.sort();
    files.into_iter().map(Golden::read).collect()
}

fn is_accepting() -> bool {
    std::env::var_os("TOLLGATE_ACCEPT_GOLDEN").is_some_and(|accept| accept == "1")
}

#[tokio::test]
async fn goldens_hold() {
    let goldens = goldens();
    if is_accepting() {
        for golden in &goldens {
            golden.accept().await;
        }
        return;
    }
    let mut tries = Vec::new();
    for golden in &goldens {
        tries.push(golden.fault(Cut::Events));
        if golden.document["events"].is_array() {
            tries.push(golden.fault(Cut::Bytes));
        }
    }
    let count = tries.len();
    let faults: Vec<_> = futures_util::future::join_all(tries).await.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{} of {count} goldens:\n{}", faults.len(), faults.join("\n\n"));
    assert!(goldens.len() >= 40, "{} golden files", goldens.len());
}

#[test]
fn every_dialect_has_a_full_scenario_and_each_file_its_expectations() {
    if is_accepting() {
        return;
    }
    let goldens = goldens();
    for dialect in DIALECTS {
        let full = goldens.iter().any(|golden| golden.name() == format!("{dialect}/full.json"));
        assert!(full, "{dialect} has no full.json");
    }
    for golden in goldens {
        let expects = |name: &str| !golden.document[name].is_null();
        assert!(expects("dropped") && (expects("reply") || expects("reply_events")), "{}", golden.name());
        assert_eq!(golden.document["about"].as_str().map(str::is_empty), Some(false), "{}: no `about`", golden.name());
    }
}
