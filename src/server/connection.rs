//! One client connection: the raw check, then hyper, then a decent end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::Map;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::body::OutBody;
use super::busy::Busy;
use super::front::{Answer, Front};
use super::head::{Begin, FIELD_LIMIT, HEAD_LIMIT, Refusal, begin};
use super::io::{ClientIo, Patience};
use super::streams::Streams;
use crate::api::ErrorBody;
use crate::net::Alarm;

/// How long, and how much, a client that is still sending is listened to after its answer, so that closing does not
/// destroy the answer on its way (as nginx's `lingering_close`).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;
/// What is read ahead of, or written behind, a client at most.
const BUFFER_LIMIT: usize = 64 << 10;
/// Streams at once on an HTTP/2 connection.
const H2_STREAMS: u32 = 256;

/// Serves a connection until it ends. From `drain` on it takes no further request.
pub(super) async fn serve_connection(
    mut stream: TcpStream,
    peer: SocketAddr,
    front: impl Front,
    patience: Patience,
    drain: CancellationToken,
) {
    let mut read = BytesMut::with_capacity(4096);
    let begun = tokio::select! {
        begun = tokio::time::timeout(patience.header, read_begin(&mut stream, &mut read)) => begun,
        // Nothing has been asked yet.
        () = drain.cancelled() => return,
    };
    let busy = Arc::<Busy>::default();
    match begun {
        Ok(Some(Begin::Http1)) => {
            let io = ClientIo::new(stream, read.freeze(), Arc::clone(&busy), patience);
            serve_http1(io, Requests { front, peer, busy, streams: None }, drain).await;
        }
        Ok(Some(Begin::Http2)) => {
            // What `ClientIo` knows of reading is HTTP/1.1's, so it is told that the connection is always busy.
            let always = Arc::<Busy>::default();
            let _busy = always.enter(None);
            let io = ClientIo::new(stream, read.freeze(), always, patience);
            // Apart, so that it does not make the others' task larger: most connections are of HTTP/1.1.
            let streams = Streams::new(patience.write);
            let requests = Requests { front, peer, busy, streams: Some(streams.clone()) };
            Box::pin(serve_http2(io, requests, streams, patience, drain)).await;
        }
        Ok(Some(Begin::Refused(refusal))) => Box::pin(refuse(stream, refusal)).await,
        // Gone, silent, or too slow.
        Ok(Some(Begin::Incomplete) | None) | Err(_) => {}
    }
}

/// Reads until it is known what the connection begins with; `None`: it ended before.
async fn read_begin(stream: &mut TcpStream, read: &mut BytesMut) -> Option<Begin> {
    loop {
        match begin(read) {
            Begin::Incomplete if stream.read_buf(read).await.ok()? == 0 => return None,
            Begin::Incomplete => {}
            known => return Some(known),
        }
    }
}

async fn serve_http1<F: Front>(io: ClientIo, requests: Requests<F>, drain: CancellationToken) {
    let busy = Arc::clone(&requests.busy);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // `ClientIo` keeps this time: it tells an idle connection from a slow head.
        .header_read_timeout(None)
        .max_headers(FIELD_LIMIT)
        .max_header_size(HEAD_LIMIT)
        .max_buf_size(BUFFER_LIMIT)
        .serve_connection(TokioIo::new(io), requests);
    let mut drained = pin!(drain.cancelled());
    let (mut draining, mut was_idle) = (false, false);
    let served = std::future::poll_fn(|cx| {
        if !draining && drained.as_mut().poll(cx).is_ready() {
            draining = true;
            was_idle = busy.is_idle();
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await;
    if let Err(error) = &served {
        tracing::debug!(error = error as &dyn std::error::Error, "connection ended");
    }
    // Where nothing was under way there is no answer that closing could destroy.
    if served.is_ok() && !was_idle {
        Box::pin(linger(connection.into_parts().io.into_inner().into_stream())).await;
    }
}

/// Beside its pings HTTP/2 has the same limits as HTTP/1.1: for the first request, and between two of them.
async fn serve_http2<F: Front>(
    io: ClientIo,
    requests: Requests<F>,
    streams: Streams,
    patience: Patience,
    drain: CancellationToken,
) {
    let busy = Arc::clone(&requests.busy);
    let mut idle = Alarm::default();
    let mut closing = None;
    let mut connection = pin!(
        http2::Builder::new(streams)
            .timer(TokioTimer::new())
            .max_concurrent_streams(H2_STREAMS)
            .max_header_list_size(HEAD_LIMIT as u32)
            .keep_alive_interval(Some(Duration::from_secs(20)))
            .keep_alive_timeout(Duration::from_secs(20))
            .serve_connection(TokioIo::new(io), requests)
    );
    let mut drained = pin!(drain.cancelled());
    let mut draining = false;
    let served = std::future::poll_fn(|cx| {
        if !draining && drained.as_mut().poll(cx).is_ready() {
            draining = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(served) = connection.as_mut().poll(cx) {
            return Poll::Ready(served);
        }
        // At the end of its patience it says so, and gives the other side a moment to agree.
        loop {
            let now = Instant::now();
            ready!(idle.poll(cx, closing.unwrap_or_else(|| busy.idle_until(patience.header, now))));
            if closing.is_some() {
                return Poll::Ready(Ok(()));
            }
            if busy.idle_until(patience.header, now) <= now {
                connection.as_mut().graceful_shutdown();
                closing = Some(now + LINGER);
                if let Poll::Ready(served) = connection.as_mut().poll(cx) {
                    return Poll::Ready(served);
                }
            }
        }
    })
    .await;
    if let Err(error) = served {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
    }
}

/// Says why, in HTTP/1.1, and closes.
async fn refuse(mut stream: TcpStream, refusal: Refusal) {
    let (status, message) = match refusal {
        Refusal::Malformed(why) => (StatusCode::BAD_REQUEST, why),
        Refusal::TooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request head is too large"),
    };
    let body = ErrorBody { message, kind: "invalid_request_error", param: None, code: None }.to_json();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-request-id: {}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        Uuid::now_v7(),
        body.len()
    );
    let answer = Bytes::from([head.into_bytes(), body].concat());
    if tokio::time::timeout(LINGER, stream.write_all(&answer)).await.is_ok_and(|written| written.is_ok()) {
        linger(stream).await;
    }
}

/// Closes our side, then lets the client finish for a moment.
async fn linger(mut stream: TcpStream) {
    let mut scratch = vec![0; 16 << 10];
    let drain = async {
        stream.shutdown().await?;
        let mut left = LINGER_BYTES;
        while left > 0 {
            match stream.read(&mut scratch).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok::<_, std::io::Error>(())
    };
    // Whether it went well is of no interest any more.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// The requests of one connection.
struct Requests<F> {
    front: F,
    peer: SocketAddr,
    busy: Arc<Busy>,
    /// Over HTTP/2.
    streams: Option<Streams>,
}

impl<F: Front> Service<Request<Incoming>> for Requests<F> {
    type Response = Response<OutBody>;
    type Error = Infallible;
    type Future = Map<Answer, fn(Response<OutBody>) -> Result<Response<OutBody>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let stream = self.streams.as_ref().map(Streams::begin);
        self.front.answer(request, self.peer.ip(), self.busy.enter(stream)).map(Ok)
    }
}
