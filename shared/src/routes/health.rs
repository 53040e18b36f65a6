//! Alive, ready, measured: what a supervisor, a load balancer and an operator ask.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use crate::answer::JsonAnswer;
use crate::api::health::{Live, Ready};
use crate::app::App;
use crate::problem::{ApiError, ProblemBody};
use crate::sessions::Sessions;

/// Does the process answer at all? Says nothing about what it needs: restarting it would not bring a
/// store back.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It lives", body = Live)))]
pub async fn livez() -> JsonAnswer<Live> {
    JsonAnswer(Live { live: true })
}

/// Can it serve a session right now?
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready; names the key that signs", body = Ready),
    (status = 503, description = "`draining`, `out_of_rotation`, or `not_ready` with what is missing", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn readyz<S: Sessions>(State(app): State<App<S>>) -> Result<JsonAnswer<Ready>, ApiError> {
    if *app.draining.borrow() {
        return Err(ApiError::Draining);
    }
    if app.gates.out_of_rotation() {
        return Err(ApiError::OutOfRotation);
    }
    let (store, database) = tokio::join!(app.sessions.ready(), app.database.ready());
    let mut missing = Vec::new();
    missing.extend(store.is_err().then_some("session_store"));
    missing.extend(database.is_err().then_some("database"));
    if missing.is_empty() {
        return Ok(JsonAnswer(Ready { ready: true, kid: app.sessions.signing_kid().to_owned() }));
    }
    Err(ApiError::NotReady { missing, reason: store.err().map(|down| down.word()) })
}

/// Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "OpenMetrics text", content_type = "application/openmetrics-text"),
))]
pub async fn metrics<S: Sessions>(State(app): State<App<S>>) -> impl IntoResponse {
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], app.metrics.render(app.sessions.live()))
}
