//! A process that may open few files (FAULTS K14).

use crate::harness::*;

#[tokio::test]
async fn more_clients_than_descriptors_wait_and_are_served() {
    let provider = Scripted::saying(TEXT).await;
    let lines = "breaker = { failures = 1, open = \"60s\" }";
    let setup = Setup::new().provider("only", &provider, lines).server("header_timeout = \"1s\"").descriptors(256);
    let gateway = Gateway::start(setup).await;
    // They take all places, and say nothing.
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(Connection::open(gateway.door).await);
    }
    // The admin door has places of its own.
    assert_eq!(gateway.exchange(gateway.admin, get("/readyz", &[])).await.status, 200);
    let request = ask("m");
    let calls = futures_util::future::join_all((0..50).map(|_| gateway.chat(&request))).await;
    for response in calls {
        assert_eq!(response.status, 200, "{}", response.text());
    }
    drop(silent);
    // Nobody was refused a descriptor, and the provider was not blamed.
    assert_eq!(provider.calls(), 50);
    assert!(!gateway.log_text().contains("cannot accept"), "{}", gateway.log_text());
}

#[tokio::test]
async fn idle_connections_make_room_for_those_that_are_needed() {
    // So many clients may come; the idle connections to all providers would be more than there are descriptors.
    const CLIENTS: usize = 14;
    const PROVIDERS: usize = 6;
    let lines = "breaker = { failures = 1, open = \"60s\" }";
    let mut setup = Setup::new().descriptors(64);
    let mut providers = Vec::new();
    for number in 0..PROVIDERS {
        let (opened, wait) = gate();
        let reply = Reply::stream([role(), text("Hello")]).then(Step::Wait(wait)).then_event(finish()).then_event(DONE);
        let provider = Scripted::always(reply).await;
        setup = setup.provider(&format!("p{number}"), &provider, lines);
        providers.push((provider, opened));
    }
    let gateway = Gateway::start(setup).await;
    for (number, (provider, opened)) in providers.iter().enumerate() {
        let request = ask_stream(&format!("p{number}/m"));
        let mut streams = Vec::new();
        for _ in 0..CLIENTS {
            streams.push(gateway.begin(&request).await);
        }
        provider.until("all streams at once", |counts| counts.in_flight == CLIENTS).await;
        opened.open();
        for connection in &mut streams {
            let response = connection.response().await;
            assert_eq!((response.status, response.end), (200, End::Whole), "{}", response.text());
        }
    }
    let failed = gateway.metrics().await.sum("tollgate_attempts_total", &[("class", "exhausted")]);
    assert!(failed > 0.0, "there was room for all: the test is too small");
}
