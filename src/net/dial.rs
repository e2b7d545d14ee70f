//! Another way to other hosts than the network: what a simulation puts in its place.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

use super::NetError;

/// A connection that is no socket.
pub trait Pipe: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Pipe for T {}

/// What comes of dialling.
pub type Dialled = Pin<Box<dyn Future<Output = Result<Box<dyn Pipe>, NetError>> + Send>>;

/// Makes connections in place of the name lookup, TCP and TLS: what it gives is written to in clear text. It is asked
/// once for each new connection; a future that takes too long is dropped, as a connection attempt is.
pub trait Dial: Debug + Send + Sync {
    fn dial(&self, host: &str, port: u16) -> Dialled;
}
