//! Clients that are slow, odd or greedy on the wire (FAULTS K3-K5, K7-K9; abuse cases 18-20, 26).

use crate::harness::*;

async fn bench(lines: &str) -> (Scripted, Gateway) {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).server(lines)).await;
    (provider, gateway)
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let (_provider, gateway) = bench("header_timeout = \"300ms\"").await;
    for begun in ["", "P", "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nx-half: "] {
        let mut connection = Connection::open(gateway.door).await;
        connection.send(begun).await;
        let answer = connection.until_closed().await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn a_head_that_drips_is_closed() {
    let (_provider, gateway) = bench("header_timeout = \"500ms\"").await;
    let mut connection = Connection::open(gateway.door).await;
    connection.send("GET /livez HTTP/1.1\r\nhost: gateway\r\nx-drip: ").await;
    let drip = async {
        // Each byte is followed by a whole exchange; long before the head is too large its time is over.
        for _ in 0..60_000 {
            if !connection.send("x").await {
                return;
            }
            gateway.get("/livez", &[]).await;
        }
        panic!("a head could drip for as long as it liked");
    };
    within("the dripping connection's end", drip).await;
}

#[tokio::test]
async fn a_second_request_may_take_no_longer_than_the_first() {
    let (_provider, gateway) = bench("header_timeout = \"400ms\"").await;
    let mut connection = Connection::open(gateway.door).await;
    connection.send(get("/livez", &[])).await;
    assert_eq!(connection.response().await.status, 200);
    connection.send("GET /livez HTTP/1.1\r\nhost: ").await;
    let answer = connection.until_closed().await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let (provider, gateway) = bench("body_timeout = \"300ms\"").await;
    gateway.expect_calls(1);
    let mut connection = Connection::open(gateway.door).await;
    connection.send(head("POST", "/v1/chat/completions", &[JSON, "content-length: 100"])).await;
    connection.send("{\"model\":").await;
    let response = connection.response().await;
    response.assert_error(408, "invalid_request_error", None);
    connection.until_closed().await;
    assert_eq!(provider.calls(), 0);
}

#[tokio::test]
async fn a_body_that_stops_in_its_middle_is_a_408_as_soon_as_a_head_would_be() {
    // 150 bytes must come in each 300 ms; for the body as a whole there would be a minute.
    let (provider, gateway) = bench("header_timeout = \"300ms\"").await;
    for begun in ["{", &format!("{{\"model\":\"{}", "m".repeat(400))] {
        gateway.expect_calls(1);
        let mut connection = Connection::open(gateway.door).await;
        connection.send(head("POST", "/v1/chat/completions", &[JSON, "content-length: 1000"])).await;
        connection.send(begun).await;
        connection.response().await.assert_error(408, "invalid_request_error", None);
        connection.until_closed().await;
    }
    assert_eq!(provider.calls(), 0);
}

#[tokio::test]
async fn a_body_that_drips_is_closed() {
    let (_provider, gateway) = bench("header_timeout = \"500ms\"").await;
    gateway.expect_calls(1);
    let mut connection = Connection::open(gateway.door).await;
    connection.send(head("POST", "/v1/chat/completions", &[JSON, "content-length: 100000"])).await;
    let drip = async {
        // Each byte is followed by some exchanges, so that they come more slowly than a body may.
        while connection.send("x").await {
            for _ in 0..20 {
                gateway.get("/livez", &[]).await;
            }
        }
    };
    within("the dripping connection's end", drip).await;
}

#[tokio::test]
async fn a_body_that_comes_slowly_but_steadily_is_read() {
    let (provider, gateway) = bench("header_timeout = \"1s\"").await;
    gateway.expect_calls(1);
    let mut connection = Connection::open(gateway.door).await;
    connection.send(head("POST", "/v1/chat/completions", &[JSON, "transfer-encoding: chunked"])).await;
    let begun = tokio::time::Instant::now();
    // Blanks mean nothing in JSON. Each piece is followed by a whole exchange.
    while begun.elapsed() < std::time::Duration::from_millis(2_500) {
        assert!(connection.send(format!("400\r\n{}\r\n", " ".repeat(1024))).await);
        gateway.get("/livez", &[]).await;
    }
    let body = ask("m").to_string();
    connection.send(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await;
    assert_eq!(connection.response().await.status, 200);
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn a_chunked_request_is_read_and_sent_on_with_a_length() {
    let (provider, gateway) = bench("").await;
    gateway.expect_calls(1);
    let body = ask("m").to_string();
    let mut connection = Connection::open(gateway.door).await;
    connection.send(head("POST", "/v1/chat/completions", &[JSON, "transfer-encoding: chunked"])).await;
    for byte in body.as_bytes().chunks(7) {
        connection.send(format!("{:x};ext=1\r\n", byte.len())).await;
        connection.send(byte).await;
        connection.send("\r\n").await;
    }
    connection.send("0\r\nx-trailer: 1\r\n\r\n").await;
    assert_eq!(connection.response().await.status, 200);
    assert_eq!(provider.last().body, body.as_bytes());
    assert_eq!(provider.last().header("content-length"), Some(&*body.len().to_string()));
    assert_eq!(provider.last().header("transfer-encoding"), None);
}

#[tokio::test]
async fn a_client_that_waits_for_a_100_gets_it() {
    let (_provider, gateway) = bench("").await;
    gateway.expect_calls(1);
    let body = ask("m").to_string();
    let length = format!("content-length: {}", body.len());
    let mut connection = Connection::open(gateway.door).await;
    connection.send(head("POST", "/v1/chat/completions", &[JSON, &length, "expect: 100-continue"])).await;
    let interim = connection.interim().await;
    assert_eq!(interim.status, 100);
    connection.send(body).await;
    assert_eq!(connection.response().await.status, 200);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (provider, gateway) = bench("").await;
    gateway.expect_calls(10);
    let mut connection = Connection::open(gateway.door).await;
    let requests: Vec<_> = (0..10)
        .flat_map(|number| {
            let seed = serde_json::json!({"seed": number, "stream": number % 3 == 0});
            raw_chat(&with(ask("m"), seed))
        })
        .collect();
    connection.send(requests).await;
    for number in 0..10 {
        let response = connection.response().await;
        assert_eq!((response.status, response.end), (200, End::Whole), "{number}");
        let streamed = response.header("content-type").unwrap().starts_with("text/event-stream");
        assert_eq!(streamed, number % 3 == 0, "{number}");
    }
    let order: Vec<_> = provider.seen().iter().map(|seen| seen.json()["seed"].as_u64().unwrap()).collect();
    assert_eq!(order, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_connection_serves_call_after_call() {
    let (_provider, gateway) = bench("").await;
    gateway.expect_calls(4);
    let mut connection = Connection::open(gateway.door).await;
    for request in [ask("m"), ask_stream("m"), ask("unknown"), ask("m")] {
        connection.send(raw_chat(&request)).await;
        let response = connection.response().await;
        assert_eq!(response.end, End::Whole);
    }
}

#[tokio::test]
async fn connections_over_the_cap_wait_for_their_turn() {
    let (_provider, gateway) = bench("max_connections = 2").await;
    let (first, second) = (Connection::open(gateway.door).await, Connection::open(gateway.door).await);
    let mut third = Connection::open(gateway.door).await;
    third.send(get("/livez", &[])).await;
    let early = tokio::time::timeout(std::time::Duration::from_millis(200), third.response()).await;
    assert!(early.is_err(), "a third connection was served");
    drop(first);
    assert_eq!(third.response().await.status, 200);
    drop(second);
}

/// A stream that no socket's buffer can hold.
fn endless() -> Reply {
    let event = text(&"x".repeat(64 << 10));
    let events = [role()].into_iter().chain(std::iter::repeat_n(event, 1_500)).chain([finish(), DONE.to_owned()]);
    Reply::stream(events)
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut() {
    let provider = Scripted::always(endless()).await;
    let gateway = Gateway::start(Setup::one(&provider).server("write_timeout = \"300ms\"")).await;
    let before = gateway.peak_memory();
    let mut deaf = gateway.begin(&ask_stream("m")).await;
    provider.until("the gateway giving the provider up", |counts| counts.gone == 1).await;
    let record = gateway.record(1).await;
    assert_eq!(
        (&record["call.outcome"], &record["provider.name"]),
        (&"client_gone".into(), &"only".into()),
        "{record}"
    );
    assert!(record["duration.ms"].as_u64() >= Some(300), "{record}");
    assert!(cost(&record) > Some(0.0), "{record}");
    let grown = gateway.peak_memory() - before;
    assert!(grown < 32 << 20, "the gateway grew by {grown} bytes");
    // What had been written before is there, and then the connection ends without the answer's end.
    let received = deaf.until_closed().await;
    assert!(!received.ends_with(b"0\r\n\r\n"));
}

#[tokio::test]
async fn streams_that_nobody_reads_take_little_memory() {
    const STREAMS: usize = 64;
    /// For each stream; and for all that is not theirs, in a build without optimisation.
    const EACH: usize = 96 << 10;
    const REST: usize = 4 << 20;
    let openai = Scripted::always(endless()).await;
    let text = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{}\"}}}}\n\n",
        "x".repeat(64 << 10)
    );
    let begun = [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    ];
    let anthropic =
        Scripted::always(Reply::stream(begun.map(str::to_owned).into_iter().chain(std::iter::repeat_n(text, 1_500))))
            .await;
    for (provider, kind) in [(&openai, ""), (&anthropic, "kind = \"anthropic\"")] {
        let setup = Setup::new().provider("only", provider, kind).server("write_timeout = \"2s\"");
        let gateway = Gateway::start(setup).await;
        let mut first = gateway.begin(&ask_stream("m")).await;
        assert_eq!(first.head().await.unwrap().status, 200);
        let before = gateway.peak_memory();
        let mut deaf = Vec::new();
        for _ in 1..STREAMS {
            deaf.push(gateway.begin(&ask_stream("m")).await);
        }
        gateway.records(STREAMS).await;
        let grown = gateway.peak_memory() - before;
        assert!(grown < STREAMS * EACH + REST, "{STREAMS} streams took {grown} bytes, {kind}");
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_cut() {
    let provider = Scripted::always(endless()).await;
    let gateway = Gateway::start(Setup::one(&provider).server("write_timeout = \"2s\"")).await;
    let mut slow = gateway.begin(&ask_stream("m")).await;
    let mut response = slow.head().await.unwrap();
    let mut pieces = 0;
    while slow.piece(&mut response).await.is_some() {
        pieces += 1;
        // Each pause is a whole exchange.
        if pieces % 16 == 0 {
            gateway.get("/livez", &[]).await;
        }
    }
    assert_eq!(response.end, End::Whole);
    assert_eq!(gateway.record(1).await["call.outcome"], "ok");
}
