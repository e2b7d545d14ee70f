//! Streams that break after content: the caller is told (FAULTS F36, F38, F42, F48; PITFALLS 17-21; invariant 2). What breaks
//! before is in the table of faults.

use serde_json::json;

use crate::grammar::check;
use crate::harness::*;

const SHORT: &str = "timeouts = { first_byte = \"1s\", idle = \"1s\" }";

/// A stream that says something and then breaks.
fn breaking(end: Step) -> Reply {
    Reply::stream([role(), text("Hello")]).then(end)
}

#[tokio::test]
async fn what_breaks_after_content_is_told_and_never_spliced() {
    let long_line = format!("data: {}", "x".repeat(9 << 20));
    for (name, reply, class) in [
        ("a cut", breaking(Step::Fin), "truncated"),
        ("an end without a finish reason", Reply::stream([role(), text("Hello")]), "truncated"),
        ("an end of a body without length", Reply::stream([role(), text("Hello")]).until_close(), "truncated"),
        ("an error event", Reply::stream([role(), text("Hello"), error_event(503)]), "server_error"),
        (
            "half an event",
            Reply::stream([role(), text("Hello"), text("lost")[..30].to_owned()]).then(Step::Fin),
            "truncated",
        ),
        (
            "half an event and a clean end",
            Reply::stream([role(), text("Hello"), text("lost")[..30].to_owned()]),
            "truncated",
        ),
        ("a line without end", Reply::stream([role(), text("Hello"), long_line]), "malformed"),
        ("a stall", breaking(Step::Stall), "timeout"),
    ] {
        let first = Scripted::always(reply).await;
        let second = Scripted::saying("second").await;
        let setup = Setup::new()
            .provider("first", &first, SHORT)
            .provider("second", &second, "")
            .ordered("chat", &["first/m", "second/m"]);
        let gateway = Gateway::start(setup).await;
        let response = gateway.chat(&ask_stream("chat")).await;
        let error = response.assert_stream_error();
        let begun = role() + &text("Hello");
        assert!(response.text().starts_with(&begun), "{name}: {}", response.text());
        assert_eq!(said(&response.body), "Hello", "{name}");
        assert_error_shape(&json!({"error": error}), "api_error", Some("all_providers_failed"));
        assert_eq!(second.calls(), 0, "{name}");
        let record = gateway.record(1).await;
        assert_eq!(record["call.outcome"], "stream_broken", "{name}");
        assert_eq!(record["cost.estimated"], true, "{name}: {record}");
        let labels = [("provider", "first"), ("class", class)];
        assert_eq!(gateway.metrics().await.sum("tollgate_attempts_total", &labels), 1.0, "{name}");
    }
}

#[tokio::test]
async fn a_stream_of_which_one_choice_never_ends_is_cut() {
    let provider = Scripted::always(Reply::stream([role(), text("Hello"), finish()])).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let two = with(ask_stream("m"), json!({"n": 2}));
    gateway.chat(&two).await.assert_stream_error();
    assert_eq!(gateway.chat(&ask_stream("m")).await.end, End::Whole);
}

#[tokio::test]
async fn a_reset_after_content_is_told() {
    let (seen, wait) = gate();
    // A reset overtakes what the client has not read yet, so it waits.
    let provider =
        Scripted::always(Reply::stream([role(), text("Hello")]).then(Step::Wait(wait)).then(Step::Reset)).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, "Hello").await;
    seen.open();
    connection.rest(&mut response).await;
    response.assert_stream_error();
    assert_eq!(gateway.record(1).await["call.outcome"], "stream_broken");
}

#[tokio::test]
async fn an_idle_time_that_runs_out_closes_the_provider() {
    let provider = Scripted::always(breaking(Step::Stall)).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, SHORT)).await;
    gateway.chat(&ask_stream("m")).await.assert_stream_error();
    provider.until("the gateway giving the stalled stream up", |counts| counts.gone == 1).await;
}

#[tokio::test]
async fn a_broken_stream_charges_the_breaker() {
    let provider = Scripted::always(breaking(Step::Fin)).await;
    let setup = Setup::new().provider("only", &provider, "breaker = { failures = 2, open = \"60s\" }");
    let gateway = Gateway::start(setup).await;
    for _ in 0..2 {
        gateway.chat(&ask_stream("m")).await.assert_stream_error();
    }
    gateway.chat(&ask_stream("m")).await.assert_error(503, "overloaded", Some("no_provider_available"));
    assert_eq!(provider.calls(), 2);
}

#[tokio::test]
async fn the_total_time_ends_a_stream_that_never_stops() {
    let drip = vec![text("on"); 200];
    let provider = Scripted::always(Reply::stream(drip).paced(std::time::Duration::from_millis(20))).await;
    let setup = Setup::new().provider("only", &provider, "timeouts = { total = \"500ms\" }");
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask_stream("m")).await;
    response.assert_stream_error();
    provider.until("the gateway giving the endless stream up", |counts| counts.gone == 1).await;
}

#[tokio::test]
async fn an_answer_that_is_whole_but_for_its_last_event_gets_it() {
    let event = |data: serde_json::Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 1}
    });
    let events = [
        event(json!({"type": "message_start", "message": message})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
        event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}})),
        event(json!({"type": "content_block_stop", "index": 0})),
        event(json!({
            "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 2}
        })),
    ];
    let stop = event(json!({"type": "message_stop"}));
    for (part, end) in [(0, Step::Fin), (0, Step::Reset), (0, Step::Stall), (9, Step::Fin), (stop.len() - 4, Step::Fin)]
    {
        let sent = [&events[..], &[stop[..part].to_owned()]].concat();
        let provider = Scripted::always(Reply::stream(sent).then(end)).await;
        let lines = "kind = \"anthropic\"\ntimeouts = { idle = \"300ms\" }";
        let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
        for door in [Door::Messages, Door::Chat] {
            let response = gateway.call(door, &streamed(door, say(door, "only/m", "Say hello"))).await;
            let text = response.text();
            assert!(door == Door::Chat || text == events.concat() + &stop, "{text}");
            assert_eq!(check(door, &text, true).map(|said| said.text).as_deref(), Ok("Hello"), "{text}");
            assert_eq!(gateway.record_of(&response).await["call.outcome"], "ok");
        }
    }
}
