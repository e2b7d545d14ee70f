//! A host that is called often: its address, its idle connections, and the way to send a request there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::link::Link;
use super::{Connector, NetError, RequestBody, ResponseBody};

/// Idle connections live this long: shorter than the keep-alive of every server worth calling, so that the race with
/// its closing stays rare.
const IDLE: Duration = Duration::from_secs(15);
/// Idle connections that are kept for one host. Fewer than calls at once, and a busy moment would open and close them
/// without end.
const MAX_IDLE: usize = 8192;
/// How long closing a connection in order may take.
const GOODBYE: Duration = Duration::from_millis(100);

/// One scheme, host and port. HTTP/1.1: one HTTP/2 connection would cap the calls under way at the host's stream limit.
#[derive(Debug)]
pub struct Origin {
    connector: Arc<Connector>,
    tls: bool,
    host: String,
    port: u16,
    authority: HeaderValue,
    connect_timeout: Duration,
    idle: Mutex<Idle>,
}

/// Least recently used first.
#[derive(Default)]
struct Idle(VecDeque<Box<Link>>);

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} idle", self.0.len())
    }
}

impl Origin {
    /// `host` is a name or an address without brackets; anything that cannot stand in a `Host` header is an error.
    pub fn new(
        connector: Arc<Connector>,
        tls: bool,
        host: &str,
        port: u16,
        connect_timeout: Duration,
    ) -> Result<Self, http::header::InvalidHeaderValue> {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let authority = match (tls, port) {
            (true, 443) | (false, 80) => bracketed,
            _ => format!("{bracketed}:{port}"),
        };
        Ok(Self {
            connector,
            tls,
            host: host.to_owned(),
            port,
            authority: HeaderValue::from_str(&authority)?,
            connect_timeout,
            idle: Mutex::default(),
        })
    }

    /// The value for the `Host` header.
    pub fn authority(&self) -> HeaderValue {
        self.authority.clone()
    }

    /// Sends what `request` makes and waits for the head of the answer, for `answer_within` from the moment that the
    /// connection is there; `until` ends everything.
    ///
    /// A connection from the pool may be closed by the other side at that very moment; where it dies before a byte of
    /// the answer has come, the request is sent once more over a new one. Dropping the future closes the connection.
    /// Returns the answer and when its request was sent.
    pub async fn send(
        self: &Arc<Self>,
        request: impl Fn() -> Request<RequestBody>,
        answer_within: Duration,
        until: Instant,
    ) -> Result<(Response<ResponseBody>, Instant), NetError> {
        if let Some(mut link) = self.checkout().await {
            match answer(&mut link, request(), answer_within, until).await {
                Err(NetError::Broken(why)) => {
                    if !link.heard_nothing() {
                        return Err(NetError::Broken(why));
                    }
                }
                answer => return Ok(self.with_body(answer?, link)),
            }
        }
        let now = Instant::now();
        let connect_within = self.connect_timeout.min(until.saturating_duration_since(now));
        let stream = self.connector.connect(&self.host, self.port, self.tls, connect_within).await?;
        let mut link = Box::new(Link::new(stream, now).await?);
        let answer = answer(&mut link, request(), answer_within, until).await?;
        Ok(self.with_body(answer, link))
    }

    /// Makes a new connection, as [`Self::send`] does, and closes it. Nothing is asked over it.
    pub async fn connect(&self, within: Duration) -> Result<(), NetError> {
        let within = self.connect_timeout.min(within);
        let mut stream = self.connector.connect(&self.host, self.port, self.tls, within).await?;
        // TLS has a word for it. Whether the other side hears it is its own affair.
        let _ = tokio::time::timeout(GOODBYE, stream.shutdown()).await;
        Ok(())
    }

    fn with_body(
        self: &Arc<Self>,
        (answer, sent): (Response<Incoming>, Instant),
        link: Box<Link>,
    ) -> (Response<ResponseBody>, Instant) {
        (answer.map(|body| ResponseBody::new(body, link, Arc::clone(self))), sent)
    }

    /// The most recently used connection that is still open.
    async fn checkout(&self) -> Option<Box<Link>> {
        let oldest = Instant::now().checked_sub(IDLE);
        loop {
            let mut link = self.idle().0.pop_back()?;
            let fresh = oldest.is_none_or(|oldest| link.idle_since >= oldest);
            let usable = std::future::poll_fn(|cx| std::task::Poll::Ready(link.poll_usable(cx))).await;
            if fresh && usable {
                return Some(link);
            }
        }
    }

    pub(super) fn put_back(&self, mut link: Box<Link>) {
        link.idle_since = Instant::now();
        let mut idle = self.idle();
        if idle.0.len() < MAX_IDLE {
            idle.0.push_back(link);
        }
    }

    /// Closes connections that have been idle too long. To be called from time to time.
    pub fn reap(&self, now: Instant) {
        let mut idle = self.idle();
        while idle.0.front().is_some_and(|link| now.duration_since(link.idle_since) > IDLE) {
            idle.0.pop_front();
        }
    }

    /// Closes all idle connections, for whoever needs their descriptors more.
    pub fn drop_idle(&self) {
        self.idle().0.clear();
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().expect("nothing panics while the lock is held")
    }
}

async fn answer(
    link: &mut Link,
    request: Request<RequestBody>,
    within: Duration,
    until: Instant,
) -> Result<(Response<Incoming>, Instant), NetError> {
    let sent = Instant::now();
    let answer = link.send(request, until.min(sent + within)).await?;
    Ok((answer, sent))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    const SECONDS: Duration = Duration::from_secs(5);

    fn origin(port: u16) -> Arc<Origin> {
        let connector = Arc::new(Connector::default());
        Arc::new(Origin::new(connector, false, "127.0.0.1", port, Duration::from_secs(5)).unwrap())
    }

    async fn call(origin: &Arc<Origin>) -> Result<Bytes, NetError> {
        let answer = origin
            .send(
                || {
                    let body = RequestBody::new([Bytes::from_static(b"ab"), Bytes::from_static(b"c")]);
                    Request::post("/x").header("host", origin.authority()).body(body).unwrap()
                },
                SECONDS,
                Instant::now() + SECONDS,
            )
            .await?;
        Ok(answer.0.into_body().collect().await?.to_bytes())
    }

    async fn read_request(stream: &mut tokio::net::TcpStream) -> bool {
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\nabc") {
            match stream.read_buf(&mut seen).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        true
    }

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// A connection on which one request has been answered and a second has arrived.
    async fn reused(listener: &TcpListener) -> tokio::net::TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(read_request(&mut stream).await);
        stream.write_all(ANSWER).await.unwrap();
        assert!(read_request(&mut stream).await);
        stream
    }

    #[tokio::test]
    async fn one_connection_serves_call_after_call() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = origin(listener.local_addr().unwrap().port());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..3 {
                assert!(read_request(&mut stream).await);
                stream.write_all(ANSWER).await.unwrap();
            }
        });
        for _ in 0..3 {
            assert_eq!(call(&origin).await.unwrap(), "ok");
        }
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_reused_connection_that_dies_is_replaced_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = origin(listener.local_addr().unwrap().port());
        let server = tokio::spawn(async move {
            // Dies at the moment of reuse: the request arrives, the connection closes.
            drop(reused(&listener).await);
            let (mut second, _) = listener.accept().await.unwrap();
            assert!(read_request(&mut second).await);
            second.write_all(ANSWER).await.unwrap();
            // A new connection that dies is not replaced.
            assert!(read_request(&mut second).await);
            drop(second);
            let (mut third, _) = listener.accept().await.unwrap();
            assert!(read_request(&mut third).await);
        });
        assert_eq!(call(&origin).await.unwrap(), "ok");
        assert_eq!(call(&origin).await.unwrap(), "ok");
        assert!(matches!(call(&origin).await, Err(NetError::Broken(_))));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_was_answered_in_part_is_not_sent_again() {
        for part in [&b"H"[..], b"HTTP/1.1 200 OK\r\ncontent-le", b"no HTTP at all\r\n"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let origin = origin(listener.local_addr().unwrap().port());
            let server = tokio::spawn(async move {
                let mut first = reused(&listener).await;
                first.write_all(part).await.unwrap();
                drop(first);
                let (mut next, _) = listener.accept().await.unwrap();
                assert!(read_request(&mut next).await);
                next.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthird").await.unwrap();
            });
            assert_eq!(call(&origin).await.unwrap(), "ok");
            assert!(matches!(call(&origin).await, Err(NetError::Broken(Some(_)))));
            assert_eq!(call(&origin).await.unwrap(), "third");
            server.await.unwrap();
        }
    }

    #[tokio::test]
    async fn dropping_an_unread_answer_closes_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = origin(listener.local_addr().unwrap().port());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(read_request(&mut stream).await);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
            stream.read(&mut [0]).await.map_or(0, |read| read)
        });
        let answer = origin
            .send(
                || Request::post("/").body(RequestBody::new([Bytes::from_static(b"abc")])).unwrap(),
                SECONDS,
                Instant::now() + SECONDS,
            )
            .await
            .unwrap();
        drop(answer);
        assert_eq!(server.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_body_that_is_cut_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = origin(listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        });
        assert!(matches!(call(&origin).await, Err(NetError::Broken(_))));
    }
}
