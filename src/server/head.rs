//! A raw look at the first request head of a connection.
//!
//! hyper is lenient where leniency lets two servers read two requests into one (it drops `Content-Length` beside
//! `Transfer-Encoding`, takes bare line feeds, and any number of `Host`s). Each of these is refused here, before hyper
//! sees the bytes. RFC 9112, sections 2.2, 3.2, 5.1, 5.2, 6.1 and 11.2.

use memchr::{memchr, memmem};

/// The longest head.
pub(super) const HEAD_LIMIT: usize = 64 << 10;
/// The most header fields, as in hyper.
pub(super) const FIELD_LIMIT: usize = 100;
/// How HTTP/2 begins. RFC 9113, section 3.4.
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the bytes of a connection begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// More bytes are needed.
    Incomplete,
    Http1,
    Http2,
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400
    Malformed(&'static str),
    /// 431
    TooLarge,
}

/// Judges what has been read of a connection so far.
pub(super) fn begin(bytes: &[u8]) -> Begin {
    if bytes.starts_with(H2_PREFACE) {
        return Begin::Http2;
    }
    if H2_PREFACE.starts_with(bytes) {
        return Begin::Incomplete;
    }
    let end = memmem::find(bytes, b"\r\n\r\n");
    let head = &bytes[..end.map_or(bytes.len(), |end| end + 2)];
    if let Err(why) = clean(head) {
        return Begin::Refused(Refusal::Malformed(why));
    }
    match end {
        Some(end) if end <= HEAD_LIMIT => judge(head).map_or_else(Begin::Refused, |()| Begin::Http1),
        None if bytes.len() <= HEAD_LIMIT => Begin::Incomplete,
        _ => Begin::Refused(Refusal::TooLarge),
    }
}

/// No NUL, and every line ends in CR LF. A CR at the very end may still get its LF.
fn clean(head: &[u8]) -> Result<(), &'static str> {
    if memchr(0, head).is_some() {
        return Err("NUL in the request head");
    }
    for (at, &byte) in head.iter().enumerate() {
        let lonely = match byte {
            b'\n' => at == 0 || head[at - 1] != b'\r',
            b'\r' => head.get(at + 1).is_some_and(|&next| next != b'\n'),
            _ => false,
        };
        if lonely {
            return Err("a line of the request head does not end in CR LF");
        }
    }
    Ok(())
}

/// A whole head, up to its last line end.
fn judge(head: &[u8]) -> Result<(), Refusal> {
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request_line = lines.next().unwrap_or_default();
    let is_http_1_1 = match request_line.rsplit(|&byte| byte == b' ').next() {
        Some(b"HTTP/1.1") => true,
        Some(b"HTTP/1.0") => false,
        _ => return Err(Refusal::Malformed("this is not an HTTP/1.1 request line")),
    };
    let (mut fields, mut hosts, mut lengths, mut codings) = (0, 0, 0, 0);
    for line in lines.filter(|line| !line.is_empty()) {
        fields += 1;
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Refusal::Malformed("a header is folded over two lines"));
        }
        let colon = memchr(b':', line).ok_or(Refusal::Malformed("a header has no colon"))?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
            return Err(Refusal::Malformed("white space in a header's name"));
        }
        if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
            if value.iter().any(|byte| matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\' | b' ' | b'\t')) {
                return Err(Refusal::Malformed("the Host header is not a host"));
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1;
            if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
                return Err(Refusal::Malformed("Content-Length is not a number"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings += 1;
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::Malformed("Transfer-Encoding may only be chunked"));
            }
        }
    }
    match (hosts, lengths, codings) {
        _ if fields > FIELD_LIMIT => Err(Refusal::TooLarge),
        (2.., _, _) => Err(Refusal::Malformed("more than one Host header")),
        (0, _, _) if is_http_1_1 => Err(Refusal::Malformed("no Host header")),
        (_, 2.., _) => Err(Refusal::Malformed("more than one Content-Length header")),
        (_, _, 2..) => Err(Refusal::Malformed("more than one Transfer-Encoding header")),
        (_, _, 1) if !is_http_1_1 => Err(Refusal::Malformed("HTTP/1.0 has no Transfer-Encoding")),
        (_, 1, 1) => Err(Refusal::Malformed("both Content-Length and Transfer-Encoding")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Begin {
        begin(text.as_bytes())
    }

    #[test]
    fn plain_requests_pass() {
        for head in [
            "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nhost: [::1]:3000\r\ntransfer-encoding: Chunked\r\n\r\n",
            "GET /livez HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\nX_Api_Key: v\r\n\r\n",
        ] {
            assert_eq!(of(head), Begin::Http1, "{head:?}");
            for cut in 0..head.find("\r\n\r\n").unwrap() + 3 {
                assert_eq!(of(&head[..cut]), Begin::Incomplete, "{:?}", &head[..cut]);
            }
        }
        assert_eq!(begin(H2_PREFACE), Begin::Http2);
        assert_eq!(begin(&H2_PREFACE[..10]), Begin::Incomplete);
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        for head in [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
            "POST / HTTP/1.1\nHost: a\n\n",
            "POST / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
            "POST / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x/?a\r\n\r\n",
            "POST /\r\nHost: a\r\n\r\n",
            "\x16\x03\x01 hello\r\n\r\n",
        ] {
            assert!(matches!(of(head), Begin::Refused(Refusal::Malformed(_))), "{head:?}: {:?}", of(head));
        }
    }

    #[test]
    fn large_heads_are_refused() {
        let many = "X: y\r\n".repeat(FIELD_LIMIT);
        assert_eq!(of(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")), Begin::Refused(Refusal::TooLarge));
        let long = "a".repeat(HEAD_LIMIT + 1);
        assert_eq!(of(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}")), Begin::Refused(Refusal::TooLarge));
        assert_eq!(of(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n")), Begin::Refused(Refusal::TooLarge));
    }
}
