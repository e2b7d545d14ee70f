//! Clients: one connection, one call after the other.

use std::io;
use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::response::{End, Responses};

const READ: usize = 16 << 10;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) end: End,
    /// In small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A connection that is read as answers come.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    responses: Responses,
}

impl Client {
    pub(crate) async fn connect(door: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(door).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, responses: Responses::new() })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        let (mut head, mut body) = (Vec::new(), Vec::new());
        loop {
            let received = self.responses.received();
            let before = received.len();
            received.reserve(READ);
            if self.stream.read_buf(received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if memmem::find(&head, b"\r\n\r\n").is_none() {
                head.extend_from_slice(&received[before..]);
            }
            if let Some(end) = self.responses.advance(|piece| body.extend_from_slice(piece))? {
                let head = String::from_utf8_lossy(&head);
                let head = head.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
                return Ok(Answer { end, head, body: String::from_utf8_lossy(&body).into_owned() });
            }
        }
    }

    /// Reads on until the body has these words in it, or an error.
    pub(crate) async fn until(&mut self, words: &[u8], seen: &mut Vec<u8>) -> io::Result<()> {
        while memmem::find(seen, words).is_none() {
            self.more(seen).await?;
        }
        Ok(())
    }

    /// Reads what comes next.
    pub(crate) async fn more(&mut self, seen: &mut Vec<u8>) -> io::Result<()> {
        match self.stream.read_buf(seen).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// One exchange on a connection of its own.
pub(crate) async fn get(door: SocketAddr, path: &str) -> io::Result<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {door}\r\n\r\n");
    Client::connect(door).await?.call(request.as_bytes()).await
}

/// A call of the model by the chat door.
pub(crate) fn chat(model: &str, stream: bool, number: u64) -> Vec<u8> {
    post("/v1/chat/completions", model, stream, number)
}

/// A call by a door whose requests look like the chat door's.
pub(crate) fn post(path: &str, model: &str, stream: bool, number: u64) -> Vec<u8> {
    let body = format!(
        r#"{{"model":"{model}","max_tokens":256,"stream":{stream},"messages":[{{"role":"user","content":"number {number} of many"}}]}}"#
    );
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
