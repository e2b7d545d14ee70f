//! Playing cells: each has a provider and a model of its own in a gateway that some cells share, one after another.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::cell::Cell;
use super::doing::{Upstream, doing};
use super::table::{Charged, Clock, From, Other};
use super::transport::certificates;
use super::way::Way;
use crate::grammar::{check, midway_fault, read, shape_fault};
use crate::harness::*;
use crate::upstreams::{Vendor, scenario};

/// The longest that a call may take before its answer has begun, and what is granted beyond it.
const DEADLINE: Duration = Duration::from_secs(8);
const GRACE: Duration = Duration::from_millis(500);
/// What the other candidate says.
const OTHER: &str = "From the cache.";
const SECRET: &str = "tg-the-secret-of-the-door";
/// Where the keys of a provider are looked for that must not get anywhere.
const KEYS: [&str; 3] = ["sk-cell-key-one-4711", "sk-cell-key-two-4711", "sk-cell-key-three-4711"];

/// What was wrong with some cells, and how long the slowest took.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) cells: usize,
    pub(crate) wrong: Vec<String>,
    pub(crate) slowest: Duration,
}

impl Verdict {
    pub(crate) fn add(&mut self, other: Self) {
        self.cells += other.cells;
        self.wrong.extend(other.wrong);
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// Plays cells in one gateway.
pub(crate) async fn play(cells: &[Cell]) -> Verdict {
    let trap = Scripted::saying("trapped").await;
    let others = [other().await, other().await];
    let mut setup = Setup::new()
        .server("deadline = \"8s\"\nresponse_limit = \"1MiB\"")
        .table(&format!("[admin]\nsecret = \"{SECRET}\""))
        .env("SSL_CERT_FILE", &certificates().trusted.path().display().to_string())
        .provider("other", &others[0], &lines_of_other(8_000))
        .provider("larger", &others[1], &lines_of_other(100_000));
    let mut playing = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        let doing = doing(&cell.fault.name, cell.way, cell.stream, &format!("http://{}", trap.address)).await;
        let (body, says) = (doing.body.clone(), doing.says);
        let provider = Provider::start(doing.upstream).await;
        let name = format!("c{number}");
        let lines = lines(cell);
        setup = match &provider {
            Provider::Somewhere(scripted) => setup.provider(&name, scripted, &lines),
            Provider::Nowhere { origin, .. } => setup.provider_at(&name, &base_url(cell.way.kind, origin), &lines),
        };
        let own = format!("{name}/m");
        let other = if cell.fault.other == Some(Other::Larger) { "larger/m" } else { "other/m" };
        let targets = if cell.other { vec![own.as_str(), other] } else { vec![own.as_str()] };
        setup = setup.model(&format!("m{number}"), &targets, &format!("strategy = \"ordered\"\n{}", cell.fault.model));
        playing.push(Playing { cell, name, model: format!("m{number}"), provider, body, says });
    }
    let gateway = Gateway::start(setup).await;
    // The first scrape has a connection of its own, as all that follow.
    let tasks = gateway.metrics().await.sum("tollgate_tasks", &[]);
    let mut verdict = Verdict { cells: cells.len(), ..Verdict::default() };
    for one in &playing {
        let mut wrong = Vec::new();
        let took = one.try_it(&gateway, tasks, &mut wrong).await;
        verdict.slowest = verdict.slowest.max(took);
        let log = || {
            gateway
                .log_text()
                .lines()
                .filter(|line| line.contains(&format!("\"{}\"", one.name)))
                .collect::<Vec<_>>()
                .join("\n  ")
        };
        verdict
            .wrong
            .extend((!wrong.is_empty()).then(|| format!("{}:\n  {}\n  {}", one.cell, wrong.join("\n  "), log())));
    }
    if trap.counts().connections > 0 {
        verdict.wrong.push("a redirect was followed".to_owned());
    }
    let log = gateway.log_text();
    verdict.wrong.extend(KEYS.iter().filter(|key| log.contains(**key)).map(|_| "a key is in the log".to_owned()));
    verdict
}

/// A good provider for every door.
async fn other() -> Scripted {
    Scripted::start(|seen| {
        let scenario = scenario("cached");
        if !seen.streamed() {
            return Reply::new(200, "application/json", Vendor::OpenAi.whole(&scenario).to_string()).script();
        }
        let usage = seen.json()["stream_options"]["include_usage"] == true;
        Reply::stream(Vendor::OpenAi.events(&scenario, usage)).script()
    })
    .await
}

fn lines_of_other(context: u32) -> String {
    // Of a kind that answers all doors by way of its chat path.
    format!("kind = \"groq\"\nmodels = [{{ name = \"m\", input = 1, output = 1, context = {context} }}]")
}

/// The provider's table. Its first failure opens its breaker, so that it shows who is charged; and it has one place, so
/// that a place that is lost shows.
fn lines(cell: &Cell) -> String {
    let Way { kind, .. } = cell.way;
    let clocks = match cell.fault.clock {
        None => "",
        Some(Clock::Connect) => "connect = \"400ms\"",
        Some(Clock::Answer) => "first_byte = \"600ms\", response = \"600ms\"",
        Some(Clock::FirstByte) => "first_byte = \"600ms\"",
        Some(Clock::Idle) => "idle = \"1s\"",
    };
    let keys = if cell.way.is_keyless() { 0 } else { cell.fault.keys.unwrap_or(1) };
    let keys = if keys == 0 { String::new() } else { format!("api_keys = {:?}\n", &KEYS[..keys]) };
    format!(
        "kind = \"{kind}\"\n{keys}breaker = {{ failures = 1, open = \"60s\" }}\nlimits = {{ concurrency = 1 }}\n\
         timeouts = {{ {clocks} }}\n\
         models = [{{ name = \"m\", id = \"up-m\", input = 1, output = 10, context = 8000 }}]"
    )
}

enum Provider {
    Somewhere(Scripted),
    Nowhere { origin: String, _guard: Box<dyn std::any::Any + Send + Sync> },
}

impl Provider {
    async fn start(upstream: Upstream) -> Self {
        Self::Somewhere(match upstream {
            Upstream::Plays(script) => Scripted::always(script).await,
            Upstream::Early(script) => Scripted::early(script).await,
            Upstream::FirstKey { refused, good } => {
                let is_first = |seen: &Seen| {
                    let of_key = |(_, value): &(String, String)| value.contains(KEYS[0]);
                    seen.headers.iter().any(of_key)
                };
                Scripted::start(move |seen| if is_first(seen) { refused.clone() } else { good.clone() }).await
            }
            Upstream::ClosesAtReuse(good) => {
                Scripted::start(move |seen| match (seen.connection, seen.call) {
                    (0, 1) => Script(vec![Step::Fin]),
                    _ => good.clone(),
                })
                .await
            }
            Upstream::Nowhere { origin, _guard } => return Self::Nowhere { origin, _guard },
        })
    }

    fn calls(&self) -> usize {
        match self {
            Self::Somewhere(scripted) => scripted.calls(),
            Self::Nowhere { .. } => 0,
        }
    }
}

/// A cell with everything that it needs.
struct Playing<'a> {
    cell: &'a Cell,
    name: String,
    model: String,
    provider: Provider,
    body: Vec<u8>,
    says: &'static str,
}

impl Playing<'_> {
    /// Plays the cell, and says what was wrong.
    async fn try_it(&self, gateway: &Gateway, tasks: f64, wrong: &mut Vec<String>) -> Duration {
        let Cell { fault, way, .. } = self.cell;
        if fault.warm {
            let response = gateway.call(way.door, &self.request()).await;
            wrong.extend((response.status != 200).then(|| format!("the first call: {}", response.text())));
        }
        let calls = self.provider.calls();
        let request = self.request();
        let began = Instant::now();
        let call = tokio::time::timeout(DEADLINE + GRACE, gateway.call(way.door, &request));
        let Ok(response) = call.await else {
            wrong.push("the call hangs".to_owned());
            return began.elapsed();
        };
        let took = began.elapsed();
        self.check_answer(&response, wrong);
        let calls = self.provider.calls() - calls;
        let expected = &self.cell.expected;
        if calls != expected.calls {
            wrong.push(format!("{calls} calls at the provider, not {}", expected.calls));
        }
        self.check_record(&gateway.record_of(&response).await, wrong);
        self.check_metrics(&gateway.metrics().await, wrong);
        self.check_rest(gateway, tasks, wrong).await;
        took
    }

    fn request(&self) -> Value {
        let Cell { fault, way, stream, .. } = self.cell;
        let prompt = if fault.large { "long ".repeat(1 << 18) } else { "Say something".to_owned() };
        let mut request = say(way.door, &self.model, &prompt);
        if fault.name == "arguments_no_json" {
            request = with_tools(way.door, request);
        }
        if !stream {
            return request;
        }
        // Who asks for usage must get it, and here the provider has none to give.
        if fault.estimated && !way.is_verbatim() {
            return with(request, serde_json::json!({"stream": true}));
        }
        streamed(way.door, request)
    }

    fn check_answer(&self, response: &Response, wrong: &mut Vec<String>) {
        let Cell { way, expected, .. } = self.cell;
        let text = response.text();
        let shown = || text.chars().take(600).collect::<String>();
        if response.status != expected.answer.status {
            wrong.push(format!("status {}, not {}: {}", response.status, expected.answer.status, shown()));
            return;
        }
        if KEYS.iter().any(|key| text.contains(key)) {
            wrong.push("a key is in the answer".to_owned());
        }
        if response.attempts() as usize != expected.all_attempts() {
            wrong.push(format!("{} attempts, not {}", response.attempts(), expected.all_attempts()));
        }
        let from = response.header("x-tollgate-provider");
        match expected.answer.from {
            None => self.check_refusal(response, wrong),
            Some(From::Other) => {
                if !from.is_some_and(|from| from == "other" || from == "larger") {
                    wrong.push(format!("answered by {from:?}"));
                }
                wrong.extend(self.reading_fault(response, OTHER).map(|fault| format!("{fault}: {}", shown())));
            }
            Some(From::Provider) => {
                if from != Some(&self.name) {
                    wrong.push(format!("answered by {from:?}"));
                }
                let fault = if expected.breaks {
                    let told = expected.classes.0.iter().any(|class| {
                        text.contains(&format!("{} ended before the answer was whole: {class}", self.name))
                    });
                    midway_fault(way.door, response, OTHER)
                        .or((!told).then(|| "the error does not tell the failure".to_owned()))
                } else if way.is_verbatim() {
                    (response.body != self.body).then(|| "other bytes than the provider sent".to_owned())
                } else {
                    self.reading_fault(response, self.says)
                };
                wrong.extend(fault.map(|fault| format!("{fault}: {}", shown())));
            }
        }
    }

    /// Why a strict client could not read the answer, or what it says instead of `text`.
    fn reading_fault(&self, response: &Response, text: &str) -> Option<String> {
        let Cell { fault, way, stream, .. } = self.cell;
        let said = if *stream {
            check(way.door, &response.text(), !fault.estimated)
        } else {
            serde_json::from_slice(&response.body)
                .map_err(|error| error.to_string())
                .and_then(|answer| read(way.door, &answer))
        };
        match said {
            Ok(said) if said.text == text => None,
            Ok(said) => Some(format!("it says {:?}", said.text)),
            // What is damaged inside is the provider's.
            Err(rule) if fault.name == "arguments_no_json" && rule.contains("input is no object") => None,
            Err(rule) => Some(rule),
        }
    }

    /// An error instead of an answer.
    fn check_refusal(&self, response: &Response, wrong: &mut Vec<String>) {
        let Cell { way, expected, .. } = self.cell;
        let Ok(error) = serde_json::from_slice::<Value>(&response.body) else {
            wrong.push(format!("no JSON: {}", response.text()));
            return;
        };
        wrong.extend(shape_fault(way.door, &error));
        let message = error["error"]["message"].as_str().unwrap_or_default();
        let Some(code) = &expected.answer.code else {
            if response.header("x-should-retry") != Some("false") {
                wrong.push("x-should-retry is not false".to_owned());
            }
            return;
        };
        if way.door != Door::Messages && error["error"]["code"] != **code {
            wrong.push(format!("code {}", error["error"]["code"]));
        }
        if !expected.classes.0.iter().any(|class| message.contains(&format!("{} ({class})", self.name))) {
            wrong.push(format!("the failure is not told: {message}"));
        }
        let wait = response.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
        match (wait, expected.wait) {
            (None, _) => wrong.push("no retry-after".to_owned()),
            (Some(wait), Some([least, most])) if !(least..=most).contains(&wait) => {
                wrong.push(format!("retry-after: {wait}, not {least} to {most}"));
            }
            _ => {}
        }
    }

    fn check_record(&self, record: &Value, wrong: &mut Vec<String>) {
        let expected = &self.cell.expected;
        if record["call.outcome"] != *expected.answer.record {
            wrong.push(format!("recorded as {}", record["call.outcome"]));
        }
        if record["call.attempts"] != expected.all_attempts() {
            wrong.push(format!("{} attempts in the record", record["call.attempts"]));
        }
        if self.cell.fault.estimated && (record["cost.estimated"] != true || record["cost.usd"].is_null()) {
            wrong.push(format!("not billed by an estimate: {record}"));
        }
    }

    fn check_metrics(&self, metrics: &Scrape, wrong: &mut Vec<String>) {
        let Cell { fault, expected, .. } = self.cell;
        let count = |class: &str| {
            metrics.sum("tollgate_attempts_total", &[("provider", &*self.name), ("class", class)]) as usize
        };
        let answered = expected.answer.from == Some(From::Provider) && !expected.breaks;
        let failed: usize = expected.classes.0.iter().map(|class| count(class)).sum();
        let warm = usize::from(fault.warm);
        if (failed, count("ok")) != (expected.attempts - usize::from(answered), usize::from(answered) + warm) {
            wrong.push(format!("{failed} attempts of {:?} and {} good ones", expected.classes.0, count("ok")));
        }
    }

    /// Who is charged; and that nothing is left over.
    async fn check_rest(&self, gateway: &Gateway, tasks: f64, wrong: &mut Vec<String>) {
        if let Provider::Somewhere(scripted) = &self.provider {
            scripted
                .until(&format!("the provider being left alone after {}", self.cell), |counts| counts.in_flight == 0)
                .await;
        }
        let left_over = async {
            loop {
                let metrics = gateway.metrics().await;
                if metrics.sum("tollgate_inflight", &[]) == 0.0 && metrics.sum("tollgate_tasks", &[]) <= tasks {
                    return;
                }
            }
        };
        if tokio::time::timeout(LIMIT, left_over).await.is_err() {
            wrong.push("a task or a call is left over".to_owned());
        }
        let authorization = format!("authorization: Bearer {SECRET}");
        let told = gateway.exchange(gateway.admin, get("/admin/v1/providers", &[&authorization])).await.json();
        let providers = told["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(own) = providers.iter().find(|provider| provider["name"] == *self.name) else {
            wrong.push(format!("no provider {} in {told}", self.name));
            return;
        };
        if own["in_flight"] != 0 {
            wrong.push(format!("{} places are not given back", own["in_flight"]));
        }
        let charged = charged(own);
        let expected: Vec<_> =
            Some(self.cell.expected.charged).filter(|one| *one != Charged::Nobody).into_iter().collect();
        // A rest of a second or so may be over by now.
        let is_short = self.cell.expected.wait.is_some_and(|[_, most]| most <= 2) && charged.is_empty();
        if charged != expected && !is_short {
            wrong.push(format!("charged: {charged:?}, not {expected:?}: {own}"));
        }
    }
}

/// Who is left alone at a provider, sorted.
fn charged(provider: &Value) -> Vec<Charged> {
    let any = |list: &str, member: &str, good: &str| {
        let list = provider[list].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().any(|one| one[member] != good)
    };
    let mut charged = Vec::new();
    charged.extend(any("keys", "state", "ready").then_some(Charged::Key));
    charged.extend(any("models", "breaker", "closed").then_some(Charged::Model));
    charged.extend((provider["state"] != "up").then_some(Charged::Provider));
    charged
}
