//! New connections: name lookup, TCP without Nagle's delay, a tunnel where one is needed, TLS.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::descriptors::is_exhausted;
use super::proxy::open_tunnel;
use super::tls::LazyTls;
use super::{Dial, NetError, Pipe, ProxyEnv};

/// Makes connections. Shared by all origins.
#[derive(Debug, Default)]
pub struct Connector {
    proxy: ProxyEnv,
    tls: LazyTls,
    /// Instead of the network.
    dialer: Option<Arc<dyn Dial>>,
}

impl Connector {
    pub fn new(proxy: ProxyEnv) -> Self {
        Self { proxy, ..Self::default() }
    }

    /// Goes nowhere but to `dialer`.
    pub fn with_dialer(dialer: Arc<dyn Dial>) -> Self {
        Self { dialer: Some(dialer), ..Self::default() }
    }

    /// Connects within `limit`, which covers every step.
    pub(super) async fn connect(&self, host: &str, port: u16, tls: bool, limit: Duration) -> Result<Stream, NetError> {
        tokio::time::timeout(limit, self.connect_unbounded(host, port, tls))
            .await
            .unwrap_or(Err(NetError::ConnectTimeout))
    }

    async fn connect_unbounded(&self, host: &str, port: u16, tls: bool) -> Result<Stream, NetError> {
        if let Some(dialer) = &self.dialer {
            return dialer.dial(host, port).await.map(Stream::Dialled);
        }
        if !tls {
            return Ok(Stream::Plain(tcp(host, port).await?));
        }
        let stream = match self.proxy.for_host(host) {
            Some(proxy) => {
                let mut stream = tcp(&proxy.host, proxy.port).await?;
                open_tunnel(&mut stream, host, port).await?;
                stream
            }
            None => tcp(host, port).await?,
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| NetError::Tls(io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls.config()));
        let stream = connector.connect(name, stream).await.map_err(NetError::Tls)?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// Tries the addresses of a name in turn.
async fn tcp(host: &str, port: u16) -> Result<TcpStream, NetError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return tcp_to((address, port).into()).await.map_err(|error| unless_exhausted(error, NetError::Connect));
    }
    let addresses =
        tokio::net::lookup_host((host, port)).await.map_err(|error| unless_exhausted(error, NetError::Dns))?;
    let mut last = NetError::Dns(io::Error::from(io::ErrorKind::NotFound));
    for address in addresses {
        match tcp_to(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = unless_exhausted(error, NetError::Connect),
        }
    }
    Err(last)
}

fn unless_exhausted(error: io::Error, otherwise: fn(io::Error) -> NetError) -> NetError {
    if is_exhausted(&error) { NetError::Exhausted(error) } else { otherwise(error) }
}

async fn tcp_to(address: std::net::SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection in clear text, under TLS, or over what a dialer has made.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Dialled(Box<dyn Pipe>),
}

macro_rules! on_each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Plain($inner) => $call,
            Stream::Tls($inner) => $call,
            Stream::Dialled($inner) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_each!(self.get_mut(), inner => Pin::new(inner).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_each!(self.get_mut(), inner => Pin::new(inner).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_each!(self.get_mut(), inner => Pin::new(inner).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        on_each!(self, inner => inner.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self.get_mut(), inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self.get_mut(), inner => Pin::new(inner).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_do_not_wait_for_more_to_send() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connector = Connector::default();
        let stream = connector.connect("localhost", port, false, Duration::from_secs(5)).await.unwrap();
        let Stream::Plain(stream) = stream else { panic!("asked for clear text") };
        assert!(stream.nodelay().unwrap());
    }

    #[test]
    fn another_way_makes_no_connection_larger() {
        #[expect(dead_code, reason = "only its size matters")]
        enum Sockets {
            Plain(TcpStream),
            Tls(Box<TlsStream<TcpStream>>),
        }
        assert_eq!(size_of::<Stream>(), size_of::<Sockets>());
    }

    #[tokio::test]
    async fn failures_tell_the_step() {
        let connector = Connector::default();
        let limit = Duration::from_secs(5);
        let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let refused = connector.connect("127.0.0.1", unused, false, limit).await;
        assert!(matches!(refused, Err(NetError::Connect(_))), "{refused:?}");
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let stalled = connector.connect("127.0.0.1", port, true, Duration::from_millis(50)).await;
        assert!(matches!(stalled, Err(NetError::ConnectTimeout)), "{stalled:?}");
    }
}
