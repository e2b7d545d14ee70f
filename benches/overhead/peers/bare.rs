//! The floor in our own language: a hyper server and a pool of hyper connections, nothing read, nothing known.
//!
//! What Tollgate costs above this is what it does; what this costs above nothing is hyper and the kernel.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Kind, Peer, Place};
use crate::listener::{listen, printed_address};
use crate::process::Process;

/// Starts this executable in the mode that [`run`]s it.
pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let mut process = Process::start_mode(&place.cores, &["bare", "0", &place.upstream.to_string()])?;
    let address = printed_address(&mut process)?;
    Ok(Peer::new(Kind::Bare, address, process))
}

/// Serves until the process is ended.
pub(crate) fn run(port: u16, upstream: SocketAddr) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = listen(port)?;
        let pool = Arc::new(Pool { upstream, idle: Mutex::default() });
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, Arc::clone(&pool)));
        }
    })
}

async fn serve(stream: TcpStream, pool: Arc<Pool>) {
    let service = service_fn(move |request| forward(request, Arc::clone(&pool)));
    // A connection that breaks ends; the loader counts what it lost.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(request: Request<Incoming>, pool: Arc<Pool>) -> Result<Response<Answer>, ForwardError> {
    let mut sender = pool.take().await?;
    let answer = sender.send_request(request).await?;
    Ok(answer.map(|body| Answer { body, lease: Lease { sender: Some(sender), pool } }))
}

type ForwardError = Box<dyn std::error::Error + Send + Sync>;

struct Pool {
    upstream: SocketAddr,
    idle: Mutex<Vec<SendRequest<Incoming>>>,
}

impl Pool {
    async fn take(&self) -> Result<SendRequest<Incoming>, ForwardError> {
        while let Some(mut sender) = self.pop() {
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn pop(&self) -> Option<SendRequest<Incoming>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn push(&self, sender: SendRequest<Incoming>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    }
}

/// Gives the connection back when the answer has been passed on.
struct Lease {
    sender: Option<SendRequest<Incoming>>,
    pool: Arc<Pool>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.pool.push(sender);
        }
    }
}

struct Answer {
    body: Incoming,
    #[expect(dead_code, reason = "held for its drop")]
    lease: Lease,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
