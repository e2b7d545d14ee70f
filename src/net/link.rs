//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! hyper's connection is a future of its own, which is usually spawned. Here it is polled by the task that waits for the
//! answer: no hop between tasks for each chunk, nothing left to cancel (dropping the answer closes the socket at once),
//! and no task that could outlive its call. While a connection is idle nobody polls it; the poll at its next
//! checkout finds out whether the other side has closed it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::connect::Stream;
use super::sips::{Sips, Thirst};
use super::{Alarm, NetError, Origin, RequestBody};

/// What is read ahead of whoever reads the answer, at most: an answer that nobody reads must not fill the memory.
const BUFFER_LIMIT: usize = 64 << 10;

pub(super) struct Link {
    sender: SendRequest<RequestBody>,
    driver: Connection<TokioIo<Sips<Stream>>, RequestBody>,
    thirst: Thirst,
    /// For the wait for answers, over all calls.
    alarm: Alarm,
    /// When it was last handed back.
    pub(super) idle_since: Instant,
}

impl Link {
    pub(super) async fn new(stream: Stream, now: Instant) -> Result<Self, NetError> {
        let thirst = Thirst::default();
        let (sender, driver) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(BUFFER_LIMIT)
            .handshake(TokioIo::new(Sips::new(stream, thirst.clone())))
            .await
            .map_err(|e| NetError::Broken(Some(e)))?;
        Ok(Self { sender, driver, thirst, alarm: Alarm::default(), idle_since: now })
    }

    /// Whether the connection can take a request. Closed connections show here.
    pub(super) fn poll_usable(&mut self, cx: &mut Context<'_>) -> bool {
        Pin::new(&mut self.driver).poll(cx).is_pending() && self.sender.is_ready()
    }

    /// Whether nothing has come of an answer by which the other side would have shown that it knows of the request. For
    /// a connection that has broken: nothing more comes over it.
    pub(super) fn heard_nothing(self) -> bool {
        self.driver.into_parts().read_buf.is_empty()
    }

    /// Sends a request and waits for the head of the answer, until `limit`.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
        limit: Instant,
    ) -> Result<Response<Incoming>, NetError> {
        self.thirst.set(false);
        let mut answer = std::pin::pin!(self.sender.send_request(request));
        let (driver, alarm) = (&mut self.driver, &mut self.alarm);
        std::future::poll_fn(|cx| {
            let ended = Pin::new(&mut *driver).poll(cx);
            match (answer.as_mut().poll(cx), ended) {
                (Poll::Ready(answer), _) => Poll::Ready(answer.map_err(|error| NetError::Broken(Some(error)))),
                (Poll::Pending, Poll::Ready(end)) => Poll::Ready(Err(NetError::Broken(end.err()))),
                (Poll::Pending, Poll::Pending) => alarm.poll(cx, limit).map(|()| Err(NetError::AnswerTimeout)),
            }
        })
        .await
    }
}

/// The body of an answer, which drives its connection. Read to the end, it hands the connection back to the pool;
/// dropped before, it closes it.
pub struct ResponseBody {
    body: Incoming,
    /// Boxed, as it is handed from the pool to the call and from there to its body.
    link: Option<Box<Link>>,
    origin: Arc<Origin>,
}

impl std::fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseBody").field("ended", &self.link.is_none()).finish_non_exhaustive()
    }
}

impl ResponseBody {
    pub(super) fn new(body: Incoming, link: Box<Link>, origin: Arc<Origin>) -> Self {
        Self { body, link: Some(link), origin }
    }

    /// From here on as much is read at a time as there is. Without this it is little, as is right for a body that may have
    /// to wait for whoever takes it.
    pub fn gulp(&self) {
        if let Some(link) = &self.link {
            link.thirst.set(true);
        }
    }

    /// Lets hyper see the end of the body, after which the connection takes the next request, or does not.
    fn hand_back(&mut self, cx: &mut Context<'_>) {
        if let Some(mut link) = self.link.take()
            && link.poll_usable(cx)
        {
            self.origin.put_back(link);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let this = &mut *self;
        let mut polled = Pin::new(&mut this.body).poll_frame(cx);
        if polled.is_pending()
            && let Some(link) = &mut this.link
        {
            // The body asks the connection for more only when it is polled, so: body, connection, body.
            let ended = Pin::new(&mut link.driver).poll(cx);
            polled = Pin::new(&mut this.body).poll_frame(cx);
            if let (Poll::Pending, Poll::Ready(end)) = (&polled, ended) {
                this.link = None;
                return Poll::Ready(Some(Err(NetError::Broken(end.err()))));
            }
        }
        match ready!(polled) {
            Some(frame) => Poll::Ready(Some(frame.map_err(|error| NetError::Broken(Some(error))))),
            None => {
                this.hand_back(cx);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
