//! What a translation loses is said, or refused where the client or the model's owner wants it so.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::*;
use crate::upstreams::{Cut, Fleet, Vendor, play};

/// The fields that the answer says were lost.
fn dropped(response: &Response) -> BTreeSet<String> {
    let header = response.header("x-tollgate-dropped-params").unwrap_or_default();
    header.split(',').map(|field| field.trim().to_owned()).filter(|field| !field.is_empty()).collect()
}

struct Case {
    door: Door,
    vendor: Vendor,
    /// Members of the request.
    more: Value,
    /// What of them is surely lost. Nothing: all is kept.
    lost: &'static [&'static str],
}

fn case(door: Door, vendor: Vendor, more: Value, lost: &'static [&'static str]) -> Case {
    Case { door, vendor, more, lost }
}

fn cases() -> Vec<Case> {
    use Door::{Chat, Messages, Responses};
    use Vendor::{Anthropic, Cohere, Gemini, Mistral, OpenAi};
    let sampling = || json!({"temperature": 0.5, "top_p": 0.9, "max_tokens": 100, "stop": ["END"]});
    vec![
        case(Chat, OpenAi, json!({"seed": 1, "logit_bias": {"1": 1}, "n": 1, "logprobs": true}), &[]),
        case(Chat, Anthropic, sampling(), &[]),
        case(Chat, Gemini, sampling(), &[]),
        case(Chat, Cohere, sampling(), &[]),
        case(Chat, Mistral, sampling(), &[]),
        case(Chat, Anthropic, json!({"seed": 7}), &["seed"]),
        case(Chat, Anthropic, json!({"n": 2}), &["n"]),
        case(Chat, Anthropic, json!({"n": 1}), &[]),
        case(
            Chat,
            Anthropic,
            json!({"logprobs": true, "logit_bias": {"50256": -100}, "presence_penalty": 0.5, "frequency_penalty": 0.25}),
            &["logprobs", "logit_bias", "presence_penalty", "frequency_penalty"],
        ),
        case(Chat, Anthropic, json!({"user": "alice"}), &[]),
        case(Chat, Gemini, json!({"seed": 7, "presence_penalty": 0.5, "frequency_penalty": 0.25}), &[]),
        case(Chat, Gemini, json!({"logit_bias": {"50256": -100}}), &["logit_bias"]),
        case(Chat, Gemini, json!({"stop": ["1", "2", "3", "4", "5", "6"]}), &["stop"]),
        case(Chat, Cohere, json!({"seed": 7, "presence_penalty": 0.5, "frequency_penalty": 0.25}), &[]),
        case(Chat, Cohere, json!({"n": 2, "logit_bias": {"50256": -100}}), &["n", "logit_bias"]),
        case(Messages, OpenAi, json!({"top_k": 40}), &["top_k"]),
        case(Messages, OpenAi, json!({"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"]}), &[]),
        case(Messages, OpenAi, json!({"stop_sequences": ["1", "2", "3", "4", "5"]}), &["stop_sequences"]),
        case(Messages, Gemini, json!({"top_k": 40}), &[]),
        case(Messages, Cohere, json!({"top_k": 40}), &[]),
        case(Messages, Anthropic, json!({"top_k": 40, "stop_sequences": ["1", "2", "3", "4", "5"]}), &[]),
        case(Responses, Anthropic, json!({"temperature": 0.5, "max_output_tokens": 100}), &[]),
        case(Responses, Anthropic, json!({"top_logprobs": 2}), &["top_logprobs"]),
    ]
}

fn request_of(case: &Case, model: &str) -> Value {
    with(say(case.door, model, &play("text", Cut::Whole)), case.more.clone())
}

#[tokio::test]
async fn what_is_lost_is_named_by_the_doors_names() {
    let fleet = Fleet::start().await;
    let mut faults = Vec::new();
    for case in cases() {
        let response = fleet.gateway.call(case.door, &request_of(&case, case.vendor.model())).await;
        let expected: BTreeSet<_> = case.lost.iter().map(|&field| field.to_owned()).collect();
        if response.status != 200 || dropped(&response) != expected {
            let header = response.header("x-tollgate-dropped-params");
            faults.push(format!(
                "{:?} -> {:?} {}: {} dropped {header:?}, not {:?}: {}",
                case.door,
                case.vendor,
                case.more,
                response.status,
                case.lost,
                if response.status == 200 { String::new() } else { response.text() }
            ));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn streams_name_what_they_lost_too() {
    let fleet = Fleet::start().await;
    let request = with(say(Door::Chat, "anthropic-m", &play("text", Cut::Whole)), json!({"seed": 7, "stream": true}));
    let response = fleet.gateway.call(Door::Chat, &request).await;
    assert_eq!(dropped(&response), BTreeSet::from(["seed".to_owned()]), "{:?}", response.head);
}

/// A 400 that names the field and the provider.
#[track_caller]
fn assert_refused(response: &Response, case: &Case) {
    let text = response.text();
    let place = format!("{:?} -> {:?} {}: {} {text}", case.door, case.vendor, case.more, response.status);
    assert_eq!(response.status, 400, "{place}");
    let error = response.json();
    assert_eq!(error["error"]["type"], "invalid_request_error", "{place}");
    let message = error["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(case.vendor.kind()), "{place}");
    let field = error["error"]["param"].as_str();
    match case.door {
        Door::Messages => assert!(case.lost.iter().any(|lost| message.contains(lost)), "{place}"),
        _ => assert!(field.is_some_and(|field| case.lost.contains(&field)), "{place}"),
    }
    assert_eq!(response.header("x-should-retry"), Some("false"), "{place}");
}

#[tokio::test]
async fn strict_calls_are_refused_rather_than_trimmed() {
    let fleet = Fleet::start_with(|setup| {
        let strict = |setup: Setup, vendor: &Vendor| {
            let target = format!("{}/{}", vendor.kind(), vendor.model());
            setup.model(&format!("strict-{}", vendor.kind()), &[&target], "strict = true")
        };
        Vendor::ALL.iter().fold(setup, strict)
    });
    let fleet = fleet.await;
    for case in cases() {
        let before = fleet.at(case.vendor).calls();
        let request = request_of(&case, case.vendor.model());
        let by_header = fleet.gateway.call_with(case.door, &request, &["x-tollgate-strict: true"]).await;
        let by_model =
            fleet.gateway.call(case.door, &request_of(&case, &format!("strict-{}", case.vendor.kind()))).await;
        if case.lost.is_empty() {
            assert_eq!((by_header.status, by_model.status), (200, 200), "{}: {}", case.more, by_header.text());
            continue;
        }
        assert_refused(&by_header, &case);
        assert_refused(&by_model, &case);
        assert_eq!(fleet.at(case.vendor).calls(), before, "refused before the provider hears of it");
    }
}

#[tokio::test]
async fn a_strict_call_goes_to_the_provider_that_keeps_everything() {
    let fleet = Fleet::start_with(|setup| {
        setup.ordered("some", &["anthropic/anthropic-m", "openai/openai-m"]).model(
            "strict-some",
            &["anthropic/anthropic-m", "openai/openai-m"],
            "strategy = \"ordered\"\nstrict = true",
        )
    });
    let fleet = fleet.await;
    let request = |model: &str| with(say(Door::Chat, model, &play("text", Cut::Whole)), json!({"seed": 7}));
    let trimmed = fleet.gateway.call(Door::Chat, &request("some")).await;
    assert_eq!((trimmed.provider(), dropped(&trimmed).len()), ("anthropic", 1));
    let strict = fleet.gateway.call_with(Door::Chat, &request("some"), &["x-tollgate-strict: true"]).await;
    assert_eq!((strict.provider(), dropped(&strict).len()), ("openai", 0));
    let strict = fleet.gateway.call(Door::Chat, &request("strict-some")).await;
    assert_eq!((strict.provider(), dropped(&strict).len()), ("openai", 0));
    assert_eq!(fleet.at(Vendor::Anthropic).calls(), 1);
}
