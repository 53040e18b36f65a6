//! What happens around every request? Ids, gates, a panic net, the headers all answers carry, a metric
//! and a log line. One function, so that it can be read top to bottom.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use futures_util::FutureExt;
use hyper::body::Incoming;
use tower_service::Service;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::app::App;
use crate::credentials::is_cross_site;
use crate::gate::{Point, RequestId};
use crate::observe::{self, Trace};
use crate::problem::ApiError;
use crate::routes;
use crate::sessions::Sessions;

// Names known when this is compiled cost a pointer; as text, each use would check and copy them.
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const BOOT_ID: HeaderName = HeaderName::from_static("x-boot-id");

/// Answers one request.
///
/// # Errors
/// Never: whatever goes wrong becomes an answer.
pub async fn answer<S: Sessions>(
    app: App<S>,
    router: Router,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let started = Instant::now();
    let _in_flight = app.metrics.begin();
    let facts = Facts::of(&app, &request);

    let mut response = route(&app, router, &facts, request).await;
    if app.gates.are_open() {
        app.gates.pass(facts.request_id(), Point::Committed).await;
    }

    finish(&app, &facts, &mut response);
    let (took, status) = (started.elapsed(), response.status());
    app.metrics.answered(facts.route, &facts.method, status, took);
    tracing::debug!(
        request_id = facts.request_id(),
        trace = facts.trace.map(|trace| trace.to_string()),
        method = %facts.method,
        route = facts.route,
        status = status.as_u16(),
        took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    Ok(response)
}

/// What must be known about a request after its handler has consumed it.
struct Facts {
    id_text: [u8; Hyphenated::LENGTH],
    trace: Option<Trace>,
    method: Method,
    route: &'static str,
    cookie_used: bool,
    chunked: bool,
}

impl Facts {
    fn of<S>(app: &App<S>, request: &Request<Incoming>) -> Self {
        let headers = request.headers();
        let mut id_text = Uuid::encode_buffer()[..Hyphenated::LENGTH].try_into().unwrap_or([0; 36]);
        observe::request_id(headers).hyphenated().encode_lower(&mut id_text);
        Facts {
            id_text,
            trace: Trace::continued(headers),
            method: request.method().clone(),
            route: routes::label(request.uri().path()),
            cookie_used: app.cookie.used_by(headers),
            chunked: headers.contains_key(header::TRANSFER_ENCODING),
        }
    }

    fn request_id(&self) -> &str {
        std::str::from_utf8(&self.id_text).unwrap_or_default()
    }
}

async fn route<S: Sessions>(
    app: &App<S>,
    mut router: Router,
    facts: &Facts,
    mut request: Request<Incoming>,
) -> Response<Body> {
    if is_cross_site(&facts.method, request.headers()) {
        return ApiError::CsrfRejected.render(facts.request_id());
    }
    if app.gates.are_open() {
        request.extensions_mut().insert(RequestId(facts.request_id().to_owned()));
    }
    // A panic is one request's bad luck. It must take neither the connection's other requests nor the
    // sessions of everybody else with it.
    let handled = AssertUnwindSafe(async {
        if app.gates.are_open() {
            app.gates.pass(facts.request_id(), Point::Accepted).await;
        }
        router.call(request).await
    });
    let handled = handled.catch_unwind().await;
    let mut response = match handled {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => return ApiError::Internal.render(facts.request_id()),
    };
    let error = response.extensions_mut().remove::<Arc<ApiError>>();
    let refused_by_axum = error.is_none() && response.status().is_client_error();
    match error {
        Some(error) => with_allow(error.render(facts.request_id()), response.headers()),
        // axum's own extractors refuse a path that is not UTF-8 after decoding, as plain text.
        None if refused_by_axum => ApiError::NotFound.render(facts.request_id()),
        None => response,
    }
}

/// Keeps the `Allow` header that the router put on a 405.
fn with_allow(mut rendered: Response<Body>, routed: &HeaderMap) -> Response<Body> {
    if let Some(allow) = routed.get(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, allow.clone());
    }
    rendered
}

/// The headers every answer carries.
fn finish<S>(app: &App<S>, facts: &Facts, response: &mut Response<Body>) {
    let (served_by, boot_id) = &app.served_by;
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(SERVED_BY, served_by.clone());
    headers.insert(BOOT_ID, boot_id.clone());
    if let Ok(id) = HeaderValue::from_bytes(&facts.id_text) {
        headers.insert(observe::REQUEST_ID, id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(trace) = facts.trace {
        headers.insert(observe::TRACEPARENT, trace.header());
    }
    if unauthorized && facts.cookie_used {
        headers.append(header::SET_COOKIE, app.cookie.clear());
    }
    // Where a proxy and we could disagree about where a chunked request ends, there is no next request
    // on this connection (RFC 9112 section 6.3, request smuggling).
    if facts.chunked {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
