//! What if a service said yes to everything, in the manners of the API? A check that only looks at the status and the
//! headers would be delighted.

use std::process::ExitCode;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use shared::boot::{EXIT_UNAVAILABLE, refuse};
use shared::config::Common;
use shared::identity::Identity;
use uuid::Uuid;

/// Whatever was asked for, something of it is in here.
const YES: &str = r#"{"ready":true,"token":"yes","session_id":"yes","account":"yes","id":"yes","version":1,
    "items":[{"sku":"book","quantity":1}],"missing":[],"state":"held","draining":true}"#;

/// Serves until it is killed.
pub fn run(common: &Common) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.to_string(), EXIT_UNAVAILABLE),
    };
    match runtime.block_on(serve(common)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error.to_string(), EXIT_UNAVAILABLE),
    }
}

async fn serve(common: &Common) -> std::io::Result<()> {
    let identity = Identity::draw(&common.replica);
    let listener = tokio::net::TcpListener::bind(common.listen).await?;
    let gates = tokio::net::TcpListener::bind(common.lab_gates_listen).await?;
    let mut out = std::io::stdout();
    use std::io::Write;
    writeln!(out, "listening on http://{}\ngates on http://{}", listener.local_addr()?, gates.local_addr()?)?;
    out.flush()?;
    let headers =
        [identity.replica().to_owned(), identity.boot_id()].map(|text| HeaderValue::from_str(&text));
    let [Ok(served_by), Ok(boot_id)] = headers else { return Ok(()) };
    let yes = move |method: Method, uri: Uri, sent: HeaderMap| async move {
        let mut headers = HeaderMap::new();
        headers.insert("x-served-by", served_by);
        headers.insert("x-boot-id", boot_id);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let drawn = || HeaderValue::from_str(&Uuid::new_v4().to_string()).ok();
        if let Some(id) = sent.get("x-request-id").cloned().or_else(drawn) {
            headers.insert("x-request-id", id);
        }
        let makes = method == Method::POST && matches!(uri.path(), "/accounts" | "/session" | "/orders");
        let status = match method {
            Method::DELETE => StatusCode::NO_CONTENT,
            _ if makes => StatusCode::CREATED,
            _ => StatusCode::OK,
        };
        headers.insert(header::ETAG, HeaderValue::from_static("\"1\""));
        (status, headers, YES).into_response()
    };
    let routes = Router::new().fallback(yes);
    tokio::spawn(axum::serve(gates, routes.clone()).into_future());
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, routes) => served,
        _ = term.recv() => Ok(()),
    }
}
