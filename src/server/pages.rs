//! Everything that is not a call: models, probes, metrics, and the answers to unknown paths. Routed by axum.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::front::{CALL_PATHS, Doors};
use super::respond;
use crate::api::ErrorBody;
use crate::error::GatewayError;
use crate::telemetry::Metrics;

/// The client door's pages.
pub(super) fn client_pages(doors: Arc<Doors>) -> Router {
    let mut router = Router::new()
        .route("/v1/models", get(list_models))
        .route("/v1/models/{*model}", get(show_model))
        .merge(probes(doors.ready.clone()))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method);
    // Calls do not come here; whoever knocks with another method does.
    for path in CALL_PATHS {
        router = router.route(path, any(async || ([(ALLOW, "POST")], wrong_method().await)));
    }
    router.with_state(doors)
}

/// The admin door's pages.
pub(super) fn admin_pages(metrics: Arc<Metrics>, ready: Ready) -> Router {
    Router::new()
        .route("/metrics", get(async move || ([(CONTENT_TYPE, OPEN_METRICS)], metrics.encode())))
        .merge(probes(ready))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the gateway takes calls: false from the beginning of its end.
pub type Ready = Arc<dyn Fn() -> bool + Send + Sync>;

/// Kubernetes' names and LiteLLM's. They never call a provider and need no key.
fn probes<S: Clone + Send + Sync + 'static>(ready: Ready) -> Router<S> {
    let readiness = move || {
        let ready = ready();
        async move { if ready { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "draining\n") } }
    };
    let liveness = async || "ok\n";
    Router::new()
        .route("/livez", get(liveness))
        .route("/healthz", get(liveness))
        .route("/health/liveliness", get(liveness))
        .route("/health/liveness", get(liveness))
        .route("/readyz", get(readiness.clone()))
        .route("/health/readiness", get(readiness))
}

/// OpenAI's model object. What a provider would say of `created` is not known here.
#[derive(Debug, Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> Model<'a> {
    fn new(id: &'a str) -> Self {
        Self { id, object: "model", created: 0, owned_by: "tollgate" }
    }
}

async fn list_models(State(doors): State<Arc<Doors>>, headers: HeaderMap) -> Response {
    let caller = match doors.auth.caller(&headers) {
        Ok(caller) => caller,
        Err(error) => return refuse(&error),
    };
    let models: Vec<_> =
        doors.registry.listed().iter().filter(|name| caller.may_use(name)).map(|name| Model::new(name)).collect();
    Json(serde_json::json!({ "object": "list", "data": models })).into_response()
}

async fn show_model(State(doors): State<Arc<Doors>>, Path(model): Path<String>, headers: HeaderMap) -> Response {
    match doors.auth.caller(&headers) {
        Err(error) => refuse(&error),
        // A model that the key may not use is as good as none.
        Ok(caller) if caller.may_use(&model) && doors.registry.resolve(&model).is_some() => {
            Json(Model::new(&model)).into_response()
        }
        Ok(_) => refuse(&GatewayError::ModelNotFound { model }),
    }
}

fn refuse(error: &GatewayError) -> Response {
    respond::error(error).map(axum::body::Body::new)
}

async fn unknown_path() -> Response {
    told(StatusCode::NOT_FOUND, "there is nothing at this path")
}

async fn wrong_method() -> Response {
    told(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
}

fn told(status: StatusCode, message: &str) -> Response {
    let body = ErrorBody { message, kind: "invalid_request_error", param: None, code: None };
    respond::page(status, &body).map(axum::body::Body::new)
}
