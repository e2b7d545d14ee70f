//! Scripted providers that say the same thing each in its vendor's own words.
//!
//! What to say is a [`Scenario`]; the prompt names it in a [`play`] mark, which survives every translation. Nothing here
//! knows how the gateway reads or writes: the shapes are those of the vendors' recorded traffic.

mod anthropic;
mod cohere;
mod embeddings;
mod errors;
mod fleet;
mod gemini;
mod openai;
pub(crate) mod responses;
mod scenario;
mod selftest;

pub(crate) use embeddings::vector;
pub(crate) use errors::{broken_stream, error_body, refuse, stream_error};
pub(crate) use fleet::{Fleet, UPSTREAM_KEY};
pub(crate) use scenario::{Call, Finish, Manner, Scenario, Spent, scenario, scenarios};

use serde_json::Value;

use crate::harness::*;

/// Whose words a scripted provider uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vendor {
    OpenAi,
    Anthropic,
    Gemini,
    Cohere,
    Mistral,
}

impl Vendor {
    pub(crate) const ALL: [Self; 5] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Cohere, Self::Mistral];

    /// The provider's kind, which is also its name and, with `-m`, its model's.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
            Self::Mistral => "mistral",
        }
    }

    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::OpenAi => "openai-m",
            Self::Anthropic => "anthropic-m",
            Self::Gemini => "gemini-m",
            Self::Cohere => "cohere-m",
            Self::Mistral => "mistral-m",
        }
    }

    /// The client's bytes and the provider's pass as they are.
    pub(crate) fn is_verbatim(self, door: Door) -> bool {
        matches!(
            (self, door),
            (Self::OpenAi | Self::Mistral, Door::Chat)
                | (Self::OpenAi, Door::Responses)
                | (Self::Anthropic, Door::Messages)
        )
    }

    pub(crate) fn whole(self, scenario: &Scenario) -> Value {
        match self {
            Self::OpenAi => openai::whole(scenario),
            Self::Mistral => openai::mistral_whole(scenario),
            Self::Anthropic => anthropic::whole(scenario),
            Self::Gemini => gemini::whole(scenario),
            Self::Cohere => cohere::whole(scenario),
        }
    }

    /// A stream's events; `usage`: OpenAI was asked for it.
    pub(crate) fn events(self, scenario: &Scenario, usage: bool) -> Vec<String> {
        match self {
            Self::OpenAi => openai::events(scenario, usage),
            Self::Mistral => openai::mistral_events(scenario),
            Self::Anthropic => anthropic::events(scenario),
            Self::Gemini => gemini::events(scenario),
            Self::Cohere => cohere::events(scenario),
        }
    }

    /// What is wrong with where and how a request came.
    fn complaint(self, seen: &Seen) -> Option<String> {
        let model = format!("up-{}", self.model());
        let (path, key) = match self {
            Self::OpenAi if seen.path.ends_with("/responses") => ("/v1/responses".to_owned(), "authorization"),
            Self::OpenAi | Self::Mistral => ("/v1/chat/completions".to_owned(), "authorization"),
            Self::Cohere => ("/v2/chat".to_owned(), "authorization"),
            Self::Anthropic => ("/v1/messages".to_owned(), "x-api-key"),
            Self::Gemini if seen.path.contains("stream") => {
                (format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"), "x-goog-api-key")
            }
            Self::Gemini => (format!("/v1beta/models/{model}:generateContent"), "x-goog-api-key"),
        };
        let expected = if key == "authorization" { format!("Bearer {UPSTREAM_KEY}") } else { UPSTREAM_KEY.to_owned() };
        let body = seen.json();
        if (&*seen.method, &*seen.path) != ("POST", &*path) {
            return Some(format!("{} {} is not POST {path}", seen.method, seen.path));
        }
        if seen.header(key) != Some(&expected) {
            return Some(format!("{key}: {:?}", seen.header(key)));
        }
        // A date: the client's, or the gateway's own.
        let version =
            seen.header("anthropic-version").is_some_and(|version| version.len() == 10 && version.starts_with("20"));
        if self == Self::Anthropic && !version {
            return Some(format!("anthropic-version: {:?}", seen.header("anthropic-version")));
        }
        if self != Self::Gemini && body["model"] != model {
            return Some(format!("model: {}", body["model"]));
        }
        None
    }

    /// Whether a stream is asked for.
    fn streamed(self, seen: &Seen) -> bool {
        if self == Self::Gemini { seen.path.contains(":stream") } else { seen.streamed() }
    }
}

/// A mark for a prompt: which scenario to play, and how to cut its stream.
pub(crate) fn play(scenario: &str, cut: Cut) -> String {
    format!("[[play {scenario} {}]]", cut.word())
}

/// How a stream's bytes are cut into writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Events,
    Whole,
    Bytes,
    /// 1 to 40 bytes each, by this seed.
    Random(u64),
}

impl Cut {
    fn word(self) -> String {
        match self {
            Self::Events => "events".to_owned(),
            Self::Whole => "whole".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Random(seed) => format!("random:{seed}"),
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "whole" => Self::Whole,
            "bytes" => Self::Bytes,
            _ => word.strip_prefix("random:").and_then(|seed| seed.parse().ok()).map_or(Self::Events, Self::Random),
        }
    }

    pub(crate) fn pieces(self, events: &[String]) -> Vec<Vec<u8>> {
        let bytes = events.concat().into_bytes();
        match self {
            Self::Events => events.iter().map(|event| event.clone().into_bytes()).collect(),
            Self::Whole => vec![bytes],
            Self::Bytes => bytes.chunks(1).map(<[u8]>::to_vec).collect(),
            Self::Random(seed) => {
                let mut random = fastrand::Rng::with_seed(seed);
                let mut rest = &*bytes;
                let mut pieces = Vec::new();
                while !rest.is_empty() {
                    let (piece, more) = rest.split_at(random.usize(1..=40).min(rest.len()));
                    pieces.push(piece.to_vec());
                    rest = more;
                }
                pieces
            }
        }
    }
}

/// A provider of this vendor that plays what prompts ask for.
pub(crate) async fn upstream(vendor: Vendor) -> Scripted {
    Scripted::start(move |seen| answer(vendor, seen)).await
}

fn answer(vendor: Vendor, seen: &Seen) -> Script {
    let counted = if vendor == Vendor::Gemini { "totalTokens" } else { "input_tokens" };
    if seen.path.ends_with("/count_tokens") || seen.path.ends_with(":countTokens") {
        return Reply::new(200, "application/json", format!("{{\"{counted}\":7}}")).script();
    }
    if embeddings::is_one(seen) {
        return embeddings::answer(vendor, seen).script();
    }
    if let Some(complaint) = vendor.complaint(seen) {
        return refuse(vendor, 400, &format!("wrong at the upstream: {complaint}")).script();
    }
    let mark = seen.text().rsplit_once("[[play ").and_then(|(_, rest)| rest.split_once("]]"));
    let (name, how) = mark.and_then(|(mark, _)| mark.split_once(' ')).unwrap_or(("text", "events"));
    if let Some(status) = name.strip_prefix("status-").and_then(|status| status.parse().ok()) {
        return refuse(vendor, status, &how.replace('_', " ")).script();
    }
    if let Some(place) = name.strip_prefix("error-") {
        return broken_stream(vendor, place).script();
    }
    let scenario = scenario(name);
    let responses = seen.path.ends_with("/responses");
    // Some answer a stream with everything at once.
    if !vendor.streamed(seen) || how == "json" {
        let answer = if responses { responses::whole(&scenario) } else { vendor.whole(&scenario) };
        return Reply::new(200, "application/json", answer.to_string()).script();
    }
    let usage = seen.json()["stream_options"]["include_usage"] == true;
    let mut events = if responses { responses::events(&scenario) } else { vendor.events(&scenario, usage) };
    if let Some(seed) = how.strip_prefix("mutated:").and_then(|seed| seed.parse().ok()) {
        mutate(&mut events, seed);
    }
    Reply::stream(Cut::parse(how).pieces(&events)).script()
}

/// Damages a stream: events get lost, come twice or out of turn, bytes change, the end is missing.
fn mutate(events: &mut Vec<String>, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..random.usize(1..=3) {
        let [place, other] = [random.usize(..events.len()), random.usize(..events.len())];
        match random.u8(..6) {
            0 => drop(events.remove(place)),
            1 => events.insert(place, events[place].clone()),
            2 => events.swap(place, other),
            3 => events.truncate(place.max(1)),
            4 => {
                let mut bytes = std::mem::take(&mut events[place]).into_bytes();
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(b' '..b'~');
                events[place] = String::from_utf8_lossy(&bytes).into_owned();
            }
            _ => {
                let cut = random.usize(..events[place].len());
                let cut = events[place].floor_char_boundary(cut);
                events[place].truncate(cut);
            }
        }
        if events.is_empty() {
            events.push("data: {}\n\n".to_owned());
        }
    }
}

/// An event without a name.
fn data(document: &Value) -> String {
    format!("data: {document}\n\n")
}

/// An event that is named after its document's type.
fn named(document: &Value) -> String {
    format!("event: {}\ndata: {document}\n\n", document["type"].as_str().expect("events have types"))
}

/// Cuts a text into about `count` pieces, between characters.
fn pieces(text: &str, count: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(characters.len().div_ceil(count).max(1)).map(|piece| piece.iter().collect()).collect()
}
