//! Streams pass as they are, whatever their form (FAULTS F37, F39, F40, F43-F47, F49-F51).

use std::time::Duration;

use crate::harness::*;

/// A provider's stream, and that the client gets every byte of it, in whichever pieces it comes.
async fn assert_passes(name: &str, events: &[String]) {
    let bytes = events.concat().into_bytes();
    let whole = Reply::stream(events.to_vec());
    let forms = [
        whole.clone(),
        whole.clone().split(1),
        whole.clone().split(7),
        whole.clone().split(bytes.len()),
        whole.until_close(),
    ];
    let count = forms.len();
    let provider = Scripted::in_turn(forms).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "inject_usage = false")).await;
    for form in 0..count {
        let response = gateway.chat(&ask_stream("m")).await;
        assert_eq!((response.status, response.end), (200, End::Whole), "{name}, form {form}: {}", response.text());
        assert_eq!(response.text(), String::from_utf8_lossy(&bytes), "{name}, form {form}");
        assert_eq!(response.header("content-type"), Some("text/event-stream"));
    }
    for record in gateway.records(count).await {
        assert_eq!(record["call.outcome"], "ok", "{name}: {record}");
    }
}

fn lines_end(end: &str) -> Vec<String> {
    events().iter().map(|event| event.replace('\n', end)).collect()
}

#[tokio::test]
async fn every_line_end_passes() {
    assert_passes("LF", &events()).await;
    assert_passes("CRLF", &lines_end("\r\n")).await;
    assert_passes("CR", &lines_end("\r")).await;
}

#[tokio::test]
async fn text_of_many_bytes_passes_split_anywhere() {
    let words = ["naïve ", "東京 🗼", "\u{2028}\u{85}", "\"quoted\" \\ \t"].map(text);
    let mut stream = vec![role()];
    stream.extend(words);
    // JSON may hold these unescaped, and they are no line ends of an event stream.
    stream.push(chunk("\"delta\":{\"content\":\"a\u{2028}b\u{2029}c\u{85}d\"},\"finish_reason\":null"));
    stream.extend([finish(), DONE.to_owned()]);
    assert_passes("unicode", &stream).await;
}

#[tokio::test]
async fn comments_and_other_fields_pass() {
    let mut stream = vec![": OPENROUTER PROCESSING\n\n".to_owned(), "retry: 3000\n\n".to_owned()];
    stream.extend([role(), format!("id: 7\nevent: message\n{}", text("Hello")), ": ping\n\n".to_owned()]);
    stream.extend([finish(), DONE.to_owned(), ": bye\n\n".to_owned()]);
    assert_passes("comments", &stream).await;
}

#[tokio::test]
async fn data_without_a_space_and_over_several_lines_passes() {
    let unspaced: Vec<_> = events().iter().map(|event| event.replace("data: ", "data:")).collect();
    assert_passes("no space", &unspaced).await;
    let lines = text("Hello").replace(",\"choices\"", "\ndata: ,\"choices\"");
    assert_passes("several lines", &[role(), lines, finish(), DONE.to_owned()]).await;
}

#[tokio::test]
async fn ends_in_every_spelling_are_whole() {
    let begun = || vec![role(), text("Hello")];
    let with = |more: &[String]| [begun(), more.to_vec()].concat();
    let done = || DONE.to_owned();
    assert_passes("a finish reason and no [DONE]", &with(&[finish()])).await;
    assert_passes("usage behind the finish reason and no [DONE]", &with(&[finish(), usage(9, 3)])).await;
    assert_passes("[DONE] and no finish reason", &with(&[done()])).await;
    assert_passes("[DONE] twice", &with(&[finish(), done(), done()])).await;
    assert_passes("data behind [DONE]", &with(&[finish(), done(), text("late")])).await;
    assert_passes("two finish reasons", &with(&[finish(), finish(), done()])).await;
    assert_passes("no blank line at the end", &with(&[finish(), "data: [DONE]".to_owned()])).await;
    assert_passes("an empty answer", &[role(), finish(), done()]).await;
}

#[tokio::test]
async fn an_event_that_is_not_json_passes() {
    let broken = "data: {\"oops\": \n\n".to_owned();
    assert_passes("a broken event", &[role(), text("Hello"), broken, finish(), DONE.to_owned()]).await;
}

#[tokio::test]
async fn reasoning_refusals_and_tool_calls_are_content() {
    for delta in [
        r#""delta":{"reasoning_content":"hm"}"#,
        r#""delta":{"refusal":"no"}"#,
        r#""delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
    ] {
        // After content a break can only be told; before it another provider would have answered.
        let first = Scripted::always(Reply::stream([role(), chunk(delta)]).then(Step::Fin)).await;
        let second = Scripted::saying("second").await;
        let gateway = Gateway::start(Setup::pair(&first, &second)).await;
        let response = gateway.chat(&ask_stream("chat")).await;
        response.assert_stream_error();
        assert!(response.text().starts_with(&(role() + &chunk(delta))), "{}", response.text());
        assert_eq!(second.calls(), 0);
    }
}

#[tokio::test]
async fn a_stream_answered_as_json_passes_as_json() {
    for content_type in ["application/json", "text/event-stream"] {
        let provider = Scripted::always(Reply::new(200, content_type, format!("\n {}", completion(TEXT)))).await;
        let gateway = Gateway::start(Setup::one(&provider)).await;
        let response = gateway.chat(&ask_stream("m")).await;
        assert_eq!((response.status, response.text()), (200, format!("\n {}", completion(TEXT))));
    }
}

#[tokio::test]
async fn a_stream_is_one_whatever_its_content_type_says() {
    let provider = Scripted::always(good_stream().header("content-type", "application/json")).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let response = gateway.chat(&ask_stream("m")).await;
    assert_eq!((response.status, response.body), (200, event_bytes()));
}

#[tokio::test]
async fn each_event_leaves_as_it_comes() {
    let (first_seen, wait_for_first) = gate();
    let (second_seen, wait_for_second) = gate();
    let reply = Reply::stream([role(), text("Hello")])
        .then(Step::Wait(wait_for_first))
        .then_event(text(" there"))
        .then(Step::Wait(wait_for_second))
        .then_event(finish())
        .then_event(DONE);
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    // The provider goes on only when the client has seen what there was.
    connection.until(&mut response, "Hello").await;
    first_seen.open();
    connection.until(&mut response, " there").await;
    second_seen.open();
    assert_eq!(connection.rest(&mut response).await, End::Whole);
    assert_eq!(response.body, event_bytes());
}

#[tokio::test]
async fn comments_are_signs_of_life() {
    // Longer in all than the idle time allows, but never silent for so long.
    let comments = vec![": thinking\n\n".to_owned(); 12];
    let stream = [vec![role(), text("Hello")], comments, vec![finish(), DONE.to_owned()]].concat();
    let provider = Scripted::always(Reply::stream(stream.clone()).paced(Duration::from_millis(100))).await;
    let setup = Setup::new().provider("only", &provider, "timeouts = { idle = \"1s\" }");
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask_stream("m")).await;
    assert_eq!((response.status, response.text()), (200, stream.concat()));
}
