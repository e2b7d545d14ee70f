//! Active health checks: a provider that is gone is passed over before a call meets it, and comes back before its breaker
//! would have let it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::harness::*;

const SECRET: &str = "tg-the-secret-of-the-door";

fn with_secret(setup: Setup) -> Setup {
    setup.table(&format!("[admin]\nsecret = \"{SECRET}\""))
}

/// What the admin door tells of the provider of this name.
async fn told(gateway: &Gateway, name: &str) -> Value {
    let authorization = format!("authorization: Bearer {SECRET}");
    let response = gateway.exchange(gateway.admin, get("/admin/v1/providers", &[&authorization])).await;
    let answer = response.json();
    answer["data"].as_array().unwrap().iter().find(|provider| provider["name"] == name).unwrap().clone()
}

/// The line that says that this provider's health has changed.
async fn news(gateway: &Gateway, name: &str, passes: bool) -> Value {
    let words = if passes { "passes its health check" } else { "fails its health check" };
    let is_it = |event: &Value| {
        event["provider.name"] == name && event["message"].as_str().is_some_and(|message| message.contains(words))
    };
    gateway.event(&format!("{name} {words}"), is_it).await
}

fn is_list(seen: &Seen) -> bool {
    seen.method == "GET" && seen.path.split('?').next().is_some_and(|path| path.ends_with("/models"))
}

fn lists(provider: &Scripted) -> usize {
    provider.seen().iter().filter(|seen| is_list(seen)).count()
}

/// Gives good answers, and the list of models with a status that can be changed.
async fn listing(status: u16) -> (Scripted, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let now = Arc::clone(&status);
    let provider = Scripted::start(move |seen| match is_list(seen) {
        true => Reply::new(now.load(Ordering::Relaxed), "application/json", r#"{"object":"list","data":[]}"#).script(),
        false => good().script(),
    })
    .await;
    (provider, status)
}

/// Provider `first` with these lines, and behind it `second`, of the model `chat`.
fn before_another(first: &str, second: &Scripted, lines: &str) -> Setup {
    Setup::new()
        .provider_at("first", first, lines)
        .provider("second", second, "")
        .ordered("chat", &["first/m", "second/m"])
}

#[tokio::test]
async fn a_provider_that_is_gone_is_passed_over_before_a_call_meets_it() {
    for check in ["models", "connect"] {
        let (dead, second) = (Refusing::new(), Scripted::saying("second").await);
        let lines =
            format!("health = {{ check = \"{check}\", every = \"1s\" }}\nbreaker = {{ failures = 1, open = \"60s\" }}");
        let gateway = Gateway::start(with_secret(before_another(&dead.base_url(), &second, &lines))).await;
        let line = news(&gateway, "first", false).await;
        assert_eq!((&line["level"], &line["failure.class"]), (&json!("WARN"), &json!("connect")));
        for _ in 0..5 {
            let response = gateway.chat(&ask("chat")).await;
            assert_eq!((response.provider(), response.attempts()), ("second", 1));
        }
        let provider = told(&gateway, "first").await;
        assert_eq!(provider["state"], "down");
        let health = &provider["health"];
        assert_eq!((&health["check"], &health["state"]), (&json!(check), &json!("unhealthy")));
        assert_eq!(health["failure"], "connect");
        let times = [&health["since"], &health["checked_at"]].map(|at| at.as_str().unwrap().parse().unwrap());
        let [since, checked_at]: [jiff::Timestamp; 2] = times;
        assert!(since <= checked_at && checked_at <= jiff::Timestamp::now(), "{health}");
        let labels = [("provider", "first"), ("model", "")];
        assert_eq!(gateway.metrics().await.sum("tollgate_breaker_state", &labels), 2.0);
    }
}

#[tokio::test]
async fn a_provider_in_trouble_is_left_alone_after_so_many_checks_and_back_with_the_first_good_one() {
    let (first, status) = listing(500).await;
    let second = Scripted::saying("second").await;
    let lines = "api_keys = [\"sk-provider-a\", \"sk-provider-b\"]\nbreaker = { failures = 2, open = \"60s\" }\n\
                 health = { check = \"models\", every = \"1s\", timeout = \"15s\" }";
    let setup = Setup::new()
        .provider("first", &first, lines)
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(with_secret(setup)).await;
    assert_eq!(told(&gateway, "second").await["health"], Value::Null);
    // The third begins when the second has been taken in.
    first.until("three checks", |_| lists(&first) == 3).await;
    for _ in 0..5 {
        let response = gateway.chat(&ask("chat")).await;
        assert_eq!((response.provider(), response.attempts()), ("second", 1));
    }
    assert_eq!(news(&gateway, "first", false).await["failure.class"], "server_error");

    status.store(200, Ordering::Relaxed);
    assert_eq!(news(&gateway, "first", true).await["level"], "INFO");
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("first", 1));
    let provider = told(&gateway, "first").await;
    assert_eq!((&provider["state"], &provider["health"]["state"]), (&json!("up"), &json!("healthy")));
    assert_eq!(provider["health"]["failure"], Value::Null);
    let connections: Vec<_> = first.seen()[..3].iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0; 3], "one connection for all");
    assert_eq!(gateway.log_text().matches("its health check").count(), 2, "{}", gateway.log_text());
}

#[tokio::test]
async fn whoever_answers_is_there_and_no_key_is_judged() {
    let elsewhere = Scripted::always(good()).await;
    let long = Reply::new(200, "application/json", format!("[{}]", " ".repeat(1 << 20)));
    let moved = refusal(302).header("location", format!("http://{}/v1/models", elsewhere.address));
    let refused = [401, 402, 403, 404, 429].map(refusal);
    let mut setup = Setup::new();
    let mut providers = Vec::new();
    for (number, list) in refused.into_iter().chain([moved, long]).enumerate() {
        let answer = move |seen: &Seen| if is_list(seen) { list.clone() } else { good() }.script();
        let provider = Scripted::start(answer).await;
        let lines = "api_keys = [\"sk-provider-a\"]\nbreaker = { failures = 1, open = \"60s\" }\n\
                     health = { check = \"models\", every = \"1s\", timeout = \"15s\" }";
        setup = setup.provider(&format!("p{number}"), &provider, lines);
        providers.push(provider);
    }
    let gateway = Gateway::start(with_secret(setup)).await;
    for number in 0..providers.len() {
        let name = format!("p{number}");
        news(&gateway, &name, true).await;
        let provider = told(&gateway, &name).await;
        assert_eq!((&provider["state"], &provider["health"]["state"]), (&json!("up"), &json!("healthy")), "{provider}");
        assert_eq!(provider["keys"][0]["state"], "ready", "{provider}");
        let response = gateway.chat(&ask(&format!("{name}/m"))).await;
        assert_eq!((response.status, response.attempts()), (200, 1));
    }
    assert_eq!(elsewhere.calls(), 0, "a redirect was followed");
    assert!(!gateway.log_text().contains("\"ERROR\""), "{}", gateway.log_text());
}

#[tokio::test]
async fn each_kind_is_asked_for_its_list_with_its_key() {
    let version = "anthropic-version";
    let kinds = [
        ("openai", "/v1/models", "authorization", "Bearer sk-provider-secret"),
        ("mistral", "/v1/models", "authorization", "Bearer sk-provider-secret"),
        ("anthropic", "/v1/models", "x-api-key", "sk-provider-secret"),
        ("gemini", "/v1beta/models", "x-goog-api-key", "sk-provider-secret"),
        ("cohere", "/v1/models", "authorization", "Bearer sk-provider-secret"),
        ("azure", "/openai/models?api-version=2024-10-21", "api-key", "sk-provider-secret"),
    ];
    let mut setup = Setup::new().env("RUST_LOG", "trace");
    let mut providers = Vec::new();
    for (kind, ..) in kinds {
        let provider = Scripted::always(refusal(401)).await;
        let lines = format!(
            "kind = \"{kind}\"\napi_keys = [\"sk-provider-secret\"]\n\
             health = {{ check = \"models\", every = \"1s\", timeout = \"15s\" }}"
        );
        setup = setup.provider(kind, &provider, &lines);
        providers.push(provider);
    }
    let gateway = Gateway::start(setup).await;
    for ((kind, path, header, value), provider) in kinds.into_iter().zip(&providers) {
        provider.until("a check", |counts| counts.calls > 0).await;
        news(&gateway, kind, true).await;
        let seen = &provider.seen()[0];
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", path));
        assert_eq!(seen.header(header), Some(value));
        assert_eq!(seen.header(version), (kind == "anthropic").then_some("2023-06-01"));
        for absent in ["content-type", "content-length", "transfer-encoding"] {
            assert_eq!(seen.header(absent), None, "{kind}: {absent}");
        }
    }
    assert!(!gateway.log_text().contains("sk-provider"), "the log names a key");
}

#[tokio::test]
async fn a_check_of_the_connection_says_nothing_over_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let lines = "api_keys = [\"sk-provider-a\"]\nhealth = { check = \"connect\", every = \"1s\" }";
    let gateway = Gateway::start(Setup::new().provider_at("only", &url, lines)).await;
    for _ in 0..2 {
        let (mut stream, _) = within("a check", listener.accept()).await.unwrap();
        let mut said = Vec::new();
        within("its end", stream.read_to_end(&mut said)).await.unwrap();
        assert_eq!(said, b"");
    }
    news(&gateway, "only", true).await;
    drop(listener);
    assert_eq!(news(&gateway, "only", false).await["failure.class"], "connect");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_in_time_fails() {
    let silent = Scripted::always(Script(vec![Step::Stall])).await;
    let lines = "health = { check = \"models\", every = \"1s\", timeout = \"50ms\" }";
    let gateway = Gateway::start(Setup::new().provider("only", &silent, lines)).await;
    assert_eq!(news(&gateway, "only", false).await["failure.class"], "timeout");
    silent.until("its connection closed", |counts| counts.gone > 0).await;
}

#[tokio::test]
async fn a_check_under_way_does_not_hold_up_the_end() {
    let silent = Scripted::always(Script(vec![Step::Stall])).await;
    let lines = "health = { check = \"models\", every = \"1s\", timeout = \"60s\" }";
    let gateway = Gateway::start(Setup::new().provider("only", &silent, lines)).await;
    silent.until("a check", |counts| counts.calls == 1).await;
    gateway.terminate();
    assert!(gateway.exited().await.success());
}

#[tokio::test]
async fn who_asks_for_no_checks_gets_none() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(with_secret(Setup::one(&provider))).await;
    for _ in 0..3 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    assert_eq!(told(&gateway, "only").await["health"], Value::Null);
    assert_eq!((provider.calls(), lists(&provider)), (3, 0));
}
