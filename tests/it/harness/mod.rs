//! What every test stands on: a scripted provider, the gateway's binary, and a client that sees every byte.
//!
//! Nothing here imports the crate: the oracle must not share the gateway's readers of HTTP, JSON or event streams.
//! Everything waits on events (a log line, a byte, a closed connection) under [`LIMIT`], which only a failure reaches.

mod answers;
mod asking;
mod client;
mod dead_ends;
mod door;
mod gateway;
mod http2;
mod local_server;
mod logs;
mod metrics;
mod provider;
mod python;
mod replay;
mod reply;
mod request;
mod response;
mod setup;
mod tls;
mod wire;

pub(crate) use answers::*;
pub(crate) use asking::{say, streamed, with_tools};
pub(crate) use client::{Connection, JSON, get, head, post, raw_chat};
pub(crate) use dead_ends::{Deaf, Refusing};
pub(crate) use door::Door;
pub(crate) use gateway::{Gateway, tollgate};
pub(crate) use http2::Http2;
pub(crate) use local_server::{LocalServer, SENTENCE};
pub(crate) use metrics::Scrape;
pub(crate) use provider::{Scripted, Seen};
pub(crate) use python::python;
pub(crate) use replay::{Recording, Replay, shared};
pub(crate) use reply::{Reply, Script, Step, gate};
pub(crate) use response::{End, Response, assert_error_shape};
pub(crate) use setup::{Setup, base_url};
pub(crate) use tls::{Identity, terminate, trusting};

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How long anything may take before a test gives up. Generous: the machine may be busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Providers live on threads of their own, so that they answer while a test blocks in a drop.
pub(crate) fn background() -> &'static Runtime {
    static BACKGROUND: LazyLock<Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("threads can be started")
    });
    &BACKGROUND
}

/// A listener on a free port, served in the background.
fn listen() -> TcpListener {
    let _context = background().enter();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener)).expect("the socket is fresh")
}

/// Waits for `event`, and panics with `what` when it does not come.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, event).await {
        Ok(value) => value,
        Err(_) => panic!("this did not happen within {LIMIT:?}: {what}"),
    }
}

/// The future's output, run from a place that cannot await: a drop, inside or outside a runtime.
fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> std::thread::Result<T> {
    std::thread::scope(|scope| scope.spawn(|| background().block_on(future)).join())
}
