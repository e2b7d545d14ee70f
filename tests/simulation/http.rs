//! As much of HTTP/1.1 as a provider needs, without the gateway's parsers.

use tokio::io::{AsyncRead, AsyncReadExt};

/// A request as it was read.
pub(crate) struct Request {
    /// What its authentication header holds.
    pub(crate) key: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// The next request; `None`: the connection has ended.
pub(crate) async fn read_request(reader: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if reader.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).expect("a head is text");
    let length = header(&head, "content-length").expect("requests have a length");
    let length: usize = length.parse().expect("a length is a number");
    while read.len() < end + length {
        if reader.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    let bearer = header(&head, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    let key = bearer.or(header(&head, "x-api-key")).map(str::to_owned);
    Some(Request { key, body: read[end..].to_vec() })
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// `more` are whole lines.
pub(crate) fn head(code: u16, kind: &str, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {code} Whatever\r\ncontent-type: {kind}\r\n{more}\r\n").into_bytes()
}

pub(crate) fn whole(code: u16, kind: &str, more: &str, body: &str) -> Vec<u8> {
    let mut bytes = head(code, kind, &format!("content-length: {}\r\n{more}", body.len()));
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

/// An empty one is the last.
pub(crate) fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}
