//! One connection whose calls leave the thread to others meanwhile.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::response::{End, Responses};
use super::{Request, Session};
use crate::clock::now_ns;

const READ: usize = 32 * 1024;

pub(super) struct Connection {
    stream: TcpStream,
    request: Request,
    responses: Responses,
}

impl Connection {
    pub(super) async fn open(session: &Session) -> io::Result<Self> {
        let stream = TcpStream::connect(session.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: session.request(), responses: Responses::new() })
    }

    /// Makes a call that does not count: what the first call on a connection costs is not part of the load.
    pub(super) async fn warm_up(&mut self, session: &Session) -> io::Result<()> {
        session.next(&mut self.request);
        self.stream.write_all(self.request.bytes()).await?;
        let mut reception = session.reception(now_ns());
        let end = self.receive(|body| reception.take(body)).await?;
        reception.fault(end).map_or(Ok(()), |fault| Err(io::Error::other(fault)))
    }

    /// Asks for a stream and reads as far as its first content.
    pub(super) async fn begin_stream(&mut self, session: &Session) -> io::Result<()> {
        session.next(&mut self.request);
        self.stream.write_all(self.request.bytes()).await?;
        let mut reception = session.reception(now_ns());
        while !reception.has_content() {
            self.read().await?;
            if let Some(end) = self.responses.advance(|body| reception.take(body))? {
                return Err(io::Error::other(format!("status {} and no stream to hold", end.status)));
            }
        }
        Ok(())
    }

    /// Makes one call and counts it. `None`: the load asks for no more.
    pub(super) async fn call(&mut self, session: &Session) -> io::Result<Option<End>> {
        if !session.next(&mut self.request) {
            return Ok(None);
        }
        let mut reception = session.reception(now_ns());
        self.stream.write_all(self.request.bytes()).await?;
        let end = self.receive(|body| reception.take(body)).await?;
        reception.end(end, &mut session.tally());
        Ok(Some(end))
    }

    async fn receive(&mut self, mut on_body: impl FnMut(&[u8])) -> io::Result<End> {
        loop {
            self.read().await?;
            if let Some(end) = self.responses.advance(&mut on_body)? {
                return Ok(end);
            }
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        let received = self.responses.received();
        received.reserve(READ);
        match self.stream.read_buf(received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
