//! A local server at the end of the targets answers when all else is down (issue 5, item 6). The server is llama.cpp's.

use serde_json::{Value, json};

use crate::harness::*;

const BREAKER: &str = "breaker = { failures = 3, open = \"60s\" }";
/// As a user has it: no key, and no price.
const LOCAL: &str =
    "kind = \"llamacpp\"\nmodels = [{ name = \"tiny\" }]\nbreaker = { failures = 1000000, open = \"1s\" }";

/// Two priced vendors, of which one cannot be reached and one fails, and the local server. It is the first of the targets
/// and the last that is asked: nobody knows what it costs.
fn setup(dead: &Refusing, failing: &Scripted, local: &LocalServer) -> Setup {
    Setup::new()
        .provider_at("dead", &dead.base_url(), BREAKER)
        .provider("failing", failing, BREAKER)
        .provider_at("local", &local.base_url(), LOCAL)
        .model("chat", &["local/tiny", "dead/m", "failing/m"], "")
}

fn tokens(record: &Value) -> (&Value, &Value) {
    (&record["tokens.input"], &record["tokens.output"])
}

#[tokio::test]
async fn the_local_server_answers_when_all_else_is_down() {
    let Some(local) = LocalServer::start().await else { return };
    let (dead, failing) = (Refusing::new(), Scripted::always(refusal(503)).await);
    let gateway = Gateway::start(setup(&dead, &failing, &local)).await;
    for attempts in [3, 3, 3, 1, 1] {
        let response = gateway.chat(&ask("chat")).await;
        assert_eq!((response.provider(), response.attempts()), ("local", attempts), "{}", response.text());
        let answer = response.json();
        assert_eq!(answer["choices"][0]["message"]["content"], SENTENCE);
        let record = gateway.record_of(&response).await;
        assert_eq!(tokens(&record), (&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]));
        assert_eq!((record["provider.name"].as_str(), cost(&record)), (Some("local"), None));
        assert!(response.header("x-tollgate-cost-usd").is_none(), "{:?}", response.head);
    }
    assert_eq!(failing.calls(), 3, "the vendors' breakers are open, and nobody waits for them");
    assert_eq!(gateway.metrics().await.sum("tollgate_unpriced_total", &[]), 5.0);
}

#[tokio::test]
async fn it_streams_and_speaks_every_doors_format() {
    let Some(local) = LocalServer::start().await else { return };
    let (dead, failing) = (Refusing::new(), Scripted::always(refusal(503)).await);
    let gateway = Gateway::start(setup(&dead, &failing, &local)).await;
    let stream = gateway.chat(&ask_stream("chat")).await;
    assert_eq!((stream.provider(), stream.attempts(), stream.end), ("local", 3, End::Whole));
    assert_eq!(said(&stream.body), SENTENCE);
    assert!(stream.text().ends_with(DONE), "{}", stream.text());
    assert!(!stream.text().contains("\"usage\""), "usage that the client did not ask for: {}", stream.text());
    let record = gateway.record_of(&stream).await;
    // A token a word, one for the full stop, one for the end.
    assert_eq!(tokens(&record).1, &json!(SENTENCE.split(' ').count() + 2), "{record}");
    for door in Door::SPEAKING {
        let request = say(door, "chat", "Say hello");
        for request in [request.clone(), streamed(door, request)] {
            let response = gateway.call(door, &request).await;
            assert_eq!((response.status, response.provider()), (200, "local"), "{}", response.text());
            for word in SENTENCE.trim_end_matches('.').split(' ') {
                assert!(response.text().contains(word), "{door:?}: no {word} in {}", response.text());
            }
        }
    }
}

#[tokio::test]
async fn its_end_is_told_and_it_comes_back() {
    let Some(mut local) = LocalServer::start().await else { return };
    let (dead, failing) = (Refusing::new(), Scripted::always(refusal(503)).await);
    let gateway = Gateway::start(setup(&dead, &failing, &local)).await;
    // A connection to it stays in the pool.
    assert_eq!(gateway.chat(&ask("chat")).await.provider(), "local");
    local.kill();
    for request in [ask("chat"), ask_stream("chat")] {
        let response = gateway.chat(&request).await;
        response.assert_error(502, "api_error", Some("all_providers_failed"));
        assert!(response.header("retry-after").is_some(), "{:?}", response.head);
        for part in ["dead (connect)", "failing (server_error", "local (connect)"] {
            assert!(response.text().contains(part), "no {part} in {}", response.text());
        }
    }
    local.restart().await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("local", 1), "{}", response.text());
}

#[tokio::test]
async fn no_key_is_sent_to_a_server_that_wants_none() {
    let (vendor, local) = (Scripted::always(refusal(503)).await, Scripted::saying("local").await);
    let setup = Setup::new()
        .provider("vendor", &vendor, "api_keys = [\"sk-vendor\"]")
        .provider("local", &local, "kind = \"ollama\"\nmodels = [{ name = \"m\" }]")
        .key("alice", "sk-alice-secret", "")
        .model("chat", &["local/m", "vendor/m"], "");
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat_with(&ask("chat"), &["authorization: Bearer sk-alice-secret"]).await;
    assert_eq!((response.provider(), response.attempts()), ("local", 2));
    assert_eq!(vendor.last().header("authorization"), Some("Bearer sk-vendor"));
    assert_eq!(local.last().header("authorization"), None);
}

/// llama.cpp listens before its model is loaded, and says so.
#[tokio::test]
async fn a_server_that_is_loading_its_model_is_asked_again() {
    let loading = json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}});
    let loading = Reply::new(503, "application/json", loading.to_string());
    let local = Scripted::in_turn([loading.clone(), saying("loaded")]).await;
    let dead = Refusing::new();
    let setup = |local: &Scripted, lines: &str| {
        Setup::new()
            .provider_at("dead", &dead.base_url(), "breaker = { failures = 1 }")
            .provider("local", local, &format!("kind = \"llamacpp\"\nmodels = [{{ name = \"m\" }}]\n{lines}"))
            .model("chat", &["dead/m", "local/m"], "")
    };
    let gateway = Gateway::start(setup(&local, "retries = 1")).await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("local", 3), "{}", response.text());
    // One that takes longer than a call may wait is told as what it is.
    let local = Scripted::always(loading).await;
    let gateway = Gateway::start(setup(&local, "")).await;
    let response = gateway.chat(&ask("chat")).await;
    response.assert_error(502, "api_error", Some("all_providers_failed"));
    assert!(response.text().contains("Loading model"), "{}", response.text());
}
