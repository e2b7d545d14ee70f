//! HTTP/2 in clear text, frame by frame: where the end of a request's body comes apart from its last byte, as many
//! clients send it.

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;

use crate::harness::*;

async fn connect(gateway: &Gateway) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(gateway.door).await.unwrap();
    // Room for all streams together; each by itself has the 64 KB that are usual.
    let mut settings = h2::client::Builder::new();
    settings.initial_connection_window_size(16 << 20);
    let (requests, connection) = settings.handshake(stream).await.unwrap();
    // Over there it runs, and closes, also while the test blocks.
    background().spawn(async move {
        let _ = connection.await;
    });
    requests
}

fn head(length: usize, key: Option<&str>) -> Request<()> {
    let mut request = Request::post("http://gateway/v1/chat/completions")
        .header("content-type", "application/json")
        .header("content-length", length);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn a_stream_is_not_reset_between_the_last_byte_and_the_end() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let mut requests = connect(&gateway).await;
    let good = Bytes::from(ask("m").to_string());
    let bad = Bytes::from_static(b"{\"model\":\"m\",\"messages\":[]}");
    for (body, status) in [(good.clone(), 200), (bad, 400)] {
        let (answer, mut stream) = requests.send_request(head(body.len(), None), false).unwrap();
        stream.send_data(body, false).unwrap();
        // Answered after it came: by then the gateway has seen all of the first body but its end.
        let (other, mut whole) = requests.send_request(head(good.len(), None), false).unwrap();
        whole.send_data(good.clone(), true).unwrap();
        assert_eq!(within("the other answer", other).await.unwrap().status(), 200);
        stream.send_data(Bytes::new(), true).expect("the stream is open");
        assert_eq!(within("the answer", answer).await.unwrap().status(), status);
    }
    gateway.expect_calls(4);
}

#[tokio::test]
async fn a_refusal_before_the_body_does_not_reset_its_stream() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).key("alice", "sk-alice-0123", "").server("")).await;
    let mut requests = connect(&gateway).await;
    let body = Bytes::from(ask("m").to_string());
    let (answer, mut stream) = requests.send_request(head(body.len(), Some("sk-wrong-0123")), false).unwrap();
    assert_eq!(within("the refusal", answer).await.unwrap().status(), 401);
    stream.send_data(body, false).expect("the stream is open");
    stream.send_data(Bytes::new(), true).expect("the stream is still open");
    gateway.expect_calls(1);
}

/// Sends a request and waits for the head of its answer.
async fn begin(requests: &mut SendRequest<Bytes>, request: &serde_json::Value) -> RecvStream {
    let body = Bytes::from(request.to_string());
    let (answer, mut stream) = requests.send_request(head(body.len(), None), false).unwrap();
    stream.send_data(body, true).unwrap();
    let answer = within("the head of the answer", answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

/// Reads an answer without ever opening its window again.
async fn unread(mut body: RecvStream) -> (usize, h2::Error) {
    let mut read = 0;
    loop {
        match within("the end of a stream that is not read", body.data()).await {
            Some(Ok(data)) => read += data.len(),
            Some(Err(error)) => return (read, error),
            None => panic!("all of {read} bytes came"),
        }
    }
}

#[tokio::test]
async fn a_stream_whose_window_stays_shut_is_reset_and_the_others_go_on() {
    let long = "x".repeat(200 << 10);
    let provider = Scripted::start(move |seen| {
        let words = seen.json()["messages"][0]["content"].as_str().map(str::to_owned);
        match (words.as_deref(), seen.streamed()) {
            (Some("much"), true) => {
                let events = std::iter::repeat_n(text(&"x".repeat(64 << 10)), 1_500);
                Reply::stream([role()].into_iter().chain(events)).script()
            }
            (Some("much"), false) => saying(&long).script(),
            _ => good().script(),
        }
    })
    .await;
    let gateway = Gateway::start(Setup::one(&provider).server("write_timeout = \"500ms\"")).await;
    gateway.expect_calls(3);
    let mut requests = connect(&gateway).await;
    let much = serde_json::json!({"messages": [{"role": "user", "content": "much"}]});
    let stream = begin(&mut requests, &with(ask_stream("m"), much.clone())).await;
    let whole = begin(&mut requests, &with(ask("m"), much)).await;
    for (body, most) in [(stream, 64 << 10), (whole, 64 << 10)] {
        let (read, error) = unread(body).await;
        assert!(read <= most, "{read}");
        assert_eq!(error.reason(), Some(h2::Reason::CANCEL), "{error}");
    }
    let mut other = begin(&mut requests, &ask("m")).await;
    assert!(within("another stream", other.data()).await.unwrap().is_ok());
    // The provider of the stream was left, and each is recorded: the whole answer had come before its client was left.
    provider.until("the gateway giving the provider up", |counts| counts.gone == 1).await;
    let records = gateway.records(3).await;
    let outcomes: Vec<_> = records.iter().map(|record| record["call.outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "client_gone").count(), 1, "{outcomes:?}");
}

#[tokio::test]
async fn a_stream_whose_window_opens_bit_by_bit_comes_whole() {
    let events = std::iter::repeat_n(text(&"x".repeat(64 << 10)), 40);
    let reply = Reply::stream([role()].into_iter().chain(events).chain([finish(), DONE.to_owned()]));
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::one(&provider).server("write_timeout = \"2s\"")).await;
    gateway.expect_calls(1);
    let mut requests = connect(&gateway).await;
    let mut body = begin(&mut requests, &ask_stream("m")).await;
    let mut read = Vec::new();
    while let Some(data) = within("more of the stream", body.data()).await {
        let data = data.expect("the stream goes on");
        read.extend_from_slice(&data);
        // Each time the window has been shut for a whole exchange.
        gateway.get("/livez", &[]).await;
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert!(String::from_utf8(read).unwrap().ends_with(DONE));
    assert_eq!(gateway.record(1).await["call.outcome"], "ok");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_however_it_answers_pings() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).server("header_timeout = \"500ms\"")).await;
    let stream = TcpStream::connect(gateway.door).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    // It speaks HTTP/2 well, and asks for nothing.
    let ended = tokio::time::timeout(LIMIT, connection).await;
    assert!(ended.is_ok(), "the connection is still open");
    drop::<SendRequest<Bytes>>(requests);
    assert_eq!(provider.calls(), 0);
}
