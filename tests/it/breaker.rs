//! Circuit breakers: one per provider and model, one per provider.

use crate::harness::*;

fn breaker(failures: u32, open: &str) -> String {
    format!("breaker = {{ failures = {failures}, open = \"{open}\" }}")
}

fn pair(first: &Scripted, second: &Scripted, lines: &str) -> Setup {
    Setup::new()
        .provider("first", first, lines)
        .provider("second", second, "")
        .ordered("chat", &["first/m", "second/m"])
}

#[tokio::test]
async fn opens_after_consecutive_failures_and_the_provider_is_passed_over() {
    let first = Scripted::always(refusal(500)).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(3, "60s"))).await;
    let mut attempts = Vec::new();
    for _ in 0..5 {
        let response = gateway.chat(&ask("chat")).await;
        assert_eq!(response.provider(), "second");
        attempts.push(response.attempts());
    }
    assert_eq!(attempts, [2, 2, 2, 1, 1]);
    assert_eq!(first.calls(), 3);
    let labels = [("provider", "first"), ("model", "m")];
    assert_eq!(gateway.metrics().await.sum("tollgate_breaker_state", &labels), 2.0);
}

#[tokio::test]
async fn a_success_between_failures_starts_the_count_again() {
    let turns = [500, 500, 200, 500, 500, 200].map(|status| if status == 200 { good() } else { refusal(status) });
    let first = Scripted::in_turn(turns).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(3, "60s"))).await;
    for _ in 0..6 {
        assert_eq!(gateway.chat(&ask("chat")).await.status, 200);
    }
    assert_eq!(first.calls(), 6);
}

#[tokio::test]
async fn opens_when_half_of_twenty_calls_fail_without_three_in_a_row() {
    let turns = (0..20).map(|call| if call % 2 == 0 { good() } else { refusal(500) });
    let first = Scripted::in_turn(turns).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(3, "60s"))).await;
    for call in 0..20 {
        let expected = if call % 2 == 0 { ("first", 1) } else { ("second", 2) };
        let response = gateway.chat(&ask("chat")).await;
        assert_eq!((response.provider(), response.attempts()), expected, "{call}");
    }
    for _ in 0..5 {
        let response = gateway.chat(&ask("chat")).await;
        assert_eq!((response.provider(), response.attempts()), ("second", 1));
    }
    assert_eq!(first.calls(), 20);
    let labels = [("provider", "first"), ("model", "m")];
    assert_eq!(gateway.metrics().await.sum("tollgate_breaker_state", &labels), 2.0);
}

#[tokio::test]
async fn a_third_of_the_calls_may_fail() {
    let turns = (0..30).map(|call| if call % 3 == 0 { refusal(500) } else { good() });
    let first = Scripted::in_turn(turns).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(3, "60s"))).await;
    for _ in 0..30 {
        assert_eq!(gateway.chat(&ask("chat")).await.status, 200);
    }
    assert_eq!(first.calls(), 30);
}

#[tokio::test]
async fn a_breaker_that_is_set_never_to_open_does_not_open_by_a_share_either() {
    let first = Scripted::always(refusal(500)).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(1_000_000, "60s"))).await;
    for _ in 0..25 {
        assert_eq!(gateway.chat(&ask("chat")).await.attempts(), 2);
    }
    assert_eq!(first.calls(), 25);
}

#[tokio::test]
async fn callers_mistakes_do_not_hide_a_provider_that_fails() {
    let turns = [500, 400, 500, 400, 500, 400].map(refusal);
    let first = Scripted::in_turn(turns).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(3, "60s"))).await;
    for status in [200, 400, 200, 400, 200] {
        assert_eq!(gateway.chat(&ask("chat")).await.status, status);
    }
    assert_eq!(gateway.chat(&ask("chat")).await.provider(), "second");
    assert_eq!(first.calls(), 5);
}

#[tokio::test]
async fn one_probe_at_a_time_tries_a_provider_again() {
    let (probed, wait) = gate();
    let probe = good().first(Step::Wait(wait)).script();
    let first = Scripted::in_turn([refusal(500).script(), probe, good().script()]).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(1, "300ms"))).await;
    assert_eq!(gateway.chat(&ask("chat")).await.provider(), "second");
    // Calls go to the second provider until one is the probe.
    let request = ask("chat");
    let mut probing = std::pin::pin!(async {
        loop {
            let response = gateway.chat(&request).await;
            if response.provider() == "first" {
                return response;
            }
        }
    });
    tokio::select! {
        _ = &mut probing => panic!("the probe cannot end before its gate opens"),
        _ = first.until("the probe", |counts| counts.calls == 2) => {}
    }
    for _ in 0..5 {
        assert_eq!(gateway.chat(&ask("chat")).await.provider(), "second", "a second probe");
    }
    assert_eq!(first.calls(), 2);
    let labels = [("provider", "first"), ("model", "m")];
    assert_eq!(gateway.metrics().await.sum("tollgate_breaker_state", &labels), 1.0);
    probed.open();
    assert_eq!(probing.await.status, 200);
    assert_eq!(gateway.chat(&ask("chat")).await.provider(), "first", "a good probe closes the breaker");
    assert_eq!(gateway.metrics().await.sum("tollgate_breaker_state", &labels), 0.0);
}

#[tokio::test]
async fn a_probe_that_fails_opens_again() {
    let first = Scripted::always(refusal(500)).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(1, "400ms"))).await;
    gateway.chat(&ask("chat")).await;
    while first.calls() < 2 {
        gateway.chat(&ask("chat")).await;
    }
    // Just probed: the next call is not.
    assert_eq!(gateway.chat(&ask("chat")).await.attempts(), 1);
    assert_eq!(first.calls(), 2);
}

#[tokio::test]
async fn a_probe_whose_client_goes_away_gives_its_place_back() {
    let first = Scripted::in_turn([refusal(500).script(), Script(vec![Step::Stall]), good().script()]).await;
    let gateway = Gateway::start(Setup::new().provider("first", &first, &breaker(1, "200ms"))).await;
    gateway.chat(&ask("m")).await.assert_error(502, "api_error", Some("all_providers_failed"));
    while first.calls() < 2 {
        let connection = gateway.begin(&ask("m")).await;
        let mut connection = connection;
        tokio::select! {
            refused = connection.response() => assert_eq!(refused.status, 503),
            _ = first.until("the probe", |counts| counts.calls == 2) => {}
        }
    }
    first.until("the probe given up", |counts| counts.gone == 1).await;
    let served = within("a next probe", async {
        loop {
            let response = gateway.chat(&ask("m")).await;
            if response.status == 200 {
                return response;
            }
        }
    })
    .await;
    assert_eq!(served.provider(), "first");
}

#[tokio::test]
async fn models_of_one_provider_fail_alone() {
    let provider =
        Scripted::start(|seen| if seen.json()["model"] == "bad" { refusal(500) } else { good() }.script()).await;
    let lines = format!(
        "{}\nmodels = [{{ name = \"bad\", input = 1, output = 1 }}, {{ name = \"m\", input = 1, output = 1 }}]",
        breaker(1, "60s")
    );
    let gateway = Gateway::start(Setup::new().provider("only", &provider, &lines)).await;
    assert_eq!(gateway.chat(&ask("bad")).await.status, 502);
    gateway.chat(&ask("bad")).await.assert_error(503, "overloaded", Some("no_provider_available"));
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
}

#[tokio::test]
async fn an_unreachable_provider_is_out_with_all_its_models() {
    let dead = Refusing::new();
    let lines = format!(
        "{}\nmodels = [{{ name = \"m\", input = 1, output = 1 }}, {{ name = \"n\", input = 1, output = 1 }}]",
        breaker(2, "60s")
    );
    let gateway = Gateway::start(Setup::new().provider_at("only", &dead.base_url(), &lines)).await;
    for _ in 0..2 {
        gateway.chat(&ask("m")).await.assert_error(502, "api_error", Some("all_providers_failed"));
    }
    for model in ["m", "n"] {
        let response = gateway.chat(&ask(model)).await;
        response.assert_error(503, "overloaded", Some("no_provider_available"));
        let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
        assert!((50..=60).contains(&seconds), "{seconds}");
    }
    let labels = [("provider", "only"), ("model", "")];
    assert_eq!(gateway.metrics().await.sum("tollgate_breaker_state", &labels), 2.0);
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_failure_of_the_provider() {
    let provider = Scripted::in_turn([Script(vec![Step::Stall]), good().script()]).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, &breaker(1, "60s"))).await;
    let connection = gateway.begin(&ask("m")).await;
    provider.until("the call", |counts| counts.calls == 1).await;
    drop(connection);
    provider.until("the call given up", |counts| counts.gone == 1).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
}

#[tokio::test]
async fn the_shortest_opening_of_all_is_told() {
    let first = Scripted::always(refusal(500)).await;
    let second = Scripted::always(refusal(500)).await;
    let setup = Setup::new()
        .provider("first", &first, &breaker(1, "90s"))
        .provider("second", &second, &breaker(1, "30s"))
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    gateway.chat(&ask("chat")).await.assert_error(502, "api_error", Some("all_providers_failed"));
    let response = gateway.chat(&ask("chat")).await;
    response.assert_error(503, "overloaded", Some("no_provider_available"));
    let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((20..=30).contains(&seconds), "{seconds}");
}

const SLOW: &str = "breaker = { failures = 3, open = \"60s\", slow = \"10ms\" }";

fn pause() -> Step {
    Step::Pause(std::time::Duration::from_millis(30))
}

#[tokio::test]
async fn a_provider_that_is_always_slow_is_left_alone_after_twenty_calls() {
    let stream = Reply::stream([role()]).then(pause()).then_event(text("late")).then_event(finish()).then_event(DONE);
    for (request, reply) in [(ask("chat"), good().first(pause())), (ask_stream("chat"), stream)] {
        let first = Scripted::always(reply).await;
        let second = Scripted::saying("second").await;
        let gateway = Gateway::start(pair(&first, &second, SLOW)).await;
        for call in 0..20 {
            let response = gateway.chat(&request).await;
            assert_eq!((response.provider(), response.attempts()), ("first", 1), "{call}");
        }
        // A stream counts with its end.
        gateway.records(20).await;
        let response = gateway.chat(&request).await;
        assert_eq!((response.provider(), response.attempts()), ("second", 1));
    }
}

#[tokio::test]
async fn slowness_is_borne_where_nobody_speaks_of_it() {
    let first = Scripted::always(good().first(pause())).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(pair(&first, &second, &breaker(3, "60s"))).await;
    for _ in 0..25 {
        assert_eq!(gateway.chat(&ask("chat")).await.provider(), "first");
    }
}

#[tokio::test]
async fn a_slow_probe_opens_again_and_its_client_gets_the_answer() {
    let (ended, wait) = gate();
    let slow = Reply::stream([role()]).then(pause()).then_event(text("late")).then(Step::Wait(wait));
    let slow = slow.then_event(finish()).then_event(DONE);
    let first = Scripted::in_turn([refusal(500).script(), slow.script()]).await;
    let lines = "breaker = { failures = 1, open = \"1ms\", slow = \"10ms\" }";
    let gateway = Gateway::start(Setup::new().provider("only", &first, lines)).await;
    let state = async || {
        let labels = [("provider", "only"), ("model", "m")];
        gateway.metrics().await.sum("tollgate_breaker_state", &labels)
    };
    assert_eq!(gateway.chat(&ask("m")).await.status, 502);
    let (mut connection, mut response) = loop {
        let mut connection = gateway.begin(&ask_stream("m")).await;
        let response = connection.head().await.unwrap();
        if response.status == 200 {
            break (connection, response);
        }
    };
    connection.until(&mut response, "late").await;
    assert_eq!(state().await, 2.0, "its beginning is its verdict");
    ended.open();
    connection.rest(&mut response).await;
    assert_eq!(said(&response.body), "late");
    gateway.record(first.calls()).await;
    assert_eq!(state().await, 2.0, "its end changes nothing");
}
