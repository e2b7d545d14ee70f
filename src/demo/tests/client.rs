//! A client that tells all it saw: status, headers, the bytes that came, and how they ended.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::demo::{Running, Script};

/// What came back.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
}

/// How an answer ended.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum End {
    Whole,
    Reset,
    Closed,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The `data:` of each event that came.
    pub(super) fn events(&self) -> Vec<String> {
        let text = String::from_utf8(self.body.clone()).unwrap();
        let events = text.split_terminator("\n\n");
        events.map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
    }

    pub(super) fn chunks(&self) -> Vec<Value> {
        let events = self.events();
        let chunks = events.iter().filter(|event| *event != "[DONE]");
        chunks.map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// Starts the only provider of a script.
pub(super) async fn provider(script: &str) -> Running {
    let mut running = Script::parse(script).unwrap().start().await.unwrap();
    running.remove(0)
}

/// Asks one provider, whose rule is `rule`, once.
pub(super) async fn with_rule(rule: &str, stream: bool) -> Seen {
    let running = provider(&format!("[[provider]]\nname = 'p'\n[[provider.rule]]\n{rule}")).await;
    chat(&running, &question(stream)).await.unwrap()
}

pub(super) fn question(stream: bool) -> Value {
    json!({"model": "demo-chat", "stream": stream, "messages": [{"role": "user", "content": "Why is the sky blue?"}]})
}

/// `Err` where the connection ended before a head had come.
pub(super) async fn chat(running: &Running, body: &Value) -> Result<Seen, End> {
    send(running.addr(), Method::POST, "/v1/chat/completions", None, body.to_string()).await
}

pub(super) async fn send(
    addr: SocketAddr,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: String,
) -> Result<Seen, End> {
    let socket = TcpStream::connect(addr).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "simulated");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let response = sender.send_request(request).await.map_err(|err| end_of(&err))?;
    let (head, mut incoming) = response.into_parts();
    let (mut body, mut end) = (Vec::new(), End::Whole);
    while let Some(frame) = incoming.frame().await {
        match frame {
            Ok(frame) => body.extend_from_slice(&frame.into_data().unwrap()),
            Err(err) => end = end_of(&err),
        }
    }
    Ok(Seen { status: head.status.as_u16(), headers: head.headers, body, end })
}

fn end_of(err: &hyper::Error) -> End {
    let io = err.source().and_then(|source| source.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionReset) => End::Reset,
        _ => End::Closed,
    }
}
