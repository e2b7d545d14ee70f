//! Calls through a gateway, one step after the other: this thread is client and provider in one, so the gateway always
//! does the same work in the same order, however slow it is made.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memmem;

use crate::load::{Load, Request};
use crate::provider::{self, Provider};

/// For one step, of a gateway whose every instruction is counted.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const END_OF_ANSWER: &[u8] = b"}}";
const END_OF_EVENT: &[u8] = b"\n\n\r\n";
const END_OF_STREAM: &[u8] = b"\r\n0\r\n\r\n";

/// One kept connection on either side of the gateway.
pub(crate) struct Conversation {
    gateway: SocketAddr,
    client: TcpStream,
    provider: Provider,
    calls: u64,
}

impl Conversation {
    pub(crate) fn begin(client: TcpStream, provider: Provider) -> io::Result<Self> {
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { gateway: client.peer_addr()?, client, provider, calls: 0 })
    }

    /// A call that no cache knows.
    pub(crate) fn call(&mut self, kilobytes: usize) -> io::Result<()> {
        self.ask(&Load::closed(1, 0.0).body(kilobytes * 1024))?;
        self.provider.say(&provider::whole())?;
        self.hear(1, END_OF_ANSWER)
    }

    /// The call before, once more: it comes from the cache.
    pub(crate) fn hit(&mut self, kilobytes: usize) -> io::Result<()> {
        let request = self.request(&Load::closed(1, 0.0).body(kilobytes * 1024));
        self.client.write_all(request.bytes())?;
        self.hear(1, END_OF_ANSWER)
    }

    /// A stream of so many chunks, each written after the one before has arrived.
    pub(crate) fn stream(&mut self, chunks: u32) -> io::Result<()> {
        self.ask(&Load::closed(1, 0.0).streamed(chunks.into(), 0))?;
        self.provider.say(&[provider::opening(), provider::chunk()].concat())?;
        self.hear(2, END_OF_EVENT)?;
        for _ in 1..chunks {
            self.provider.say(&provider::chunk())?;
            self.hear(1, END_OF_EVENT)?;
        }
        self.provider.say(&provider::close())?;
        self.hear(1, END_OF_STREAM)
    }

    /// Sends a request unlike all before and waits until the provider has it.
    fn ask(&mut self, load: &Load) -> io::Result<()> {
        self.calls += 1;
        self.client.write_all(self.request(load).bytes())?;
        self.provider.hear()
    }

    fn request(&self, load: &Load) -> Request {
        let mut request = Request::new(self.gateway, load);
        request.number(self.calls);
        request
    }

    /// Reads until `end` has come so many times.
    fn hear(&mut self, times: usize, end: &[u8]) -> io::Result<()> {
        let mut heard = Vec::new();
        let mut piece = [0; 16 * 1024];
        while memmem::find_iter(&heard, end).count() < times {
            match self.client.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => heard.extend_from_slice(&piece[..length]),
            }
        }
        let refused = heard.starts_with(b"HTTP/1.1 ") && !heard.starts_with(b"HTTP/1.1 200 ");
        if refused {
            return Err(io::Error::other(String::from_utf8_lossy(&heard).into_owned()));
        }
        Ok(())
    }
}
