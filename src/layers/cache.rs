//! The exact cache in front of the providers.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tower::{Layer, Service};

use super::ReplyFuture;
use crate::cache::{ExactCache, Hit, Kept};
use crate::call::{CacheStatus, Call, Door, Reply, ReplyBody, Served};
use crate::error::GatewayError;

/// `None`: no cache is configured.
#[derive(Debug, Clone)]
pub struct CacheLayer(pub Option<ExactCache>);

#[derive(Debug, Clone)]
pub struct Cached<S> {
    cache: Option<ExactCache>,
    inner: S,
}

impl<S> Layer<S> for CacheLayer {
    type Service = Cached<S>;

    fn layer(&self, inner: S) -> Cached<S> {
        Cached { cache: self.0.clone(), inner }
    }
}

impl<S> Service<Box<Call>> for Cached<S>
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
        let Some(cache) = &self.cache else {
            return Box::pin(self.inner.call(call));
        };
        // Streams are not kept yet; counting tokens costs nothing.
        if call.cache.bypass || call.envelope.stream || call.door == Door::CountTokens {
            let reply = self.inner.call(call);
            return Box::pin(async move { Ok(marked(reply.await?, CacheStatus::Bypass)) });
        }
        let key = cache.key(&call);
        if !call.cache.refresh
            && let Some(hit) = cache.get(&key, call.cache.max_age, Instant::now())
        {
            return Box::pin(std::future::ready(Ok(found(hit))));
        }
        let status = if call.cache.refresh { CacheStatus::Refresh } else { CacheStatus::Miss };
        let cache = cache.clone();
        let reply = self.inner.call(call);
        Box::pin(async move {
            let reply = reply.await?;
            if let (ReplyBody::Whole(body), true) = (&reply.body, reply.complete) {
                let kept = Kept {
                    content_type: reply.content_type.clone(),
                    body: body.clone(),
                    provider: reply.served.provider.clone(),
                    model: reply.served.model.clone(),
                    usage: reply.usage,
                    dropped: reply.dropped.clone(),
                };
                cache.put(key, &kept, Instant::now());
            }
            Ok(marked(reply, status))
        })
    }
}

fn marked(mut reply: Box<Reply>, status: CacheStatus) -> Box<Reply> {
    reply.cache = status;
    reply
}

fn found(hit: Hit) -> Box<Reply> {
    let Hit { kept, age } = hit;
    Box::new(Reply {
        content_type: kept.content_type,
        body: ReplyBody::Whole(kept.body),
        served: Served {
            provider: kept.provider,
            model: kept.model,
            attempts: 0,
            upstream_id: None,
            processing_ms: None,
            rate_limits: Vec::new(),
        },
        cache: CacheStatus::Hit,
        cache_age: Some(age),
        standing: None,
        usage: kept.usage,
        text_bytes: 0,
        cost: None,
        overhead: Duration::ZERO,
        complete: true,
        dropped: kept.dropped,
    })
}
