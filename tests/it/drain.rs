//! The end of the process (FAULTS K12; DESIGN drain).

use crate::harness::*;

#[tokio::test]
async fn a_stream_that_is_under_way_may_finish() {
    let (opened, wait) = gate();
    let reply = Reply::stream([role(), text("Hello")]).then(Step::Wait(wait)).then_event(finish()).then_event(DONE);
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut idle = Connection::open(gateway.door).await;
    idle.send(get("/readyz", &[])).await;
    assert_eq!(idle.response().await.status, 200);
    let mut connection = gateway.begin(&ask_stream("m")).await;
    let mut response = connection.head().await.unwrap();
    connection.until(&mut response, "Hello").await;
    gateway.terminate();
    assert_eq!(idle.until_closed().await, b"", "idle connections close at once");
    opened.open();
    assert_eq!(connection.rest(&mut response).await, End::Whole);
    assert!(response.text().ends_with(DONE), "{}", response.text());
    assert!(gateway.exited().await.success());
    assert_eq!(gateway.record(1).await["call.outcome"], "ok");
}

#[tokio::test]
async fn an_idle_connection_is_no_call_that_is_given_up() {
    let provider = Scripted::always(good()).await;
    let gateway = Gateway::start(Setup::one(&provider).server("drain = \"300ms\"")).await;
    let mut idle = gateway.begin(&ask("m")).await;
    assert_eq!(idle.response().await.status, 200);
    gateway.terminate();
    // The client keeps its side open.
    assert!(gateway.exited().await.success());
    assert!(!gateway.log_text().contains("given up"), "{}", gateway.log_text());
    drop(idle);
}

#[tokio::test]
async fn a_whole_answer_that_is_under_way_may_finish() {
    let (opened, wait) = gate();
    let provider = Scripted::always(good().first(Step::Wait(wait))).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut connection = gateway.begin(&ask("m")).await;
    provider.until("the call", |counts| counts.calls == 1).await;
    gateway.terminate();
    gateway
        .event("the beginning of the end", |event| {
            event.to_string().contains("drain") || event.to_string().contains("shut")
        })
        .await;
    opened.open();
    let response = connection.response().await;
    assert_eq!((response.status, response.text()), (200, completion(TEXT)));
    connection.until_closed().await;
    assert!(gateway.exited().await.success());
}

#[tokio::test]
async fn what_outlives_the_drain_is_told_and_recorded() {
    let provider = Scripted::start(|seen| {
        if seen.streamed() {
            Reply::stream([role(), text("Hello")]).then(Step::Stall).script()
        } else {
            Script(vec![Step::Stall])
        }
    })
    .await;
    let gateway = Gateway::start(Setup::one(&provider).server("drain = \"300ms\"")).await;
    let mut stream = gateway.begin(&ask_stream("m")).await;
    let mut streamed = stream.head().await.unwrap();
    stream.until(&mut streamed, "Hello").await;
    let mut whole = gateway.begin(&ask("m")).await;
    provider.until("both calls", |counts| counts.in_flight == 2).await;
    gateway.terminate();
    stream.rest(&mut streamed).await;
    streamed.assert_stream_error();
    // Who waits for a whole answer gets an error or at least the connection's end, and never half an answer.
    if let Ok(answer) = whole.try_response().await {
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    assert!(gateway.exited().await.success());
    assert_eq!(gateway.records(2).await.len(), 2);
}

#[tokio::test]
async fn a_quiet_gateway_ends_at_once_and_its_port_is_free() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    gateway.terminate();
    assert!(gateway.exited().await.success());
    assert!(tokio::net::TcpStream::connect(gateway.door).await.is_err());
}
