//! Each call in a record, whatever becomes of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::ReplyFuture;
use crate::call::{Call, Frame, FrameKind, FrameStream, Reply, ReplyBody};
use crate::error::GatewayError;
use crate::usage::{Meter, Open, Outcome};

/// The outermost layer.
#[derive(Debug, Clone)]
pub struct MeterLayer(pub Meter);

#[derive(Debug, Clone)]
pub struct Metered<S> {
    meter: Meter,
    inner: S,
}

impl<S> Layer<S> for MeterLayer {
    type Service = Metered<S>;

    fn layer(&self, inner: S) -> Metered<S> {
        Metered { meter: self.0.clone(), inner }
    }
}

impl<S> Service<Box<Call>> for Metered<S>
where
    S: Service<Box<Call>, Response = Box<Reply>, Error = GatewayError, Future: Send + 'static>,
{
    type Response = Box<Reply>;
    type Error = GatewayError;
    type Future = ReplyFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Box<Call>) -> ReplyFuture {
        let mut open = self.meter.open(&call);
        let reply = self.inner.call(call);
        Box::pin(async move {
            let mut reply = match reply.await {
                Ok(reply) => reply,
                Err(error) => {
                    open.fail(&error);
                    return Err(error);
                }
            };
            open.replied(&mut reply, Instant::now());
            if matches!(reply.body, ReplyBody::Whole(_)) {
                open.end(Outcome::OK);
            } else {
                reply.body.wrap(|frames| Box::pin(MeteredFrames { frames, open: Some(open) }));
            }
            Ok(reply)
        })
    }
}

/// Frames on their way out, counted.
struct MeteredFrames {
    frames: FrameStream,
    /// Ends with the stream, or by being dropped with it.
    open: Option<Open>,
}

impl Stream for MeteredFrames {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        let frame = ready!(self.frames.as_mut().poll_next(cx));
        let Some(frame) = frame else {
            self.open = None;
            return Poll::Ready(None);
        };
        if let Some(open) = &mut self.open {
            open.usage = frame.usage.or(open.usage);
            open.passed_on(frame.text_bytes);
            match frame.kind {
                FrameKind::Done => open.set_outcome(Outcome::OK),
                FrameKind::Error(_) => open.set_outcome(Outcome::STREAM_BROKEN),
                FrameKind::Lifecycle | FrameKind::Content | FrameKind::Usage => {}
            }
        }
        Poll::Ready(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tower::ServiceExt;

    use super::*;
    use crate::call::Caller;
    use crate::dialects::testing::call;
    use crate::telemetry::Metrics;

    const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;

    /// How calls ended whose service does `inner`.
    async fn ended<F>(inner: impl Fn() -> F + Clone + Send + 'static, poll_it: bool) -> String
    where
        F: Future<Output = Result<Box<Reply>, GatewayError>> + Send + 'static,
    {
        let caller = Arc::new(Caller { key: "k".into(), user: "u".into(), team: None, models: Vec::new() });
        let metrics = Arc::new(Metrics::new(|| 0));
        let service = tower::service_fn(move |_: Box<Call>| inner());
        let service = MeterLayer(Meter::new(Arc::clone(&metrics))).layer(service);
        let reply = service.oneshot(Box::new(call(BODY, caller)));
        if poll_it {
            let _ = tokio::spawn(reply).await;
        } else {
            let mut reply = std::pin::pin!(reply);
            assert!(futures_util::poll!(&mut reply).is_pending());
        }
        let text = metrics.encode();
        assert!(text.contains("tollgate_inflight 0"), "{text}");
        let calls: Vec<_> = text.lines().filter(|line| line.starts_with("tollgate_calls_total")).collect();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0].to_owned()
    }

    #[tokio::test]
    async fn a_call_ends_in_one_record_whatever_becomes_of_it() {
        let panicking = ended(|| async { panic!("on purpose") }, true).await;
        assert!(panicking.contains(r#"outcome="internal"} 1"#), "{panicking}");
        let dropped = ended(std::future::pending, false).await;
        assert!(dropped.contains(r#"outcome="client_gone"} 1"#), "{dropped}");
        let failed = ended(|| async { Err(GatewayError::Internal) }, true).await;
        assert!(failed.contains(r#"outcome="internal"} 1"#), "{failed}");
    }
}
