//! Reads HTTP/1.1 responses from bytes as they come, for loaders that block and loaders that do not.

use std::io;

use memchr::memmem;

/// How a response ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) status: u16,
    /// The other side closes the connection.
    pub(crate) close: bool,
}

/// The responses of one connection.
pub(super) struct Responses {
    received: Vec<u8>,
    read: usize,
    expect: Expect,
    end: End,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Expect {
    Head,
    Body(usize),
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Trailer,
}

impl Responses {
    pub(super) fn new() -> Self {
        Self { received: Vec::new(), read: 0, expect: Expect::Head, end: End { status: 0, close: false } }
    }

    /// Where to put what was received.
    pub(super) fn received(&mut self) -> &mut Vec<u8> {
        &mut self.received
    }

    /// Passes on what has come of the body; `None` while the response is not complete.
    pub(super) fn advance(&mut self, mut on_body: impl FnMut(&[u8])) -> io::Result<Option<End>> {
        while let Some((taken, next)) = self.step(&mut on_body)? {
            self.read += taken;
            self.expect = next;
            if self.read == self.received.len() {
                self.received.clear();
                self.read = 0;
            }
            if matches!(next, Expect::Head) {
                return Ok(Some(self.end));
            }
        }
        Ok(None)
    }

    /// How many bytes are done with and what follows them; `None` when more must come first.
    fn step(&mut self, on_body: &mut impl FnMut(&[u8])) -> io::Result<Option<(usize, Expect)>> {
        let rest = &self.received[self.read..];
        Ok(match self.expect {
            Expect::Head => match memmem::find(rest, b"\r\n\r\n") {
                None => None,
                Some(length) => {
                    let (end, body) = read_head(&rest[..length])?;
                    self.end = end;
                    Some((length + 4, body))
                }
            },
            Expect::Body(left) => piece(rest, left, on_body).map(|taken| match left - taken {
                0 => (taken, Expect::Head),
                left => (taken, Expect::Body(left)),
            }),
            Expect::Chunk(left) => piece(rest, left, on_body).map(|taken| match left - taken {
                0 => (taken, Expect::ChunkEnd),
                left => (taken, Expect::Chunk(left)),
            }),
            Expect::ChunkEnd => (rest.len() >= 2).then_some((2, Expect::ChunkSize)),
            Expect::ChunkSize => match memmem::find(rest, b"\r\n") {
                None => None,
                Some(length) => Some((length + 2, chunk(&rest[..length])?)),
            },
            Expect::Trailer => match memmem::find(rest, b"\r\n") {
                None => None,
                Some(0) => Some((2, Expect::Head)),
                Some(length) => Some((length + 2, Expect::Trailer)),
            },
        })
    }
}

fn piece(rest: &[u8], left: usize, on_body: &mut impl FnMut(&[u8])) -> Option<usize> {
    let taken = left.min(rest.len());
    if taken > 0 {
        on_body(&rest[..taken]);
    }
    (taken > 0 || left == 0).then_some(taken)
}

fn chunk(size: &[u8]) -> io::Result<Expect> {
    let size = std::str::from_utf8(size).map_err(invalid)?;
    let size = size.split(';').next().unwrap_or_default().trim();
    Ok(match usize::from_str_radix(size, 16).map_err(invalid)? {
        0 => Expect::Trailer,
        size => Expect::Chunk(size),
    })
}

fn read_head(head: &[u8]) -> io::Result<(End, Expect)> {
    let head = std::str::from_utf8(head).map_err(invalid)?;
    let (first, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| invalid(format!("no status in {first:?}")))?;
    let mut end = End { status, close: false };
    let mut body = Expect::Body(0);
    for (name, value) in fields.split("\r\n").filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            body = Expect::Body(value.parse().map_err(invalid)?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            body = Expect::ChunkSize;
        } else if name.eq_ignore_ascii_case("connection") {
            end.close = value.eq_ignore_ascii_case("close");
        }
    }
    Ok((end, body))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
