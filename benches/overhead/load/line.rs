//! One connection whose calls block the thread.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::response::{End, Responses};

/// An answer that pauses for longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);
const READ: usize = 16 * 1024;

pub(crate) struct Line {
    stream: TcpStream,
    responses: Responses,
    chunk: Box<[u8]>,
}

impl Line {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, responses: Responses::new(), chunk: vec![0; READ].into() })
    }

    /// Sends a request and reads its answer. After an error the line is of no more use.
    pub(crate) fn call(&mut self, request: &[u8], mut on_body: impl FnMut(&[u8])) -> io::Result<End> {
        self.stream.write_all(request)?;
        loop {
            let length = self.stream.read(&mut self.chunk)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.responses.received().extend_from_slice(&self.chunk[..length]);
            if let Some(end) = self.responses.advance(&mut on_body)? {
                return Ok(end);
            }
        }
    }
}
