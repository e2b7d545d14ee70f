//! The accept loop: `TCP_NODELAY` on every connection, a cap on their number, and an end in good order.
//!
//! Not `axum::serve`: it has no time limit for a request head and leaves Nagle's algorithm on, which with delayed
//! acknowledgements costs a stream's first token 38 ms.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::serve_connection;
use super::front::Front;
use super::io::Patience;

/// How a door closes.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    /// No new connection, no new request; what is under way goes on.
    pub begin: CancellationToken,
    /// Connections that are open.
    pub connections: TaskTracker,
}

/// Accepts until the drain begins. At most `max_connections` are open at once; further ones wait in the kernel's queue.
#[expect(private_bounds, reason = "the two doors are public, what they have in common is not")]
pub async fn serve(listener: TcpListener, front: impl Front, max_connections: usize, patience: Patience, drain: Drain) {
    let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (accept(&listener).await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = drain.begin.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let served = serve_connection(stream, peer, front.clone(), patience, drain.begin.clone());
                drain.connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

/// The next connection, which sends what it is given at once.
async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer))
}

/// A connection that failed while it was accepted is nobody's loss. When the process is out of file descriptors, trying
/// again at once would only burn the processor.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    // `InvalidInput`: an option of a socket that was closed already.
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections; trying again");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_sockets_do_not_wait_for_more_to_send() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, _client) = tokio::join!(accept(&listener), client);
        assert!(accepted.unwrap().0.nodelay().unwrap());
    }
}
