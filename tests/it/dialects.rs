//! Every door in front of every provider, whole and streamed: what is said arrives, in the door's own grammar, at the
//! right price (PITFALLS 1-4, 31-33).

use serde_json::{Value, json};

use crate::grammar::{Said, Tokens, check, read};
use crate::harness::*;
use crate::upstreams::{Cut, Finish, Fleet, Manner, Scenario, Spent, Vendor, play, scenario, scenarios};

/// What the door cannot show, or the provider cannot say.
fn is_possible(scenario: &Scenario, door: Door, vendor: Vendor) -> bool {
    // Calls that are numbered otherwise, or not at all, are a habit of OpenAI's format; there they pass as they are.
    let odd = matches!(scenario.manner, Manner::IndexZero | Manner::WithoutIds);
    let odd_fits = vendor == Vendor::OpenAi && !vendor.is_verbatim(door);
    let calls = !scenario.calls.is_empty();
    let mixed_fits = scenario.manner != Manner::Mixed || vendor == Vendor::OpenAi;
    // Cohere and Mistral have no word for it, and only OpenAI's format has a place for a refusal.
    let filter_fits = !matches!(vendor, Vendor::Cohere | Vendor::Mistral) || scenario.finish != Finish::Filtered;
    // Cohere makes a plan of it.
    let text_fits = vendor != Vendor::Cohere || !calls || scenario.text.is_empty();
    (!odd || odd_fits)
        && mixed_fits
        && filter_fits
        && text_fits
        && (scenario.refusal.is_empty() || vendor == Vendor::OpenAi)
        && (!calls || door != Door::Completions)
}

/// How the door says why an answer ended. Several words: the provider's leave it open.
fn finishes(scenario: &Scenario, door: Door, vendor: Vendor) -> &'static [&'static str] {
    let tells_sequence = matches!(vendor, Vendor::Anthropic | Vendor::Cohere);
    match (door, scenario.finish) {
        (Door::Messages, Finish::Stop) if !scenario.refusal.is_empty() => &["refusal", "end_turn"],
        (Door::Messages, Finish::Stop) => &["end_turn"],
        (Door::Messages, Finish::StopSequence) if tells_sequence => &["stop_sequence"],
        (Door::Messages, Finish::StopSequence) => &["end_turn"],
        (Door::Messages, Finish::Length) => &["max_tokens"],
        (Door::Messages, Finish::Tools) => &["tool_use"],
        (Door::Messages, Finish::Filtered) => &["refusal"],
        (Door::Responses, Finish::Stop | Finish::StopSequence | Finish::Tools) => &["completed"],
        (Door::Responses, Finish::Length) => &["max_output_tokens"],
        (_, Finish::Stop | Finish::StopSequence) => &["stop"],
        (_, Finish::Length) => &["length"],
        (_, Finish::Tools) => &["tool_calls"],
        (_, Finish::Filtered) => &["content_filter"],
    }
}

/// What is billed. Cohere tells what its cache gave, and bills it like everything else.
fn spent(scenario: &Scenario, vendor: Vendor) -> Spent {
    let cached = if vendor == Vendor::Cohere { 0 } else { scenario.spent.cached };
    Spent { cached, ..scenario.spent }
}

/// What is wrong with what arrived.
fn complaint(said: &Said, scenario: &Scenario, door: Door, vendor: Vendor) -> Option<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, found: &str, expected: &str| {
        if found != expected {
            wrong.push(format!("{what}: {found:?} is not {expected:?}"));
        }
    };
    let refuses_in_words = !scenario.refusal.is_empty() && !matches!(door, Door::Chat | Door::Responses);
    let (text, refusal) = if refuses_in_words { (scenario.refusal, "") } else { (scenario.text, scenario.refusal) };
    compare("text", &said.text, text);
    compare("refusal", &said.refusal, refusal);
    let reasoning = if door == Door::Completions { "" } else { scenario.reasoning };
    compare("reasoning", &said.reasoning, reasoning);
    if !finishes(scenario, door, vendor).contains(&&*said.finish) {
        wrong.push(format!("finish: {:?}", said.finish));
    }
    let tokens = spent(scenario, vendor).tokens();
    if said.usage != Some(tokens) {
        wrong.push(format!("usage: {:?} is not {tokens:?}", said.usage));
    }
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| format!("no JSON: {text}").into());
    let found: Vec<_> = said.tools.iter().map(|tool| (&*tool.name, json(&tool.arguments))).collect();
    let expected: Vec<_> = scenario.calls.iter().map(|call| (call.name, json(call.arguments))).collect();
    if found != expected {
        wrong.push(format!("calls: {found:?} are not {expected:?}"));
    }
    let gives_ids = vendor != Vendor::Gemini && vendor != Vendor::Mistral && scenario.manner != Manner::WithoutIds;
    let ids_kept = said.tools.iter().zip(&scenario.calls).all(|(tool, call)| tool.id == call.id);
    if gives_ids && !ids_kept {
        wrong.push(format!("ids: {:?}", said.tools));
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// One exchange, and everything that is wrong with it.
async fn try_one(fleet: &Fleet, scenario: &Scenario, door: Door, vendor: Vendor, cut: Option<Cut>) -> Option<String> {
    let prompt = format!("Go on. {}", play(scenario.name, cut.unwrap_or(Cut::Whole)));
    let request = with_tools(door, say(door, vendor.model(), &prompt));
    let request = if cut.is_some() { streamed(door, request) } else { request };
    let response = fleet.gateway.call(door, &request).await;
    if (response.status, response.end) != (200, End::Whole) {
        return Some(format!("{} {:?}: {}", response.status, response.end, response.text()));
    }
    let checked = match cut {
        Some(_) => check(door, &response.text(), true),
        None => serde_json::from_slice(&response.body)
            .map_err(|error| error.to_string())
            .and_then(|answer| read(door, &answer)),
    };
    let said = match checked {
        Ok(said) => said,
        // What passes byte for byte need not obey anybody's grammar but the provider's.
        Err(_) if vendor.is_verbatim(door) && vendor == Vendor::Mistral => return None,
        Err(rule) => return Some(format!("{rule}\n{}", response.text())),
    };
    let mut wrong: Vec<_> = complaint(&said, scenario, door, vendor).into_iter().collect();
    let record = fleet.gateway.record_of(&response).await;
    let found = cost(&record).unwrap_or(f64::NAN);
    let expected = spent(scenario, vendor).usd();
    if (found - expected).abs() > 1e-12 {
        wrong.push(format!("cost: {found} is not {expected}: {record}"));
    }
    if record["call.outcome"] != "ok" {
        wrong.push(format!("outcome: {}", record["call.outcome"]));
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// Tries everything that is possible with this provider, and fails with all that is wrong.
async fn assert_all(vendor: Vendor, ways: &[Option<Cut>]) {
    let fleet = Fleet::start().await;
    let mut cases = Vec::new();
    for scenario in scenarios() {
        for door in Door::SPEAKING {
            if is_possible(&scenario, door, vendor) {
                cases.extend(ways.iter().map(|way| (scenario.clone(), door, *way)));
            }
        }
    }
    let mut faults = Vec::new();
    for (scenario, door, way) in &cases {
        if let Some(fault) = try_one(&fleet, scenario, *door, vendor, *way).await {
            faults.push(format!("{door:?} -> {vendor:?}, {}, {way:?}: {fault}", scenario.name));
        }
    }
    assert!(cases.len() > 20 * ways.len(), "{} cases", cases.len());
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

const CUTS: [Option<Cut>; 5] =
    [Some(Cut::Events), Some(Cut::Whole), Some(Cut::Bytes), Some(Cut::Random(1)), Some(Cut::Random(0x7011_6a7e))];

macro_rules! every_door {
    ($($whole:ident $streamed:ident $vendor:ident;)+) => {
        $(
            #[tokio::test]
            async fn $whole() {
                assert_all(Vendor::$vendor, &[None]).await;
            }

            #[tokio::test]
            async fn $streamed() {
                assert_all(Vendor::$vendor, &CUTS).await;
            }
        )+
    };
}

every_door! {
    whole_answers_of_openai_pass_every_door streams_of_openai_pass_every_door OpenAi;
    whole_answers_of_anthropic_pass_every_door streams_of_anthropic_pass_every_door Anthropic;
    whole_answers_of_gemini_pass_every_door streams_of_gemini_pass_every_door Gemini;
    whole_answers_of_cohere_pass_every_door streams_of_cohere_pass_every_door Cohere;
    whole_answers_of_mistral_pass_every_door streams_of_mistral_pass_every_door Mistral;
}

#[tokio::test]
async fn usage_is_streamed_only_to_those_who_ask() {
    let fleet = Fleet::start().await;
    for vendor in Vendor::ALL {
        for door in [Door::Chat, Door::Completions] {
            let prompt = play("text", Cut::Events);
            let request = with(say(door, vendor.model(), &prompt), json!({"stream": true}));
            let response = fleet.gateway.call(door, &request).await;
            if vendor == Vendor::Mistral && door == Door::Chat {
                // It sends usage to everybody, in a chunk that says more.
                continue;
            }
            let said = check(door, &response.text(), false);
            let said = said.unwrap_or_else(|rule| panic!("{door:?} -> {vendor:?}: {rule}\n{}", response.text()));
            assert_eq!(said.text, scenario("text").text);
            // It is billed all the same.
            let record = fleet.gateway.record_of(&response).await;
            assert_eq!((cost(&record), &record["cost.estimated"]), (Some(scenario("text").spent.usd()), &json!(false)));
        }
    }
}

#[tokio::test]
async fn what_the_cache_gave_is_billed_as_that_by_every_provider() {
    let fleet = Fleet::start().await;
    for vendor in Vendor::ALL {
        let expected = spent(&scenario("cached"), vendor);
        for stream in [false, true] {
            let request = say(Door::Chat, vendor.model(), &play("cached", Cut::Events));
            let request = if stream { streamed(Door::Chat, request) } else { request };
            let response = fleet.gateway.call(Door::Chat, &request).await;
            let record = fleet.gateway.record_of(&response).await;
            let found = Tokens {
                input: record["tokens.input"].as_u64().unwrap_or(0),
                output: record["tokens.output"].as_u64().unwrap_or(0),
                cached: record["tokens.cached"].as_u64().unwrap_or(0),
            };
            assert_eq!(found, expected.tokens(), "{vendor:?}, stream: {stream}: {record}");
        }
    }
}

#[tokio::test]
async fn answers_that_need_no_translation_pass_byte_for_byte() {
    let fleet = Fleet::start().await;
    for (vendor, door) in
        [(Vendor::OpenAi, Door::Chat), (Vendor::Mistral, Door::Chat), (Vendor::Anthropic, Door::Messages)]
    {
        for scenario in scenarios().iter().filter(|scenario| is_possible(scenario, Door::Chat, vendor)) {
            if vendor == Vendor::Mistral && !scenario.reasoning.is_empty() {
                // Its way to tell thoughts is no part of OpenAI's format, and becomes `reasoning_content`.
                continue;
            }
            let request = streamed(door, say(door, vendor.model(), &play(scenario.name, Cut::Random(3))));
            let response = fleet.gateway.call(door, &request).await;
            let sent = vendor.events(scenario, true).concat();
            assert!(response.text() == sent, "{door:?} {}:\n{}\nis not\n{sent}", scenario.name, response.text());
        }
    }
}
