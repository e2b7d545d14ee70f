//! The first thing that a request meets: its id, its address's ceiling, and its door.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, Version};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::{Layer, ServiceExt};
use tower_http::cors::CorsLayer;

use super::address::Addresses;
use super::admin_pages::admin_pages;
use super::body::OutBody;
use super::busy::BusyGuard;
use super::calls::answer_call;
use super::pages::{Ready, client_pages};
use super::respond::{self, names};
use super::voice::Voice;
use crate::admin::Admin;
use crate::api::chat::Format;
use crate::call::{Call, CallId, Door, Reply};
use crate::config::Server;
use crate::error::GatewayError;
use crate::layers::Auth;
use crate::routing::Registry;
use crate::telemetry::Metrics;
use crate::usage::Meter;

/// Calls behind their layers. Calls and replies are boxed where they are made: they are handed on many times.
pub type CallService = tower::util::BoxCloneSyncService<Box<Call>, Box<Reply>, GatewayError>;

/// A response on its way.
pub(super) type Answer = Pin<Box<dyn Future<Output = Response<OutBody>> + Send>>;

fn call_door(path: &str) -> Option<Door> {
    Door::ALL.into_iter().find(|door| door.path() == path)
}

/// Everything that answering a client needs.
pub struct Doors {
    pub auth: Auth,
    pub registry: Arc<Registry>,
    pub calls: CallService,
    pub meter: Meter,
    pub server: Server,
    pub addresses: Arc<Addresses>,
    pub ready: Ready,
    /// Cancelled when the calls that are left are given up.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doors").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A way to answer requests; one for each listener.
pub(super) trait Front: Clone + Send + Sync + Unpin + 'static {
    /// `busy` is kept until the response's body has been sent.
    fn answer(&self, request: Request<Incoming>, peer: IpAddr, busy: BusyGuard) -> Answer;
}

/// The door that clients call.
#[derive(Debug, Clone)]
pub struct ClientDoor {
    doors: Arc<Doors>,
    pages: Router,
    cors: Option<CorsLayer>,
}

impl ClientDoor {
    pub fn new(doors: Arc<Doors>) -> Self {
        let pages = client_pages(Arc::clone(&doors));
        let origins: Vec<HeaderValue> =
            doors.server.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
        let cors = (!origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(origins)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers(tower_http::cors::AllowHeaders::mirror_request())
                .expose_headers(tower_http::cors::Any)
        });
        Self { doors, pages, cors }
    }

    async fn route(self, request: Request<Incoming>, peer: IpAddr) -> Response<OutBody> {
        let id = CallId::new();
        let keeps_open = request.version() != Version::HTTP_11 || !request.headers().contains_key(TRANSFER_ENCODING);
        let door = call_door(request.uri().path()).filter(|_| request.method() == Method::POST);
        let mut response = match (self.ceiling(&request, peer), door) {
            (Err(error), door) => {
                self.doors.meter.address_refused();
                if let Some(door) = door {
                    self.doors.meter.arrived(door, id).refused(&error);
                }
                respond::error(&error, Voice { door: door.unwrap_or(Door::ChatCompletions), id })
            }
            (Ok(()), Some(door)) => answer_call(&self.doors, door, id, request).await,
            (Ok(()), None) => {
                let mut request = request;
                request.extensions_mut().insert(id);
                page(self.pages, request).await
            }
        };
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            // Anthropic's SDKs look for the shorter name.
            if door.is_some_and(|door| door.format() == Format::Anthropic) {
                headers.insert(names::SHORT_REQUEST_ID, id.clone());
            }
            headers.insert(names::REQUEST_ID, id);
        }
        // hyper forgets a Content-Length beside this, so nothing may follow on the connection.
        if !keeps_open {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl ClientDoor {
    /// Probes are for whoever watches over the gateway, and never too many.
    fn ceiling(&self, request: &Request<Incoming>, peer: IpAddr) -> Result<(), GatewayError> {
        if !request.uri().path().starts_with("/v1/") {
            return Ok(());
        }
        self.doors.addresses.check(peer, request.headers())
    }
}

impl Front for ClientDoor {
    fn answer(&self, request: Request<Incoming>, peer: IpAddr, busy: BusyGuard) -> Answer {
        let door = self.clone();
        match &self.cors {
            None => Box::pin(async move { door.route(request, peer).await.map(|body| body.keeping(busy)) }),
            Some(cors) => {
                let route = move |request| {
                    let answer = door.clone().route(request, peer);
                    async move { Ok::<_, Infallible>(answer.await) }
                };
                let answer = cors.layer(tower::service_fn(route)).oneshot(request);
                Box::pin(async move {
                    let response = answer.await.unwrap_or_else(|never| match never {});
                    response.map(|body| body.keeping(busy))
                })
            }
        }
    }
}

/// The door for whoever runs the gateway.
#[derive(Debug, Clone)]
pub struct AdminDoor {
    pages: Router,
}

impl AdminDoor {
    pub fn new(metrics: Arc<Metrics>, ready: Ready, admin: Admin) -> Self {
        Self { pages: admin_pages(metrics, ready, Arc::new(admin)) }
    }
}

impl Front for AdminDoor {
    fn answer(&self, request: Request<Incoming>, _: IpAddr, busy: BusyGuard) -> Answer {
        let pages = self.pages.clone();
        Box::pin(async move { page(pages, request).await.map(|body| body.keeping(busy)) })
    }
}

async fn page(pages: Router, request: Request<Incoming>) -> Response<OutBody> {
    let answer = pages.oneshot(request.map(axum::body::Body::new)).await;
    answer.unwrap_or_else(|never| match never {}).map(OutBody::from)
}
