//! The clocks of an attempt and of a call (DESIGN deadline, timeouts, 4.4; PITFALLS 18; issue 2, "never holds a caller").

use serde_json::Value;

use crate::harness::*;

fn silent() -> Script {
    Script(vec![Step::Stall])
}

async fn assert_deadline(gateway: &Gateway, request: &Value, headers: &[&str]) {
    let response = gateway.chat_with(request, headers).await;
    response.assert_error(504, "timeout", Some("deadline_exceeded"));
}

#[tokio::test]
async fn the_deadline_ends_a_call_whatever_its_provider_does() {
    let half = completion(TEXT).len() / 2;
    let drip = Reply::stream(vec![role(); 1000]).paced(std::time::Duration::from_millis(50));
    for (request, script) in [
        (ask("m"), silent()),
        (ask("m"), good().cut(half, Step::Stall).script()),
        (ask_stream("m"), silent()),
        (ask_stream("m"), Reply::stream([role()]).then(Step::Stall).script()),
        (ask_stream("m"), drip.script()),
    ] {
        let provider = Scripted::always(script).await;
        let gateway = Gateway::start(Setup::one(&provider).server("deadline = \"400ms\"")).await;
        assert_deadline(&gateway, &request, &[]).await;
        provider.until("the provider given up", |counts| counts.gone == 1).await;
        assert_eq!(gateway.record(1).await["call.outcome"], "deadline");
    }
}

#[tokio::test]
async fn a_models_deadline_shortens_the_servers() {
    let provider = Scripted::always(silent()).await;
    let setup = Setup::one(&provider).model("chat", &["only/m"], "deadline = \"300ms\"");
    let gateway = Gateway::start(setup).await;
    assert_deadline(&gateway, &ask("chat"), &[]).await;
}

#[tokio::test]
async fn a_caller_may_shorten_the_deadline() {
    let provider = Scripted::always(silent()).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    assert_deadline(&gateway, &ask("m"), &["x-tollgate-deadline-ms: 300"]).await;
    assert_deadline(&gateway, &ask_stream("m"), &["x-tollgate-deadline-ms: 300"]).await;
    assert_deadline(&gateway, &ask("m"), &["x-stainless-read-timeout: 0.3"]).await;
    assert_deadline(&gateway, &ask("m"), &["x-stainless-read-timeout: 600", "x-tollgate-deadline-ms: 300"]).await;
}

#[tokio::test]
async fn a_caller_may_not_lengthen_it() {
    let provider = Scripted::always(silent()).await;
    let gateway = Gateway::start(Setup::one(&provider).server("deadline = \"300ms\"")).await;
    assert_deadline(&gateway, &ask("m"), &["x-tollgate-deadline-ms: 600000"]).await;
    assert_deadline(&gateway, &ask("m"), &["x-stainless-read-timeout: 600"]).await;
}

#[tokio::test]
async fn a_callers_hurry_is_not_held_against_the_provider() {
    let provider =
        Scripted::start(|seen| if seen.json()["seed"] == 1 { Script(vec![Step::Stall]) } else { good().script() })
            .await;
    let setup = Setup::new().provider("only", &provider, "breaker = { failures = 2, open = \"60s\" }");
    let gateway = Gateway::start(setup).await;
    let hurried = with(ask("m"), serde_json::json!({"seed": 1}));
    for _ in 0..3 {
        assert_deadline(&gateway, &hurried, &["x-tollgate-deadline-ms: 200"]).await;
    }
    // Else anybody could open the breaker for everybody.
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
}

#[tokio::test]
async fn one_deadline_holds_for_all_attempts() {
    let first = Scripted::always(silent()).await;
    let second = Scripted::always(silent()).await;
    let setup = Setup::new()
        .provider("first", &first, "timeouts = { response = \"200ms\" }")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"])
        .server("deadline = \"600ms\"");
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("chat")).await;
    response.assert_error(504, "timeout", Some("deadline_exceeded"));
    assert_eq!((first.calls(), second.calls(), response.attempts()), (1, 1, 2));
    assert!(response.text().contains("first (timeout)"), "{}", response.text());
}

#[tokio::test]
async fn nobody_is_asked_who_could_not_answer_in_time() {
    let first = Scripted::always(silent()).await;
    let second = Scripted::saying("second").await;
    // The first attempt may use up half: 45 ms are left at most.
    let setup = Setup::pair(&first, &second).server("deadline = \"90ms\"");
    let gateway = Gateway::start(setup).await;
    for (call, request) in [ask("chat"), ask_stream("chat")].into_iter().enumerate() {
        let response = gateway.chat(&request).await;
        response.assert_error(504, "timeout", Some("deadline_exceeded"));
        assert!(response.text().contains("after 1 attempt: first (timeout)"), "{}", response.text());
        assert_eq!(gateway.record(call + 1).await["call.outcome"], "deadline");
    }
    assert_eq!((first.calls(), second.calls()), (2, 0));
}

#[tokio::test]
async fn a_first_attempt_is_made_however_little_time_the_caller_leaves() {
    let provider = Scripted::always(silent()).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for millis in [1, 10, 40] {
        assert_deadline(&gateway, &ask("m"), &[&format!("x-tollgate-deadline-ms: {millis}")]).await;
    }
}

#[tokio::test]
async fn a_provider_that_says_nothing_leaves_time_for_another() {
    let first = Scripted::always(silent()).await;
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider("first", &first, "timeouts = { first_byte = \"200ms\", response = \"200ms\" }")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    for request in [ask("chat"), ask_stream("chat")] {
        let response = gateway.chat(&request).await;
        assert_eq!((response.provider(), response.attempts()), ("second", 2));
    }
    first.until("both attempts given up", |counts| counts.gone == 2).await;
}

#[tokio::test]
async fn a_provider_that_says_nothing_does_not_use_up_a_short_deadline() {
    let first = Scripted::always(silent()).await;
    let second = Scripted::saying("second").await;
    let third = Scripted::always(silent()).await;
    let once = "breaker = { failures = 1, open = \"60s\" }";
    let setup = Setup::new()
        .provider("first", &first, once)
        .provider("second", &second, "")
        .provider("third", &third, once)
        .ordered("two", &["first/m", "second/m"])
        .ordered("three", &["first/m", "third/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    for request in [ask("two"), ask_stream("two")] {
        let response = gateway.chat_with(&request, &["x-tollgate-deadline-ms: 1500"]).await;
        assert_eq!((response.provider(), response.attempts()), ("second", 2), "{}", response.text());
    }
    let response = gateway.chat_with(&ask_stream("three"), &["x-tollgate-deadline-ms: 3000"]).await;
    assert_eq!((response.provider(), response.attempts()), ("second", 3), "{}", response.text());
    // The hurry was the caller's: else the third call had not asked the first provider.
    assert_eq!((first.calls(), third.calls()), (3, 1));
}

#[tokio::test]
async fn who_keeps_silent_through_our_own_deadline_is_left_alone() {
    let first = Scripted::always(silent()).await;
    let second = Scripted::saying("second").await;
    let setup = Setup::pair(&first, &second).model(
        "short",
        &["first/m", "second/m"],
        "strategy = \"ordered\"\ndeadline = \"600ms\"",
    );
    let gateway = Gateway::start(setup).await;
    for call in 0..6 {
        let response = gateway.chat(&ask("short")).await;
        assert_eq!(response.provider(), "second", "{}", response.text());
        assert_eq!(response.attempts(), if call < 3 { 2 } else { 1 }, "call {call}");
    }
    assert_eq!(first.calls(), 3);
}

#[tokio::test]
async fn what_is_slow_by_the_operators_word_is_slow_for_a_caller_in_a_hurry_too() {
    let first = Scripted::always(silent()).await;
    let second = Scripted::saying("second").await;
    let setup = Setup::new()
        .provider("first", &first, "breaker = { failures = 1, open = \"60s\", slow = \"50ms\" }")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    let request = ask("chat");
    let hurried = || gateway.chat_with(&request, &["x-tollgate-deadline-ms: 1000"]);
    for response in futures_util::future::join_all((0..20).map(|_| hurried())).await {
        assert_eq!((response.provider(), response.attempts()), ("second", 2), "{}", response.text());
    }
    // Of twenty calls at least half were slow.
    assert_eq!((hurried().await.attempts(), first.calls()), (1, 20));
}

#[tokio::test]
async fn after_the_commit_only_the_providers_own_clocks_hold() {
    let (opened, wait) = gate();
    let reply = Reply::stream([role(), text("Hello")]).then(Step::Wait(wait)).then_event(finish()).then_event(DONE);
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::one(&provider).server("deadline = \"300ms\"")).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, "Hello").await;
    // Another call's deadline, begun later, passes meanwhile.
    let later = Scripted::always(silent()).await;
    let witness = Gateway::start(Setup::one(&later).server("deadline = \"600ms\"")).await;
    assert_deadline(&witness, &ask("m"), &[]).await;
    opened.open();
    assert_eq!(connection.rest(&mut response).await, End::Whole);
    assert!(response.text().ends_with(DONE), "{}", response.text());
}
