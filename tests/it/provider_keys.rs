//! Several keys of one provider: in turn, each resting after its own refusal (FAULTS F9, F16, F22).

use serde_json::json;

use crate::harness::*;

/// The body of a 429 that no waiting helps.
const QUOTA: &str =
    r#"{"error":{"message":"quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;

const KEYS: &str = "api_keys = [\"sk-provider-a\", \"sk-provider-b\", \"sk-provider-c\"]";

fn key_of(seen: &Seen) -> char {
    seen.header("authorization").and_then(|value| value.chars().last()).unwrap()
}

fn keys_used(provider: &Scripted) -> String {
    provider.seen().iter().map(key_of).collect()
}

/// A provider that answers a refusal to the calls of one key.
async fn refusing(key: char, reply: Reply) -> Scripted {
    Scripted::start(move |seen| if key_of(seen) == key { reply.clone() } else { good() }.script()).await
}

#[tokio::test]
async fn keys_take_turns() {
    let provider = Scripted::always(good()).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEYS)).await;
    for _ in 0..6 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    assert_eq!(keys_used(&provider), "abcabc");
    assert_eq!(provider.last().header("authorization"), Some("Bearer sk-provider-c"));
}

#[tokio::test]
async fn a_refused_key_is_left_out_and_the_next_one_answers_the_same_call() {
    for status in [401, 402, 403] {
        let provider = refusing('b', refusal(status)).await;
        let lines = format!("{KEYS}\nbreaker = {{ failures = 1, open = \"60s\" }}");
        let gateway = Gateway::start(Setup::new().provider("only", &provider, &lines)).await;
        let mut attempts = Vec::new();
        for _ in 0..6 {
            let response = gateway.chat(&ask("m")).await;
            assert_eq!(response.status, 200, "{status}: {}", response.text());
            attempts.push(response.attempts());
        }
        // One call met the bad key; the breaker, which one failure would open, knows nothing of it.
        assert_eq!(attempts.iter().sum::<u32>(), 7, "{status}: {attempts:?}");
        assert_eq!(keys_used(&provider).matches('b').count(), 1, "{status}: {}", keys_used(&provider));
        let alert = gateway.event("an alert about the key", |event| event["level"] == "ERROR").await;
        assert_eq!((alert["provider.name"].as_str(), alert["provider.key"].as_str()), (Some("only"), Some("only#2")));
        assert_eq!(gateway.log_text().matches("\"ERROR\"").count(), 1, "{}", gateway.log_text());
        assert!(!gateway.log_text().contains("sk-provider"), "the log names a key");
    }
}

#[tokio::test]
async fn a_limited_key_cools_alone() {
    let provider = refusing('a', refusal(429).header("retry-after", 60)).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEYS)).await;
    for _ in 0..6 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    assert_eq!(keys_used(&provider).matches('a').count(), 1, "{}", keys_used(&provider));
}

#[tokio::test]
async fn a_key_that_is_out_of_money_is_left_out() {
    let provider = refusing('a', Reply::new(429, "application/json", QUOTA)).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEYS)).await;
    for _ in 0..4 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    assert_eq!(keys_used(&provider).matches('a').count(), 1);
    let alert = gateway.event("an alert about the key", |event| event["level"] == "ERROR").await;
    assert_eq!((&alert["provider.key"], &alert["failure.class"]), (&json!("only#1"), &json!("billing")));
}

#[tokio::test]
async fn a_limited_key_is_no_alert() {
    let provider = refusing('a', refusal(429).header("retry-after", 60)).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEYS)).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    gateway.record(1).await;
    assert!(!gateway.log_text().contains("\"ERROR\""), "{}", gateway.log_text());
}

#[tokio::test]
async fn googles_400_about_a_key_is_the_keys_and_not_the_callers() {
    let body = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#;
    let good = r#"{"candidates":[{"content":{"parts":[{"text":"Hello there"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":3,"totalTokenCount":12}}"#;
    let provider = Scripted::start(move |seen| {
        let is_bad = seen.header("x-goog-api-key") == Some("sk-provider-a");
        let (status, body) = if is_bad { (400, body) } else { (200, good) };
        Reply::new(status, "application/json", body).script()
    })
    .await;
    let lines = format!("kind = \"gemini\"\n{KEYS}");
    let gateway = Gateway::start(Setup::new().provider("google", &provider, &lines)).await;
    let mut attempts = 0;
    for _ in 0..4 {
        let response = gateway.chat(&ask("m")).await;
        assert_eq!(response.status, 200, "{}", response.text());
        attempts += response.attempts();
    }
    assert_eq!((attempts, provider.calls()), (5, 5));
    let alert = gateway.event("an alert about the key", |event| event["level"] == "ERROR").await;
    assert_eq!(alert["provider.key"], "google#1");
    assert!(!gateway.log_text().contains("sk-provider"), "the log names a key");
}

#[tokio::test]
async fn a_provider_without_a_key_left_is_skipped() {
    for reply in [refusal(401), refusal(402), refusal(403), Reply::new(429, "application/json", QUOTA)] {
        let (first, second) = (Scripted::always(reply).await, Scripted::saying("second").await);
        let setup = Setup::new()
            .provider("first", &first, KEYS)
            .provider("second", &second, "")
            .ordered("chat", &["first/m", "second/m"]);
        let gateway = Gateway::start(setup).await;
        let mut attempts = Vec::new();
        for _ in 0..3 {
            let response = gateway.chat(&ask("chat")).await;
            assert_eq!(response.provider(), "second");
            attempts.push(response.attempts());
        }
        assert_eq!((attempts, first.calls()), (vec![4, 1, 1], 3));
        gateway.records(3).await;
        assert_eq!(gateway.log_text().matches("\"ERROR\"").count(), 3, "one alert for each key");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_for_its_key_charges_the_key_alone() {
    let broken = Reply::stream([role(), text("Hello"), error_event(429)]);
    let provider =
        Scripted::start(move |seen| if key_of(seen) == 'a' { broken.clone() } else { good_stream() }.script()).await;
    let lines = format!("{KEYS}\nbreaker = {{ failures = 1, open = \"60s\" }}");
    let gateway = Gateway::start(Setup::new().provider("only", &provider, &lines)).await;
    gateway.chat(&ask_stream("m")).await.assert_stream_error();
    for _ in 0..2 {
        assert_eq!(said(&gateway.chat(&ask_stream("m")).await.body), TEXT);
    }
    assert_eq!(keys_used(&provider), "abc");
}

#[tokio::test]
async fn other_keys_of_a_provider_are_no_repeats() {
    // Without any repeat allowed, all three keys are tried, and then the next provider.
    let first = Scripted::always(refusal(429)).await;
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider("first", &first, KEYS)
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("second", 4));
    let mut used: Vec<_> = keys_used(&first).chars().collect();
    used.sort_unstable();
    assert_eq!(used, ['a', 'b', 'c']);
}

#[tokio::test]
async fn a_provider_of_which_all_keys_are_refused_never_shows_that_to_the_caller() {
    let provider = Scripted::always(refusal(401)).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEYS)).await;
    gateway.chat(&ask("m")).await.assert_error(502, "api_error", Some("all_providers_failed"));
    gateway.chat(&ask("m")).await.assert_error(503, "overloaded", Some("no_provider_available"));
    assert_eq!(provider.calls(), 3);
}

#[tokio::test]
async fn without_keys_refusals_count_on_the_model() {
    for status in [401, 403, 429] {
        let provider = Scripted::always(refusal(status)).await;
        let lines = "breaker = { failures = 2, open = \"60s\" }\n\
                     models = [{ name = \"m\", input = 1, output = 1 }, { name = \"n\", input = 1, output = 1 }]";
        let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
        for _ in 0..3 {
            gateway.chat(&ask("m")).await;
        }
        assert_eq!(provider.calls(), 2, "{status}: the breaker of the model opened");
        gateway.chat(&ask("n")).await;
        assert_eq!(provider.calls(), 3, "{status}: the other model has its own");
    }
}

#[tokio::test]
async fn a_provider_without_keys_gets_none() {
    let provider = Scripted::always(good()).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let response = gateway.chat_with(&ask("m"), &["authorization: Bearer sk-the-callers-own"]).await;
    assert_eq!(response.status, 200);
    assert_eq!(provider.last().header("authorization"), None);
}

#[tokio::test]
async fn a_key_with_calls_under_way_waits_until_others_have_as_many() {
    let (ended, wait) = gate();
    let held = Reply::stream([text("on")]).then(Step::Wait(wait)).then_event(finish()).then_event(DONE);
    let provider = Scripted::start(move |seen| if seen.streamed() { held.clone() } else { good() }.script()).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEYS)).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut connection = gateway.begin(&ask_stream("m")).await;
        let mut response = connection.head().await.unwrap();
        connection.until(&mut response, "on").await;
        streams.push((connection, response));
    }
    for _ in 0..4 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    assert_eq!(keys_used(&provider), "abcccc");

    // One client leaves, the other reads to the end; both keys are taken again, which they would not be with a call more.
    drop(streams.pop());
    provider.until("the stream given up", |counts| counts.gone == 1).await;
    ended.open();
    let (mut connection, mut response) = streams.pop().unwrap();
    connection.rest(&mut response).await;
    let all = async {
        loop {
            assert_eq!(gateway.chat(&ask("m")).await.status, 200);
            let used = keys_used(&provider).split_off(6);
            if "abc".chars().all(|key| used.contains(key)) {
                break;
            }
        }
    };
    within("all keys in turn again", all).await;
    let before = keys_used(&provider).len();
    for _ in 0..6 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    let even = keys_used(&provider).split_off(before);
    assert!("abc".chars().all(|key| even.matches(key).count() == 2), "{even}");
}
