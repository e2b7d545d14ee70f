//! How long a provider asks to be left alone, in every spelling, and what the caller is told
//! (FAULTS F1-F8; PITFALLS 29, 30).

use std::time::{Duration, SystemTime};

use crate::harness::*;

const KEY: &str = "api_keys = [\"sk-provider-key-1\"]";

/// What the caller is told after a 429 with this header, in milliseconds.
async fn told(name: &str, value: &str) -> u64 {
    let reply = if name.is_empty() { refusal(429) } else { refusal(429).header(name, value) };
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEY)).await;
    let first = gateway.chat(&ask("m")).await;
    first.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
    let header = |name| first.header(name).and_then(|value| value.parse::<u64>().ok());
    let (seconds, millis) = (header("retry-after").unwrap(), header("retry-after-ms").unwrap());
    assert_eq!(seconds, millis.div_ceil(1000), "{name}: {value}: the two headers agree");
    if millis > 5_000 {
        // The key rests: nobody asks the provider before its time.
        let second = gateway.chat(&ask("m")).await;
        second.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
        assert!(second.header("retry-after").is_some(), "{:?}", second.head);
        assert_eq!(provider.calls(), 1, "{name}: {value}");
    }
    millis
}

#[tokio::test]
async fn every_spelling_is_understood() {
    let date = |ahead| httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(ahead));
    for (name, value, seconds) in [
        ("retry-after", "20", 20),
        ("retry-after", &*date(600), 600),
        ("retry-after", "999999", 3600),
        ("retry-after-ms", "20500", 20),
        ("x-ms-retry-after-ms", "30500", 30),
        ("x-ratelimit-reset-requests", "1m30s", 90),
        ("x-ratelimit-reset-tokens", "6m0s", 360),
    ] {
        let millis = told(name, value).await;
        // Some of it may have passed on a busy machine, and dates are whole seconds.
        let range = seconds * 1000 - 15_000..=seconds * 1000 + 1_000;
        assert!(range.contains(&millis), "{name}: {value}: {millis} ms");
    }
}

#[tokio::test]
async fn what_says_nothing_is_a_short_rest() {
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (name, value) in [
        ("", ""),
        ("retry-after", "-1"),
        ("retry-after", "soon"),
        ("retry-after", past),
        ("x-ratelimit-reset-requests", "17ms"),
    ] {
        let millis = told(name, value).await;
        assert!((1..=2_000).contains(&millis), "{name}: {value}: {millis} ms");
    }
}

#[tokio::test]
async fn the_soonest_of_all_limited_providers_is_told() {
    let late = Scripted::always(refusal(429).header("retry-after", 90)).await;
    let soon = Scripted::always(refusal(429).header("retry-after", 20)).await;
    let setup = Setup::new()
        .provider("late", &late, KEY)
        .provider("soon", &soon, "api_keys = [\"sk-provider-key-2\"]")
        .ordered("chat", &["late/m", "soon/m"]);
    let gateway = Gateway::start(setup).await;
    for call in 0..2 {
        let response = gateway.chat(&ask("chat")).await;
        response.assert_error(429, "rate_limit_error", Some("rate_limit_exceeded"));
        let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
        assert!((15..=20).contains(&seconds), "call {call}: {seconds} s");
    }
    assert_eq!((late.calls(), soon.calls()), (1, 1));
}

#[tokio::test]
async fn a_shorter_rest_never_replaces_a_longer_one() {
    let (first_in, wait_for_first) = gate();
    let long = refusal(429).header("retry-after", 60).first(Step::Wait(wait_for_first.clone()));
    let short = refusal(429).header("retry-after", 1).first(Step::Wait(wait_for_first));
    let provider = Scripted::in_turn([long.script(), short.script(), good().script()]).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, KEY)).await;
    let request = ask("m");
    let both = async { tokio::join!(gateway.chat(&request), gateway.chat(&request)) };
    let opened = async {
        provider.until("both calls at the provider", |counts| counts.in_flight == 2).await;
        first_in.open();
    };
    let ((one, other), ()) = tokio::join!(both, opened);
    assert_eq!((one.status, other.status), (429, 429));
    let third = gateway.chat(&ask("m")).await;
    let seconds: u64 = third.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 50, "{seconds} s");
    assert_eq!(provider.calls(), 2);
}

#[tokio::test]
async fn a_503_with_a_long_rest_alone_trips_nothing() {
    let provider = Scripted::in_turn([refusal(503).header("retry-after", 600), good()]).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 502);
    // "Retry-After lengthens an opening, never causes one by itself."
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
}

#[tokio::test]
async fn an_opening_lasts_as_long_as_the_provider_asked() {
    let provider = Scripted::always(refusal(503).header("retry-after", 600)).await;
    let setup = Setup::new().provider("only", &provider, "breaker = { failures = 1, open = \"1s\" }");
    let gateway = Gateway::start(setup).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 502);
    let response = gateway.chat(&ask("m")).await;
    response.assert_error(503, "overloaded", Some("no_provider_available"));
    let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((590..=600).contains(&seconds), "{seconds} s");
}

#[tokio::test]
async fn a_rest_that_is_asked_for_while_the_breaker_is_open_already_counts() {
    let (opened, wait) = gate();
    let late = refusal(503).header("retry-after", 600).first(Step::Wait(wait));
    let provider = Scripted::in_turn([late.script(), refusal(503).script()]).await;
    let setup = Setup::new().provider("only", &provider, "breaker = { failures = 1, open = \"60s\" }");
    let gateway = Gateway::start(setup).await;
    let request = ask("m");
    let slow = gateway.chat(&request);
    let rest = async {
        provider.until("the slow call at the provider", |counts| counts.calls == 1).await;
        assert_eq!(gateway.chat(&request).await.status, 502);
        assert_eq!(gateway.chat(&request).await.status, 503);
        opened.open();
    };
    assert_eq!(tokio::join!(slow, rest).0.status, 502);
    let response = gateway.chat(&request).await;
    response.assert_error(503, "overloaded", Some("no_provider_available"));
    let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((590..=600).contains(&seconds), "{seconds} s");
}
