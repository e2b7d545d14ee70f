//! Every provider's errors at every door: status, shape and words; and errors inside a 200 (PITFALLS 17, 19, 20).

use std::fmt::Write;

use serde_json::{Value, json};

use crate::grammar::{midway_fault, shape_fault};
use crate::harness::*;
use crate::upstreams::{Fleet, UPSTREAM_KEY, Vendor, scenario, upstream};

/// Asks for this status with these words of the provider's.
fn refusal_mark(status: u16, words: &str) -> String {
    format!("[[play status-{status} {}]]", words.replace(' ', "_"))
}

/// A provider table of its own for every try, since a key that failed is left alone for a while.
struct Refusing {
    gateway: Gateway,
    _provider: Scripted,
}

const STATUSES: [(u16, u16); 6] = [(400, 400), (401, 502), (404, 502), (429, 429), (500, 502), (529, 502)];

impl Refusing {
    fn name(status: u16, door: Door, stream: bool) -> String {
        format!("p{status}-{}-{stream}", door.path().replace('/', "-"))
    }

    async fn start(vendor: Vendor) -> Self {
        let provider = upstream(vendor).await;
        let mut setup = Setup::new();
        for (status, _) in STATUSES {
            for door in Door::SPEAKING {
                for stream in [false, true] {
                    setup = setup.provider(&Self::name(status, door, stream), &provider, &Fleet::lines(vendor));
                }
            }
        }
        Self { gateway: Gateway::start(setup).await, _provider: provider }
    }

    /// What is wrong with the answer to a call that the provider refuses.
    async fn try_one(
        &self,
        vendor: Vendor,
        door: Door,
        stream: bool,
        (status, expected): (u16, u16),
    ) -> Option<String> {
        let words = format!("the knob is too hot for {UPSTREAM_KEY} see http://127.0.0.1:9/v1?key={UPSTREAM_KEY}");
        let model = format!("{}/{}", Self::name(status, door, stream), vendor.model());
        let request = say(door, &model, &refusal_mark(status, &words));
        let request = if stream { streamed(door, request) } else { request };
        let response = self.gateway.call(door, &request).await;
        let text = response.text();
        let mut wrong = String::new();
        if response.status != expected {
            write!(wrong, "{} is not {expected}; ", response.status).unwrap();
        }
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        wrong += &shape_fault(door, &error).unwrap_or_default();
        if status == 400 && !text.contains("the knob is too hot") {
            wrong += "the provider's words are lost; ";
        }
        if text.contains(UPSTREAM_KEY) || text.contains("://") {
            wrong += "a key or a URL in it; ";
        }
        if expected == 429 && response.header("retry-after").is_none() {
            wrong += "no retry-after; ";
        }
        if status == 400 && response.header("x-should-retry") != Some("false") {
            wrong += "x-should-retry; ";
        }
        let place = format!("{door:?} -> {vendor:?} {status}, stream {stream}");
        (!wrong.is_empty()).then(|| format!("{place}: {wrong}\n    {text}"))
    }
}

async fn assert_statuses(vendor: Vendor) {
    let refusing = Refusing::start(vendor).await;
    let mut faults = Vec::new();
    for status in STATUSES {
        for door in Door::SPEAKING {
            for stream in [false, true] {
                faults.extend(refusing.try_one(vendor, door, stream, status).await);
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(!refusing.gateway.log_text().contains(UPSTREAM_KEY), "the key is in the log");
}

macro_rules! every_vendor {
    ($check:ident: $($test:ident $vendor:ident;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                $check(Vendor::$vendor).await;
            }
        )+
    };
}

every_vendor! { assert_statuses:
    refusals_of_openai_keep_status_and_words OpenAi;
    refusals_of_anthropic_keep_status_and_words Anthropic;
    refusals_of_gemini_keep_status_and_words Gemini;
    refusals_of_cohere_keep_status_and_words Cohere;
    refusals_of_mistral_keep_status_and_words Mistral;
}

const SECOND: &str = "From the cache.";

/// A fleet with, for each vendor, a model that falls back to a plain provider.
async fn fleet() -> (Fleet, Scripted) {
    let second = Scripted::start(|seen| {
        let usage = seen.json()["stream_options"]["include_usage"] == true;
        Reply::stream(Vendor::OpenAi.events(&scenario("cached"), usage)).script()
    });
    let second = second.await;
    let fleet = Fleet::start_with(|setup| {
        // A kind that answers all doors by way of its chat path.
        let setup = setup.provider("second", &second, "kind = \"groq\"");
        Vendor::ALL.iter().fold(setup, |setup, vendor| {
            let name = format!("{}-or-second", vendor.kind());
            setup.ordered(&name, &[&format!("{}/{}", vendor.kind(), vendor.model()), "second/m"])
        })
    });
    (fleet.await, second)
}

/// The path that a call takes to this vendor speaks the chat format, which is what broken streams are written in.
fn is_chat_upstream(vendor: Vendor, door: Door) -> bool {
    (vendor, door) != (Vendor::OpenAi, Door::Responses)
}

#[tokio::test]
async fn an_error_before_any_content_falls_back() {
    let (fleet, _second) = fleet().await;
    let mut faults = Vec::new();
    for vendor in Vendor::ALL {
        for door in Door::SPEAKING.into_iter().filter(|door| is_chat_upstream(vendor, *door)) {
            for place in ["first", "later", "silent"] {
                let model = format!("{}-or-second", vendor.kind());
                let request = streamed(door, say(door, &model, &format!("[[play error-{place} x]]")));
                let response = fleet.gateway.call(door, &request).await;
                let good = response.status == 200
                    && response.attempts() == 2
                    && response.header("x-tollgate-provider") == Some("second")
                    && crate::grammar::check(door, &response.text(), true).is_ok_and(|said| said.text == SECOND);
                if !good {
                    faults.push(format!("{door:?} -> {vendor:?} {place}: {} {}", response.status, response.text()));
                }
                let alone = streamed(door, say(door, vendor.model(), &format!("[[play error-{place} x]]")));
                let response = fleet.gateway.call(door, &alone).await;
                let shape = serde_json::from_slice(&response.body)
                    .map_or(Some("no JSON".to_owned()), |error| shape_fault(door, &error));
                if response.status != 502 || shape.is_some() {
                    faults.push(format!(
                        "{door:?} -> {vendor:?} {place}, alone: {} {}",
                        response.status,
                        response.text()
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn an_error_after_content_is_told_in_the_doors_words_and_ends_the_stream() {
    let (fleet, second) = fleet().await;
    let mut faults = Vec::new();
    for vendor in Vendor::ALL {
        for door in Door::SPEAKING.into_iter().filter(|door| is_chat_upstream(vendor, *door)) {
            for place in ["midway", "cut"] {
                let model = format!("{}-or-second", vendor.kind());
                let request = streamed(door, say(door, &model, &format!("[[play error-{place} x]]")));
                let response = fleet.gateway.call(door, &request).await;
                let text = response.text();
                let mut fault = midway_fault(door, &response, SECOND);
                if !text.contains("The cap") {
                    fault = Some("the beginning is lost".to_owned());
                }
                let outcome = fleet.gateway.record_of(&response).await["call.outcome"].clone();
                if outcome != "stream_broken" {
                    fault = Some(format!("outcome {outcome}"));
                }
                faults.extend(fault.map(|fault| format!("{door:?} -> {vendor:?} {place}: {fault}\n{text}")));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(second.calls(), 0, "content had been sent");
}

#[tokio::test]
async fn a_keepalive_comes_before_the_first_token_at_every_door() {
    let (opener, wait) = gate();
    let events = Vendor::Anthropic.events(&scenario("text"), true);
    let mut reply = Reply::stream([events[0].clone()]).then(Step::Wait(wait));
    for event in &events[1..] {
        reply = reply.then_event(event.clone());
    }
    let provider = Scripted::always(reply).await;
    let setup =
        Setup::new().provider("slow", &provider, &Fleet::lines(Vendor::Anthropic)).server("keepalive = \"100ms\"");
    let gateway = Gateway::start(setup).await;
    let doors = Door::SPEAKING;
    let mut waiting = Vec::new();
    for door in doors {
        gateway.expect_calls(1);
        let mut connection = Connection::open(gateway.door).await;
        let request = streamed(door, say(door, Vendor::Anthropic.model(), "wait"));
        connection.send(post(door.path(), door.headers(), request.to_string())).await;
        let mut response = connection.head().await.unwrap();
        connection.until(&mut response, ": tollgate\n").await;
        waiting.push((door, connection, response));
    }
    opener.open();
    for (door, mut connection, mut response) in waiting {
        assert_eq!(connection.rest(&mut response).await, End::Whole);
        let said = crate::grammar::check(door, &response.text(), true);
        let said = said.unwrap_or_else(|rule| panic!("{door:?}: {rule}\n{}", response.text()));
        assert_eq!(said.text, "The capital of France is Paris.");
    }
}

#[tokio::test]
async fn our_own_refusals_have_each_doors_shape() {
    let fleet = Fleet::start_with(|setup| setup.key("alice", "sk-alice-secret", "models = [\"openai-m\"]")).await;
    let alice = ["authorization: Bearer sk-alice-secret"];
    for door in Door::SPEAKING {
        let request = say(door, "openai-m", "hi");
        let no_key = fleet.gateway.call(door, &request).await;
        let forbidden = fleet.gateway.call_with(door, &say(door, "gemini-m", "hi"), &alice).await;
        let unknown = fleet.gateway.call_with(door, &say(door, "nothing", "hi"), &alice).await;
        let broken = with(request, json!({"stream": "perhaps"}));
        let broken = fleet.gateway.call_with(door, &broken, &alice).await;
        for (response, status, kind) in [
            (no_key, 401, "authentication_error"),
            (forbidden, 403, "permission_error"),
            (unknown, 404, if door == Door::Messages { "not_found_error" } else { "invalid_request_error" }),
            (broken, 400, "invalid_request_error"),
        ] {
            let error = response.json();
            assert_eq!(response.status, status, "{door:?}: {error}");
            assert_eq!(shape_fault(door, &error), None, "{door:?} {status}");
            assert_eq!(error["error"]["type"], kind, "{door:?} {status}: {error}");
        }
    }
}
