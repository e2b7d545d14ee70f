//! Real requests mean the same upstream: those recorded in OpenAI's format, sent to every other vendor, which refuses
//! what the real one refuses.

use serde_json::{Value, json};

use super::gateway;
use crate::asked::{Asked, differences};
use crate::harness::*;
use crate::upstreams::Vendor;

/// Fields that the answer says were lost.
fn dropped(response: &Response) -> Vec<String> {
    let header = response.header("x-tollgate-dropped-params").unwrap_or_default();
    header.split(',').map(|field| field.trim().to_owned()).filter(|field| !field.is_empty()).collect()
}

/// What is wrong with what the vendor got of one request.
async fn try_one(replay: &Replay, gateway: &Gateway, recording: &Recording, vendor: Vendor) -> Option<String> {
    let request = with(recording.request.clone(), json!({"model": format!("{}-replayed", vendor.kind())}));
    let response = gateway.chat(&request).await;
    if response.status != 200 {
        return Some(format!("{} {:.500}", response.status, response.text()));
    }
    let seen = replay.last_seen().await;
    let body = &seen["body"];
    let dropped = dropped(&response);
    let dropped: Vec<_> = dropped.iter().map(String::as_str).collect();
    let faults = differences(&Asked::read(Vendor::OpenAi, &request), &Asked::read(vendor, body), vendor, &dropped);
    (!faults.is_empty())
        .then(|| format!("{}; dropped {dropped:?}\n    got {:.3000}", faults.join("; "), body.to_string()))
}

async fn assert_meaning(vendor: Vendor) {
    let Some(shared) = shared() else { return };
    let options: &[&str] = if vendor == Vendor::Mistral { &["--strict", "--mistral"] } else { &["--strict"] };
    let replay = Replay::start_with(&shared, options);
    replay.always("text").await;
    let gateway = gateway(&replay, &[vendor.kind()]).await;
    let mut faults = Vec::new();
    let mut count = 0;
    for recording in Recording::all(&shared, &["chat.completions"]) {
        let openai = recording.provider == "openai" && recording.request["messages"].is_array();
        // What OpenAI itself refused is nothing to go by.
        if !openai || recording.status() == 400 {
            continue;
        }
        count += 1;
        let fault = try_one(&replay, &gateway, &recording, vendor).await;
        faults.extend(fault.map(|fault| format!("{} -> {vendor:?}: {fault}", recording.id)));
    }
    eprintln!("requests of OpenAI's format to {vendor:?}: {} of {count} mean the same", count - faults.len());
    assert!(count >= 50, "{count} requests");
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn recorded_requests_mean_the_same_to_anthropic() {
    assert_meaning(Vendor::Anthropic).await;
}

#[tokio::test]
async fn recorded_requests_mean_the_same_to_gemini() {
    assert_meaning(Vendor::Gemini).await;
}

#[tokio::test]
async fn recorded_requests_mean_the_same_to_cohere() {
    assert_meaning(Vendor::Cohere).await;
}

#[tokio::test]
async fn recorded_requests_mean_the_same_to_mistral() {
    assert_meaning(Vendor::Mistral).await;
}

/// The same conversation as libraries wrote it for OpenAI and for another vendor: both readings agree, so that the
/// oracle itself is no guess.
#[test]
fn the_readers_agree_on_conversations_recorded_for_several_vendors() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("traffic/dev/parallel");
    let mut pairs = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let by_vendor =
            |vendor: Vendor| Some(&document["requests"][vendor.kind()]["body"]).filter(|request| request.is_object());
        let Some(openai) = by_vendor(Vendor::OpenAi) else { continue };
        let openai = Asked::read(Vendor::OpenAi, openai);
        for vendor in [Vendor::Anthropic, Vendor::Gemini, Vendor::Cohere, Vendor::Mistral] {
            let Some(other) = by_vendor(vendor) else { continue };
            let other = Asked::read(vendor, other);
            assert_eq!(openai.calls().len(), other.calls().len(), "{} {vendor:?}", path.display());
            pairs += 1;
        }
    }
    eprintln!("{pairs} pairs");
}
