//! Repeats: only when nothing untried is ready, and only within the budget (PITFALLS 26, 27; FAULTS D4).

use crate::harness::*;

#[tokio::test]
async fn another_provider_comes_before_any_repeat() {
    let first = Scripted::in_turn([refusal(503), good()]).await;
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider("first", &first, "retries = 3")
        .provider("second", &second, "retries = 3")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("second", 2));
    assert_eq!(first.calls(), 1);
}

#[tokio::test]
async fn the_only_provider_is_asked_again() {
    for failing in [
        refusal(500).script(),
        refusal(429).script(),
        Script(vec![Step::Fin]),
        Reply::new(200, "application/json", "{}").script(),
    ] {
        let provider = Scripted::in_turn([failing, good().script()]).await;
        let gateway = Gateway::start(Setup::new().provider("only", &provider, "retries = 1")).await;
        let response = gateway.chat(&ask("m")).await;
        assert_eq!((response.status, response.attempts()), (200, 2));
    }
}

#[tokio::test]
async fn what_will_not_change_is_not_asked_again() {
    for status in [400, 401, 403, 404, 422, 301, 418] {
        let provider = Scripted::always(refusal(status)).await;
        let gateway = Gateway::start(Setup::new().provider("only", &provider, "retries = 3")).await;
        assert_ne!(gateway.chat(&ask("m")).await.status, 200);
        assert_eq!(provider.calls(), 1, "{status}");
    }
}

#[tokio::test]
async fn repeats_end_at_the_number_that_is_configured() {
    let provider = Scripted::always(refusal(500)).await;
    let lines = "retries = 2\nbreaker = { failures = 100, open = \"60s\" }";
    let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
    let response = gateway.chat(&ask("m")).await;
    response.assert_error(502, "api_error", Some("all_providers_failed"));
    assert_eq!((provider.calls(), response.attempts()), (3, 3));
}

#[tokio::test]
async fn an_outage_is_not_multiplied_by_repeats() {
    let provider = Scripted::always(refusal(503)).await;
    let lines = "retries = 5\nbreaker = { failures = 1000000, open = \"60s\" }";
    let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
    let request = ask("m");
    let calls = (0..40).map(|_| gateway.chat(&request));
    for response in futures_util::future::join_all(calls).await {
        response.assert_error(502, "api_error", Some("all_providers_failed"));
    }
    // A fifth of the calls, and never fewer than three; without a budget they would be 240.
    let calls = provider.calls();
    assert!((43..=48).contains(&calls), "{calls} calls for 40");
}

#[tokio::test]
async fn a_rest_that_is_longer_than_the_deadline_is_not_waited_for() {
    let provider = Scripted::in_turn([refusal(429).header("retry-after", 3), good()]).await;
    let setup = Setup::new().provider("only", &provider, "retries = 1").server("deadline = \"1s\"");
    let gateway = Gateway::start(setup).await;
    gateway.chat(&ask("m")).await.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn a_repeat_waits_as_long_as_the_provider_asked() {
    let provider = Scripted::in_turn([refusal(429).header("retry-after-ms", 600), good()]).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "retries = 1")).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    let seen = provider.seen();
    let pause = seen[1].at - seen[0].at;
    assert!(pause.as_millis() >= 590, "asked again after {pause:?}");
}
