//! Comments that keep a silent stream open (DESIGN 2, step 7; FAULTS F46; PITFALLS 19, 22).

use crate::grammar::check;
use crate::harness::*;
use crate::upstreams::{Vendor, scenario};

const SOON: &str = "keepalive = \"200ms\"";
const COMMENT: &str = ": tollgate\n";

#[tokio::test]
async fn a_stream_that_waits_for_its_first_byte_is_kept_open() {
    let (opened, wait) = gate();
    let provider = Scripted::always(good_stream().first(Step::Wait(wait))).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "inject_usage = false").server(SOON)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    assert_eq!(response.status, 200);
    assert!(response.header("content-type").unwrap().starts_with("text/event-stream"));
    for absent in ["x-tollgate-provider", "x-tollgate-model", "x-tollgate-attempts"] {
        assert_eq!(response.header(absent), None, "nobody knows {absent} yet");
    }
    assert!(response.header("x-request-id").is_some());
    connection.until(&mut response, &COMMENT.repeat(2)).await;
    assert_eq!(response.text().replace(COMMENT, ""), "", "nothing but comments, without a blank line");
    opened.open();
    assert_eq!(connection.rest(&mut response).await, End::Whole);
    let text = response.text();
    assert_eq!(text.trim_start_matches(COMMENT), events().concat());
    assert_eq!(gateway.record(1).await["call.outcome"], "ok");
}

#[tokio::test]
async fn a_silence_between_events_is_filled_too() {
    let (opened, wait) = gate();
    let reply = Reply::stream([role(), text("Hello")]).then(Step::Wait(wait)).then_event(finish()).then_event(DONE);
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::one(&provider).server(SOON)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    let begun = role() + &text("Hello");
    connection.until(&mut response, &format!("{begun}{COMMENT}{COMMENT}")).await;
    opened.open();
    assert_eq!(connection.rest(&mut response).await, End::Whole);
    assert_eq!(response.text().replace(COMMENT, ""), begun + &finish() + DONE);
}

#[tokio::test]
async fn a_comment_never_stands_inside_an_event() {
    let (opened, wait) = gate();
    let event = text("Hello");
    let (head, tail) = event.split_at(40);
    let reply = Reply::stream([&role(), &text("first"), head])
        .then(Step::Wait(wait))
        .then_event(tail)
        .then_event(finish())
        .then_event(DONE);
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::one(&provider).server(SOON)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, COMMENT).await;
    opened.open();
    connection.rest(&mut response).await;
    let expected = role() + &text("first") + &text("Hello") + &finish() + DONE;
    assert_eq!(response.text().replace(COMMENT, ""), expected);
}

#[tokio::test]
async fn after_a_comment_another_provider_may_still_answer() {
    let (opened, wait) = gate();
    let first = Scripted::always(refusal(500).first(Step::Wait(wait))).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(Setup::pair(&first, &second).server(SOON)).await;
    let mut connection = gateway.begin(&ask_stream("chat")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, COMMENT).await;
    opened.open();
    connection.rest(&mut response).await;
    assert_eq!(said(&response.body), "second");
    assert!(response.text().ends_with(DONE));
}

#[tokio::test]
async fn after_a_comment_a_failure_is_one_error_event() {
    let (opened, wait) = gate();
    let provider = Scripted::always(refusal(500).first(Step::Wait(wait))).await;
    let gateway = Gateway::start(Setup::one(&provider).server(SOON)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, COMMENT).await;
    opened.open();
    connection.rest(&mut response).await;
    let error = response.assert_stream_error();
    assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some("api_error"), Some("all_providers_failed")));
    assert_eq!(gateway.record(1).await["call.outcome"], "all_failed");
}

#[tokio::test]
async fn a_deadline_after_a_comment_is_an_error_event() {
    let provider = Scripted::always(Script(vec![Step::Stall])).await;
    let gateway = Gateway::start(Setup::one(&provider).server("keepalive = \"150ms\"\ndeadline = \"500ms\"")).await;
    let response = gateway.chat(&ask_stream("m")).await;
    let error = response.assert_stream_error();
    assert_eq!(error["code"], "deadline_exceeded");
    assert_eq!(gateway.record(1).await["call.outcome"], "deadline");
}

#[tokio::test]
async fn calls_that_do_not_stream_get_no_comment() {
    let (opened, wait) = gate();
    let provider = Scripted::in_turn([good().first(Step::Wait(wait)).script(), Script(vec![Step::Stall])]).await;
    let gateway = Gateway::start(Setup::one(&provider).server("keepalive = \"50ms\"")).await;
    let (request, stream) = (ask("m"), ask_stream("m"));
    let whole = gateway.chat(&request);
    let witness = async {
        provider.until("the first call", |counts| counts.calls == 1).await;
        let mut connection = gateway.begin(&stream).await;
        let mut response = connection.head().await.unwrap();
        connection.until(&mut response, &COMMENT.repeat(4)).await;
        opened.open();
    };
    let (whole, ()) = tokio::join!(whole, witness);
    assert_eq!((whole.status, whole.text()), (200, completion(TEXT)));
}

#[tokio::test]
async fn after_a_comment_an_answer_in_one_piece_is_told_as_a_stream() {
    for (door, vendor) in
        [(Door::Chat, Vendor::OpenAi), (Door::Chat, Vendor::Mistral), (Door::Messages, Vendor::Anthropic)]
    {
        let (opened, wait) = gate();
        let whole = vendor.whole(&scenario("text")).to_string();
        let provider = Scripted::always(Reply::new(200, "application/json", whole).first(Step::Wait(wait))).await;
        let lines = format!("kind = \"{}\"", vendor.kind());
        let gateway = Gateway::start(Setup::new().provider("only", &provider, &lines).server(SOON)).await;
        gateway.expect_calls(1);
        let mut connection = Connection::open(gateway.door).await;
        let request = streamed(door, say(door, "m", "Hello"));
        connection.send(post(door.path(), door.headers(), request.to_string())).await;
        let mut response = connection.head().await.unwrap();
        connection.until(&mut response, COMMENT).await;
        opened.open();
        assert_eq!(connection.rest(&mut response).await, End::Whole);
        let said = check(door, &response.text(), true).unwrap_or_else(|rule| panic!("{vendor:?}: {rule}"));
        assert_eq!(said.text, scenario("text").text, "{vendor:?}");
        let record = gateway.record(1).await;
        assert_eq!((&record["call.outcome"], &record["tokens.output"]), (&"ok".into(), &13.into()), "{record}");
        assert_eq!(provider.calls(), 1);
    }
}
