//! What translated calls have in common with others: answers of the wrong form, damaged streams, the cache, clients that
//! leave.

use serde_json::{Value, json};

use crate::grammar::{Said, check, midway_fault, read, shape_fault};
use crate::harness::*;
use crate::upstreams::{Cut, Fleet, Vendor, play, scenario};

/// Doors and vendors between which something has to be translated.
fn translated() -> impl Iterator<Item = (Door, Vendor)> {
    let all = Door::SPEAKING.into_iter().flat_map(|door| Vendor::ALL.map(|vendor| (door, vendor)));
    all.filter(|(door, vendor)| !vendor.is_verbatim(*door))
}

#[tokio::test]
async fn a_whole_answer_to_a_streamed_call_is_told_as_a_stream() {
    let fleet = Fleet::start().await;
    let mut faults = Vec::new();
    for (door, vendor) in translated() {
        for name in ["text", "thinking", "two-tools"] {
            if door == Door::Completions && name == "two-tools" {
                continue;
            }
            let request = with_tools(door, say(door, vendor.model(), &format!("[[play {name} json]]")));
            let response = fleet.gateway.call(door, &streamed(door, request)).await;
            let said = check(door, &response.text(), true);
            let good = said
                .as_ref()
                .is_ok_and(|said| said.text == scenario(name).text && said.tools.len() == scenario(name).calls.len());
            if !good || response.status != 200 {
                faults.push(format!("{door:?} -> {vendor:?} {name}: {said:?} {}", response.text()));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

const PROVIDERS_OWN: [&str; 3] = ["and came: false", "two calls of one id", "input is no object"];

#[tokio::test]
async fn a_damaged_stream_is_whole_by_the_doors_grammar_or_a_failure() {
    let fleet = Fleet::start().await;
    let mut faults = Vec::new();
    let mut broken = 0;
    for (door, vendor) in translated() {
        for seed in 0..60 {
            let name = ["thinking-and-tools", "text", "mixed-tools"][(seed % 3) as usize];
            let request = with_tools(door, say(door, vendor.model(), &format!("[[play {name} mutated:{seed}]]")));
            let response = fleet.gateway.call(door, &streamed(door, request)).await;
            let text = response.text();
            let fault = match response.status {
                200 => match check(door, &text, true) {
                    Ok(_) => None,
                    // What is damaged inside is the provider's: its counts, its ids, its model's JSON.
                    Err(rule) if PROVIDERS_OWN.iter().any(|own| rule.contains(own)) => None,
                    Err(rule) => {
                        broken += 1;
                        // A stream that told of its failure may have any beginning.
                        midway_fault(door, &response, scenario("cached").text).map(|fault| format!("{rule}; {fault}"))
                    }
                },
                502 => {
                    serde_json::from_str(&text).map_or(Some("no JSON".to_owned()), |error| shape_fault(door, &error))
                }
                status => Some(format!("status {status}")),
            };
            faults.extend(fault.map(|fault| format!("{door:?} -> {vendor:?} {name} {seed}: {fault}\n{text}")));
        }
    }
    assert!(broken > 50, "{broken} streams that broke");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// One exchange: what was said, and what the cache had to do with it.
async fn hear(fleet: &Fleet, door: Door, request: &Value, stream: bool) -> Result<(Said, String, Response), String> {
    let request = if stream { streamed(door, request.clone()) } else { request.clone() };
    let response = fleet.gateway.call(door, &request).await;
    let said = if stream { check(door, &response.text(), true) } else { read(door, &response.json()) };
    let hit = response.header("x-tollgate-cache").unwrap_or_default().to_owned();
    said.map(|said| (said, hit, response))
}

#[tokio::test]
async fn translated_answers_are_kept_in_the_doors_form() {
    let fleet = Fleet::start_with(Setup::cache).await;
    let mut faults = Vec::new();
    for (door, vendor) in translated() {
        // Entries are not shared between doors or models.
        let request = say(door, vendor.model(), &play("thinking", Cut::Events));
        let mut answers = Vec::new();
        for stream in [true, false, false, true] {
            match hear(&fleet, door, &request, stream).await {
                Ok(answer) => answers.push(answer),
                Err(rule) => faults.push(format!("{door:?} -> {vendor:?}, stream {stream}: {rule}")),
            }
        }
        let [first, second, third, _] = &answers[..] else { continue };
        if [&*second.1, &*third.1] != ["MISS", "HIT"] || second.2.body != third.2.body {
            faults.push(format!("{door:?} -> {vendor:?}: {}, then {}", second.1, third.1));
        }
        let meaning = |said: &Said| (said.text.clone(), said.reasoning.clone(), said.usage);
        if answers.iter().any(|(said, ..)| meaning(said) != meaning(&first.0)) {
            faults.push(format!(
                "{door:?} -> {vendor:?}: {:?}",
                answers.iter().map(|answer| &answer.0).collect::<Vec<_>>()
            ));
        }
        let record = fleet.gateway.record_of(&third.2).await;
        if cost(&record).unwrap_or(0.0) != 0.0 {
            faults.push(format!("{door:?} -> {vendor:?}: a hit costs {}", record["cost.usd"]));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn answers_that_were_cut_or_refused_are_not_kept() {
    let fleet = Fleet::start_with(Setup::cache).await;
    for vendor in [Vendor::Anthropic, Vendor::Gemini] {
        for door in [Door::Chat, Door::Responses, Door::Messages] {
            for name in ["length", "filtered"] {
                let request = say(door, vendor.model(), &play(name, Cut::Events));
                for stream in [false, false, true, true] {
                    let answer = hear(&fleet, door, &request, stream).await;
                    let (_, hit, response) =
                        answer.unwrap_or_else(|rule| panic!("{door:?} -> {vendor:?} {name}: {rule}"));
                    assert_ne!(hit, "HIT", "{door:?} -> {vendor:?} {name}, stream {stream}: {}", response.text());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_providers_work_at_every_door() {
    for (door, vendor) in [
        (Door::Messages, Vendor::OpenAi),
        (Door::Chat, Vendor::Anthropic),
        (Door::Responses, Vendor::Gemini),
        (Door::Completions, Vendor::Cohere),
    ] {
        let events = vendor.events(&scenario("text"), true);
        let begun = events.len() - 3;
        let provider = Scripted::always(Reply::stream(events[..begun].to_vec()).then(Step::Stall)).await;
        let gateway = Gateway::start(Setup::new().provider("slow", &provider, &Fleet::lines(vendor))).await;
        gateway.expect_calls(1);
        let mut connection = Connection::open(gateway.door).await;
        let request = streamed(door, say(door, vendor.model(), "hi"));
        connection.send(post(door.path(), door.headers(), request.to_string())).await;
        let mut response = connection.head().await.unwrap();
        connection.until(&mut response, "The").await;
        drop(connection);
        provider.until("the call being given up", |counts| counts.gone == 1).await;
        assert_eq!(gateway.record(1).await["call.outcome"], "client_gone");
    }
}

#[tokio::test]
async fn each_event_leaves_a_translating_door_as_it_comes() {
    for (door, vendor) in translated().filter(|(door, _)| *door != Door::Completions) {
        let (opener, wait) = gate();
        let events = vendor.events(&scenario("text"), true);
        // The second piece of the text waits until the client has seen the first.
        let begun = events.iter().position(|event| event.contains("The")).expect("it says so") + 1;
        let mut reply = Reply::stream(events[..begun].to_vec()).then(Step::Wait(wait));
        for event in &events[begun..] {
            reply = reply.then_event(event.clone());
        }
        let provider = Scripted::always(reply).await;
        let gateway = Gateway::start(Setup::new().provider("slow", &provider, &Fleet::lines(vendor))).await;
        gateway.expect_calls(1);
        let mut connection = Connection::open(gateway.door).await;
        let request = streamed(door, say(door, vendor.model(), "hi"));
        connection.send(post(door.path(), door.headers(), request.to_string())).await;
        let mut response = connection.head().await.unwrap();
        connection.until(&mut response, "The").await;
        opener.open();
        assert_eq!(connection.rest(&mut response).await, End::Whole, "{door:?} -> {vendor:?}");
        assert!(check(door, &response.text(), true).is_ok(), "{door:?} -> {vendor:?}: {}", response.text());
    }
}

#[tokio::test]
async fn doors_take_only_posts_and_only_json() {
    let fleet = Fleet::start().await;
    for door in [Door::Completions, Door::Responses, Door::Messages, Door::Embeddings, Door::CountTokens] {
        let wrong = fleet.gateway.get(door.path(), &[]).await;
        assert_eq!(wrong.status, 405, "{door:?}: {}", wrong.text());
        for body in ["", "[]", "{\"model\":", "{}", "{\"model\":7}"] {
            fleet.gateway.expect_calls(1);
            let response = fleet.gateway.exchange(fleet.gateway.door, post(door.path(), door.headers(), body)).await;
            assert_eq!(response.status, 400, "{door:?} {body}: {}", response.text());
            let shaped = if door == Door::CountTokens { Door::Messages } else { door };
            assert_eq!(shape_fault(shaped, &response.json()), None, "{door:?} {body}");
        }
        let unknown = say(door, "nothing", "hi");
        let response = fleet.gateway.call(door, &unknown).await;
        assert_eq!(response.status, 404, "{door:?}: {}", response.text());
    }
    let nothing = json!({"model": "gemini-m", "messages": []});
    for door in [Door::Messages, Door::CountTokens] {
        assert_eq!(fleet.gateway.call(door, &nothing).await.status, 400, "{door:?}");
    }
}
