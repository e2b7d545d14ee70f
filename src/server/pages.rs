//! Everything on the client door that is not a call: models, probes, and the answers to unknown paths. Routed by axum.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use http::header::ALLOW;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::front::Doors;
use super::respond;
use super::voice::Voice;
use crate::api::ErrorBody;
use crate::call::{CallId, Door};
use crate::error::GatewayError;

/// The client door's pages.
pub(super) fn client_pages(doors: Arc<Doors>) -> Router {
    let mut router = Router::new()
        .route("/v1/models", get(list_models))
        .route("/v1/models/{*model}", get(show_model))
        .merge(probes(doors.ready.clone()))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method);
    // Calls do not come here; whoever knocks with another method does.
    for door in Door::ALL {
        router = router.route(door.path(), any(async || ([(ALLOW, "POST")], wrong_method().await)));
    }
    router.with_state(doors)
}

/// Whether the gateway takes calls: false from the beginning of its end.
pub type Ready = Arc<dyn Fn() -> bool + Send + Sync>;

/// Kubernetes' names and LiteLLM's. They never call a provider and need no key.
pub(super) fn probes<S: Clone + Send + Sync + 'static>(ready: Ready) -> Router<S> {
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

async fn list_models(
    State(doors): State<Arc<Doors>>,
    Extension(id): Extension<CallId>,
    headers: HeaderMap,
    Query(page): Query<ModelPage>,
) -> Response {
    let voice = voice(&headers, id);
    let caller = match doors.auth.caller(&headers) {
        Ok(caller) => caller,
        Err(error) => return refuse(&error, voice),
    };
    let names = doors.registry.listed().iter().filter(|name| caller.may_use(name)).map(|name| &**name);
    if voice.door == Door::Messages {
        return Json(anthropic_models(names, &page)).into_response();
    }
    let models: Vec<_> = names.map(openai_model).collect();
    Json(json!({ "object": "list", "data": models })).into_response()
}

async fn show_model(
    State(doors): State<Arc<Doors>>,
    Extension(id): Extension<CallId>,
    Path(model): Path<String>,
    headers: HeaderMap,
) -> Response {
    let voice = voice(&headers, id);
    match doors.auth.caller(&headers) {
        Err(error) => refuse(&error, voice),
        // A model that the key may not use is as good as none.
        Ok(caller) if caller.may_use(&model) && doors.registry.resolve(&model).is_some() => {
            let shown = if voice.door == Door::Messages { anthropic_model(&model) } else { openai_model(&model) };
            Json(shown).into_response()
        }
        Ok(_) => refuse(&GatewayError::ModelNotFound { model }, voice),
    }
}

/// Anthropic's clients always say which version of the interface they mean; nobody else does.
fn voice(headers: &HeaderMap, id: CallId) -> Voice {
    let door = if headers.contains_key("anthropic-version") { Door::Messages } else { Door::ChatCompletions };
    Voice { door, id }
}

/// OpenAI's model object. What a provider would say of `created` is not known here.
fn openai_model(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": "tollgate"})
}

/// Anthropic's. <https://docs.claude.com/en/api/models-list>
fn anthropic_model(id: &str) -> Value {
    json!({"type": "model", "id": id, "display_name": id, "created_at": "1970-01-01T00:00:00Z"})
}

/// Which part of the list a client of Anthropic's form wants.
#[derive(Debug, Default, Deserialize)]
struct ModelPage {
    limit: Option<usize>,
    after_id: Option<String>,
    before_id: Option<String>,
}

fn anthropic_models<'a>(names: impl Iterator<Item = &'a str>, page: &ModelPage) -> Value {
    /// Anthropic's own.
    const USUAL: usize = 20;
    const MOST: usize = 1_000;
    let names: Vec<&str> = names.collect();
    let place = |id: &Option<String>| id.as_ref().and_then(|id| names.iter().position(|name| name == id));
    let limit = page.limit.unwrap_or(USUAL).clamp(1, MOST);
    let (from, upto, has_more) = match (place(&page.after_id), place(&page.before_id)) {
        (Some(after), _) => (after + 1, (after + 1 + limit).min(names.len()), after + 1 + limit < names.len()),
        (None, Some(before)) => (before.saturating_sub(limit), before, before > limit),
        (None, None) => (0, limit.min(names.len()), limit < names.len()),
    };
    let shown = &names[from.min(upto)..upto];
    let data: Vec<_> = shown.iter().map(|name| anthropic_model(name)).collect();
    json!({"data": data, "has_more": has_more, "first_id": shown.first(), "last_id": shown.last()})
}

pub(super) fn refuse(error: &GatewayError, voice: Voice) -> Response {
    respond::error(error, voice).map(axum::body::Body::new)
}

pub(super) async fn unknown_path() -> Response {
    told(StatusCode::NOT_FOUND, "there is nothing at this path")
}

pub(super) async fn wrong_method() -> Response {
    told(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
}

fn told(status: StatusCode, message: &str) -> Response {
    let body = ErrorBody { message, kind: "invalid_request_error", param: None, code: None };
    respond::page(status, &body).map(axum::body::Body::new)
}
