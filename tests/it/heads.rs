//! Heads that two readers could read differently: 400 or 431, close, and nothing of what follows is done
//! (DESIGN 6; abuse cases 10, 18-21).

use crate::harness::*;

/// A chat request that must never be done.
fn smuggled() -> String {
    let body = ask("m").to_string();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n{JSON}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

struct Bench {
    provider: Scripted,
    gateway: Gateway,
}

impl Bench {
    async fn new() -> Self {
        let provider = Scripted::saying(TEXT).await;
        let gateway = Gateway::start(Setup::one(&provider)).await;
        Self { provider, gateway }
    }

    /// The answer's status, with which the connection ends; a request in the same breath is not done.
    async fn refuses(&self, name: &str, request: impl AsRef<[u8]>, statuses: &[u16]) {
        let mut connection = Connection::open(self.gateway.door).await;
        connection.send([request.as_ref(), smuggled().as_bytes()].concat()).await;
        let answer = connection.until_closed().await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        assert!(statuses.contains(&status), "{name}: {text}");
        let answers = text.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count();
        assert_eq!(answers, 1, "{name}: {text}");
        assert_eq!(self.provider.calls(), 0, "{name}");
    }

    async fn refuses_headers(&self, name: &str, headers: &str) {
        let request = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n{JSON}\r\n{headers}\r\n\r\n");
        self.refuses(name, request, &[400]).await;
    }
}

#[tokio::test]
async fn two_lengths_are_refused() {
    let bench = Bench::new().await;
    for (name, headers) in [
        ("length and chunks", "content-length: 5\r\ntransfer-encoding: chunked"),
        ("chunks and length", "transfer-encoding: chunked\r\ncontent-length: 5"),
        ("two lengths", "content-length: 5\r\ncontent-length: 6"),
        ("two lengths in one", "content-length: 5, 6"),
        ("a length with a sign", "content-length: +5"),
        ("a length of no number", "content-length: five"),
        ("a length beyond all", "content-length: 99999999999999999999"),
        ("a negative length", "content-length: -1"),
        ("chunked twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
        ("chunked twice in one", "transfer-encoding: chunked, chunked"),
        ("identity", "transfer-encoding: identity"),
        ("something else", "transfer-encoding: xchunked"),
        ("gzip and chunked", "transfer-encoding: gzip, chunked"),
        ("chunked in the wrong place", "transfer-encoding: chunked, identity"),
        ("a space before the colon", "content-length : 5"),
        ("a tab before the colon", "transfer-encoding\t: chunked"),
    ] {
        bench.refuses_headers(name, headers).await;
    }
}

#[tokio::test]
async fn odd_bytes_in_a_head_are_refused() {
    let bench = Bench::new().await;
    for (name, headers) in [
        ("a folded line", "x-a: b\r\n c"),
        ("a NUL", "x-a: b\0c"),
        ("a bare CR", "x-a: b\rc: d"),
        ("no colon", "x-a"),
        ("an empty name", ": b"),
        ("a space in a name", "x a: b"),
        ("a control character", "x-a: \u{1}"),
    ] {
        bench.refuses_headers(name, headers).await;
    }
    bench.refuses("bare line feeds", "GET /livez HTTP/1.1\nhost: gateway\n\n", &[400]).await;
    bench.refuses("one bare line feed", "GET /livez HTTP/1.1\r\nhost: gateway\nx-a: b\r\n\r\n", &[400]).await;
}

#[tokio::test]
async fn the_host_is_given_once() {
    let bench = Bench::new().await;
    bench.refuses("none", "GET /livez HTTP/1.1\r\n\r\n", &[400]).await;
    bench.refuses("two", "GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", &[400]).await;
    bench.refuses("two alike", "GET /livez HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", &[400]).await;
    bench.refuses("with a path", "GET /livez HTTP/1.1\r\nhost: x/?a\r\n\r\n", &[400]).await;
}

#[tokio::test]
async fn first_lines_that_are_none_are_refused() {
    let bench = Bench::new().await;
    for line in [
        "GET /livez HTTP/3.0",
        "GET  /livez HTTP/1.1",
        "GET /livez",
        "GET /li vez HTTP/1.1",
        "G@T\u{0}/ HTTP/1.1",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        bench.refuses(line, format!("{line}\r\nhost: gateway\r\n\r\n"), &[400, 505]).await;
    }
}

#[tokio::test]
async fn heads_beyond_measure_are_refused() {
    let bench = Bench::new().await;
    let many: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
    bench.refuses("101 headers", format!("GET /livez HTTP/1.1\r\nhost: a\r\n{many}\r\n"), &[400, 431]).await;
    let long = "x".repeat(64 << 10);
    bench
        .refuses("64 KiB in a header", format!("GET /livez HTTP/1.1\r\nhost: a\r\nx-a: {long}\r\n\r\n"), &[400, 431])
        .await;
    bench.refuses("a long path", format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), &[400, 414, 431]).await;
    bench.refuses("a head without end", "x".repeat(1 << 20), &[400, 431]).await;
}

#[tokio::test]
async fn bodies_in_broken_chunks_are_refused() {
    let bench = Bench::new().await;
    for (name, body) in [
        ("an overflow", "fffffffffffffffff\r\n"),
        ("no number", "xyz\r\n"),
        ("a negative size", "-5\r\n"),
        ("no line end behind the data", "5\r\nhello0\r\n\r\n"),
    ] {
        bench.gateway.expect_calls(1);
        let mut connection = Connection::open(bench.gateway.door).await;
        connection.send(head("POST", "/v1/chat/completions", &[JSON, "transfer-encoding: chunked"])).await;
        connection.send([body.as_bytes(), smuggled().as_bytes()].concat()).await;
        let answer = connection.until_closed().await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 400"), "{name}: {text}");
        assert_eq!(bench.provider.calls(), 0, "{name}");
    }
}

#[tokio::test]
async fn nothing_follows_a_chunked_request_on_its_connection() {
    let bench = Bench::new().await;
    bench.gateway.expect_calls(1);
    let body = ask("m").to_string();
    let mut connection = Connection::open(bench.gateway.door).await;
    connection.send(head("POST", "/v1/chat/completions", &[JSON, "transfer-encoding: chunked"])).await;
    connection.send(format!("{:x}\r\n{body}\r\n0\r\n\r\n{}", body.len(), smuggled())).await;
    let answer = connection.until_closed().await;
    let text = String::from_utf8_lossy(&answer);
    assert_eq!(text.matches("HTTP/1.1 200").count(), 1, "{text}");
    assert_eq!(bench.provider.calls(), 1);
}

#[tokio::test]
async fn other_spellings_of_an_address_reach_nothing_else() {
    let bench = Bench::new().await;
    for (request, status) in [
        ("GET http://gateway/livez HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n", 200),
        ("GET http://evil.example/metrics HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n", 404),
        ("GET /metrics HTTP/1.1\r\nhost: 127.0.0.1:3001\r\nconnection: close\r\n\r\n", 404),
        ("GET /livez HTTP/1.0\r\nhost: gateway\r\n\r\n", 200),
        ("OPTIONS * HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n", 404),
    ] {
        let response = bench.gateway.exchange(bench.gateway.door, request).await;
        assert_eq!(response.status, status, "{request}: {}", response.text());
    }
}

#[tokio::test]
async fn a_twin_with_an_underscore_is_no_key() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).key("alice", "sk-alice-secret", "")).await;
    let response = gateway.chat_with(&ask("m"), &["x_api_key: sk-alice-secret"]).await;
    assert_eq!(response.status, 401);
}
