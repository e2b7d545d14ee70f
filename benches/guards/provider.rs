//! A provider that says what it is told to, when it is told to: one step of a conversation at a time.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use memchr::memmem;

use crate::conversation::PATIENCE;

const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
const USAGE: &str = r#"{"prompt_tokens":180,"completion_tokens":120,"total_tokens":300}"#;

pub(crate) struct Provider {
    listener: TcpListener,
    /// The connection that the gateway called on last.
    line: Option<TcpStream>,
}

impl Provider {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, line: None })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Waits for a request, on the connection that is there or, if the gateway has closed it, on a new one.
    pub(crate) fn hear(&mut self) -> io::Result<()> {
        if let Some(line) = &mut self.line
            && hear_on(line)?
        {
            return Ok(());
        }
        let (mut line, _) = self.listener.accept()?;
        line.set_nodelay(true)?;
        line.set_read_timeout(Some(PATIENCE))?;
        let heard = hear_on(&mut line)?;
        self.line = Some(line);
        heard.then_some(()).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.line.as_mut().ok_or(io::ErrorKind::NotConnected)?.write_all(bytes)
    }
}

/// `false` where the gateway has closed the connection instead.
fn hear_on(line: &mut TcpStream) -> io::Result<bool> {
    let mut heard = Vec::new();
    let mut piece = [0; 16 * 1024];
    while !is_whole(&heard) {
        match line.read(&mut piece)? {
            0 => return Ok(false),
            length => heard.extend_from_slice(&piece[..length]),
        }
    }
    Ok(true)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = memmem::find(request, b"\r\n\r\n") else { return false };
    let fields = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = fields.lines().find_map(|field| field.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= head + 4 + length.unwrap_or_default()
}

/// An answer of about 1.3 KB in one piece.
pub(crate) fn whole() -> Vec<u8> {
    let content = "Tollgates were once the way a road was paid for. ".repeat(18);
    let body = format!(
        r#"{{"id":"chatcmpl-guard","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{USAGE}}}"#
    );
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// The head of a stream and its first event.
pub(crate) fn opening() -> Vec<u8> {
    let role = r#"{"role":"assistant","content":"","refusal":null}"#;
    [STREAM_HEAD.as_bytes(), &event(role, "null")].concat()
}

/// One event with content.
pub(crate) fn chunk() -> Vec<u8> {
    event(r#"{"content":" carriages"}"#, "null")
}

/// The events and the framing that end a stream.
pub(crate) fn close() -> Vec<u8> {
    let usage = data(&format!(
        r#"{{"id":"chatcmpl-guard","object":"chat.completion.chunk","created":1750000000,"model":"gpt-4o-mini","choices":[],"usage":{USAGE}}}"#
    ));
    [&*event("{}", r#""stop""#), &usage, &data("[DONE]"), b"0\r\n\r\n"].concat()
}

fn event(delta: &str, finish: &str) -> Vec<u8> {
    data(&format!(
        r#"{{"id":"chatcmpl-guard","object":"chat.completion.chunk","created":1750000000,"model":"gpt-4o-mini","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}"#
    ))
}

fn data(data: &str) -> Vec<u8> {
    format!("{:x}\r\ndata: {data}\n\n\r\n", data.len() + 8).into_bytes()
}
