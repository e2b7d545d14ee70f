//! HTTP/1.1 heads, read by hand. Used by both ends of a test.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A first line and header lines, in order, names in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) first_line: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { first_line, headers }
    }
}

/// A socket's reading side and what has been read too far.
#[derive(Debug)]
pub(crate) struct Wire<R> {
    pub(crate) socket: R,
    pub(crate) buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Wire<R> {
    pub(crate) fn new(socket: R) -> Self {
        Self { socket, buffer: Vec::new() }
    }

    /// Reads some more. `Ok(0)`: the other side will send nothing further.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        self.socket.read_buf(&mut self.buffer).await
    }

    /// Everything up to and including `end`.
    pub(crate) async fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        let mut from = 0;
        loop {
            let found = self.buffer[from..].windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                let rest = self.buffer.split_off(from + at + end.len());
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            from = self.buffer.len().saturating_sub(end.len() - 1);
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(crate) async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.buffer.split_off(count);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// What there is of the next `most` bytes, and at least one of them if there are to be any.
    pub(crate) async fn some(&mut self, most: usize) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() && most > 0 && self.fill().await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let rest = self.buffer.split_off(most.min(self.buffer.len()));
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    pub(crate) async fn head(&mut self) -> io::Result<Head> {
        let bytes = self.until(b"\r\n\r\n").await?;
        Ok(Head::parse(String::from_utf8_lossy(&bytes).trim_end_matches("\r\n")))
    }

    /// One chunk of a chunked body; empty: it was the last.
    pub(crate) async fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.until(b"\r\n").await?;
        let line = String::from_utf8_lossy(&line);
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let data = self.exactly(size).await?;
        self.exactly(2).await?;
        Ok(data)
    }
}
