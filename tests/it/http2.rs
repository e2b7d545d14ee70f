//! HTTP/2 in clear text, frame by frame: where the end of a request's body comes apart from its last byte, as many
//! clients send it.

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;

use crate::harness::*;

async fn connect(gateway: &Gateway) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(gateway.door).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
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
