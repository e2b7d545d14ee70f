//! A client of HTTP/2 in clear text.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;

use super::{background, within};

/// One connection. Requests share it.
pub(crate) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    door: SocketAddr,
}

impl Http2 {
    pub(crate) async fn open(door: SocketAddr) -> Self {
        // hyper spawns tasks of its own; over there they run, and close, also while the test blocks.
        let opening = background().spawn(async move {
            let socket = TcpStream::connect(door).await.expect("the door is open");
            let handshake = handshake(TokioExecutor::new(), TokioIo::new(socket)).await;
            let (sender, connection) = handshake.expect("the gateway speaks HTTP/2");
            tokio::spawn(connection);
            sender
        });
        let sender = within("an HTTP/2 connection", opening).await.expect("nothing panics");
        Self { sender, door }
    }

    /// The head of the answer; dropping the rest resets the stream.
    pub(crate) async fn begin(&self, request: &Value) -> Response<Incoming> {
        let request = Request::post(format!("http://{}/v1/chat/completions", self.door))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(request.to_string())))
            .expect("the request is one");
        let answer = self.sender.clone().send_request(request);
        within("the head of the answer", answer).await.expect("the gateway answers")
    }

    pub(crate) async fn chat(&self, request: &Value) -> (u16, Bytes) {
        let response = self.begin(request).await;
        let status = response.status().as_u16();
        let body = within("the rest of the answer", response.into_body().collect()).await;
        (status, body.expect("the answer is whole").to_bytes())
    }
}
