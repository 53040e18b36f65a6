//! What does the browser get? The page, the events as they come, and an answer to each button.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Show;
use super::act::{self, Act};
use super::guard::Refused;
use crate::report::html;

/// A button's request is a line.
const BODY_AT_MOST: usize = 1024;

/// The page may use nothing but itself, and no other page may put it into a frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// All that is served.
pub(super) fn router(show: Arc<Show>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/events", get(events))
        .route("/act", post(press))
        .layer(DefaultBodyLimit::max(BODY_AT_MOST))
        .with_state(show)
}

async fn page(State(show): State<Arc<Show>>, headers: HeaderMap) -> Response {
    // Typed into the address line or opened from a chat, the page itself may come from anywhere.
    if let Err(Refused::Host) = show.guard.may_look(&headers) {
        return refuse(Refused::Host);
    }
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, html::show_page(&show.driver)).into_response()
}

async fn events(State(show): State<Arc<Show>>, headers: HeaderMap) -> Response {
    if let Err(refused) = show.guard.may_look(&headers) {
        return refuse(refused);
    }
    let (before, after) = show.feed.join();
    let events = stream::iter(before)
        .chain(as_they_come(after))
        .map(|text| Ok::<_, Infallible>(sse::Event::default().data(text)));
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

/// A page that is too slow misses some; it draws what it gets.
fn as_they_come(after: Receiver<String>) -> impl Stream<Item = String> {
    stream::unfold(after, |mut after| async move {
        loop {
            match after.recv().await {
                Ok(text) => return Some((text, after)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

async fn press(State(show): State<Arc<Show>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = show.guard.may_press(&headers) {
        return refuse(refused);
    }
    let act: Act = match serde_json::from_slice(&body) {
        Ok(act) => act,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let number = show.pressed.fetch_add(1, Ordering::Relaxed);
    // On its own task: what was begun is brought to its end, also if the page goes away meanwhile.
    let pressed = tokio::spawn(async move { act::press(&show, &act, number).await });
    match pressed.await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refuse(refused: Refused) -> Response {
    (StatusCode::FORBIDDEN, format!("{}\n", refused.why())).into_response()
}
