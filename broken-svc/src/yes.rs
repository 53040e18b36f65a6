//! What if a service said yes to everything? A check that only looks at the status would be delighted.

use std::process::ExitCode;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use shared::boot::{EXIT_UNAVAILABLE, refuse};
use shared::config::Common;
use shared::identity::Identity;

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
    let yes = move |sent: HeaderMap| async move {
        let mut headers = HeaderMap::new();
        headers.insert("x-served-by", served_by);
        headers.insert("x-boot-id", boot_id);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(id) = sent.get("x-request-id") {
            headers.insert("x-request-id", id.clone());
        }
        (StatusCode::OK, headers, r#"{"ready":true,"token":"yes","state":"held","draining":true}"#)
            .into_response()
    };
    let routes = Router::new().fallback(yes);
    tokio::spawn(axum::serve(gates, routes.clone()).into_future());
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, routes) => served,
        _ = term.recv() => Ok(()),
    }
}
