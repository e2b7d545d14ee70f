//! The pages of the admin door: metrics and probes, which are open, and the admin API, which wants the secret.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::pages::{Ready, probes, refuse, unknown_path, wrong_method};
use super::respond;
use super::voice::Voice;
use crate::admin::Admin;
use crate::call::{CallId, Door};
use crate::telemetry::Metrics;

pub(super) fn admin_pages(metrics: Arc<Metrics>, ready: Ready, admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/metrics", get(async move || ([(CONTENT_TYPE, OPEN_METRICS)], metrics.encode())))
        .route("/admin/v1/providers", get(providers))
        .merge(probes(ready))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(admin)
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whoever knows the secret. Every page of the API takes one as its first argument, so that nothing is read before.
struct Operator;

impl FromRequestParts<Arc<Admin>> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Response> {
        let voice = Voice { door: Door::ChatCompletions, id: CallId::new() };
        admin.admit(&parts.headers).map(|()| Self).map_err(|error| refuse(&error, voice))
    }
}

async fn providers(_: Operator, State(admin): State<Arc<Admin>>) -> Response {
    respond::document(&admin.providers()).map(axum::body::Body::new)
}
