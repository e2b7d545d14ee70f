//! A client of raw TCP: it can send anything, and sees everything.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::response::{End, Response};
use super::wire::Wire;
use super::within;

/// One connection to a door. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire<OwnedReadHalf>,
    writing: OwnedWriteHalf,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let socket = within("connecting to the gateway", TcpStream::connect(address)).await;
        let (reading, writing) = socket.expect("the door is open").into_split();
        Self { wire: Wire::new(reading), writing }
    }

    /// Errors are left to the reader: the gateway may answer and close before all is sent.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("sending to the gateway", self.writing.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Says that nothing more will be sent, and keeps reading.
    pub(crate) async fn finish_sending(&mut self) {
        // It may be closed already.
        let _ = self.writing.shutdown().await;
    }

    pub(crate) async fn response(&mut self) -> Response {
        match self.try_response().await {
            Ok(response) => response,
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// `Err`: the connection closed without a whole head.
    pub(crate) async fn try_response(&mut self) -> io::Result<Response> {
        let mut response = self.head().await?;
        within("the end of the answer", response.read_body(&mut self.wire)).await;
        Ok(response)
    }

    /// The head of the answer; interim answers are skipped.
    pub(crate) async fn head(&mut self) -> io::Result<Response> {
        loop {
            let head = within("the head of the answer", self.wire.head()).await?;
            let response = Response::new(head)?;
            if response.status >= 200 {
                return Ok(response);
            }
        }
    }

    /// A head of any status, interim ones too.
    pub(crate) async fn interim(&mut self) -> Response {
        let head = within("an interim answer", self.wire.head()).await;
        head.and_then(Response::new).expect("the gateway answers")
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn piece(&mut self, response: &mut Response) -> Option<Vec<u8>> {
        within("more of the answer", response.next_piece(&mut self.wire)).await
    }

    /// Reads pieces until they contain `text`.
    pub(crate) async fn until(&mut self, response: &mut Response, text: &str) {
        while !response.text().contains(text) {
            match self.piece(response).await {
                Some(piece) => response.body.extend(piece),
                None => panic!("the answer ended ({:?}) before {text:?}: {}", response.end, response.text()),
            }
        }
    }

    /// Reads the rest of an answer of which some pieces were read.
    pub(crate) async fn rest(&mut self, response: &mut Response) -> End {
        while let Some(piece) = self.piece(response).await {
            response.body.extend(piece);
        }
        response.end
    }

    /// Everything until the gateway closes.
    pub(crate) async fn until_closed(&mut self) -> Vec<u8> {
        let closed = async { while self.wire.fill().await.is_ok_and(|read| read > 0) {} };
        within("the gateway closing the connection", closed).await;
        std::mem::take(&mut self.wire.buffer)
    }
}

/// A request of HTTP/1.1 as bytes; each header is one line.
pub(crate) fn post(path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-length: {}", body.len());
    let mut bytes = head("POST", path, &[headers, &[&length]].concat());
    bytes.extend(body);
    bytes
}

pub(crate) fn get(path: &str, headers: &[&str]) -> Vec<u8> {
    head("GET", path, headers)
}

pub(crate) fn head(method: &str, path: &str, headers: &[&str]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\n");
    for header in headers {
        head += header;
        head += "\r\n";
    }
    head += "\r\n";
    head.into_bytes()
}

pub(crate) const JSON: &str = "content-type: application/json";

/// A chat request as bytes.
pub(crate) fn raw_chat(request: &Value) -> Vec<u8> {
    post("/v1/chat/completions", &[JSON], request.to_string())
}
