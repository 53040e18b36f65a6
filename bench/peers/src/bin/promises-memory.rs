//! The least that promises what `stateful-svc` promises of a session: its token is checked before anything is
//! looked up, the session can be ended and expires, and an answer says who gave it and about whom. One
//! file, one thread, nothing else: no routes but four, no bound, no reasons why a session is over, no
//! metrics, no log. What the service costs above this is its structure; what this costs above bare axum is
//! the promises.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use peers::promised::{self, IDLE_MS, KEY, LIVES_MS, Session, hash, now_ms};
use peers::{Cart, Item};
use sha2::Sha256;
use uuid::Uuid;

struct Record {
    account: String,
    secret: [u8; 32],
    cart: Cart,
    created_ms: i64,
    used_ms: i64,
}

#[derive(Clone)]
struct App {
    key: Hmac<Sha256>,
    records: Arc<Mutex<HashMap<Uuid, Record>>>,
}

type Answer<T> = Result<T, StatusCode>;

// As stateful-svc has it: a floor with another allocator would be none.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let app = App { key: Hmac::new_from_slice(KEY)?, records: Arc::default() };
    let app = Router::new()
        .route("/login", post(login))
        .route("/session", get(session))
        .route("/cart", get(cart))
        .route("/cart/items", put(set_item))
        .with_state(app);
    peers::serve(app).await
}

async fn login(State(app): State<App>) -> Json<serde_json::Value> {
    let (now_ms, id, secret) = (now_ms(), Uuid::now_v7(), Uuid::new_v4());
    let (account, cart) = ("client".to_owned(), Cart::default());
    let record = Record { account, secret: hash(secret), cart, created_ms: now_ms, used_ms: now_ms };
    app.records.lock().insert(id, record);
    let body = format!("{}.{}", id.simple(), secret.simple());
    Json(serde_json::json!({ "token": format!("{body}.{}", tag(&app, &body)) }))
}

async fn session(State(app): State<App>, headers: HeaderMap) -> Answer<impl IntoResponse> {
    let shown =
        |id, record: &mut Record| Session::new(record.account.clone(), id, record.created_ms, record.used_ms);
    Ok((promised::headers(), Json(with_session(&app, &headers, shown)?)))
}

async fn cart(State(app): State<App>, headers: HeaderMap) -> Answer<impl IntoResponse> {
    Ok((promised::headers(), Json(with_session(&app, &headers, |_, record| record.cart.clone())?)))
}

async fn set_item(
    State(app): State<App>,
    headers: HeaderMap,
    Json(item): Json<Item>,
) -> Answer<impl IntoResponse> {
    let changed = |_, record: &mut Record| {
        record.cart.items.insert(item.sku, item.quantity);
        record.cart.clone()
    };
    Ok((promised::headers(), Json(with_session(&app, &headers, changed)?)))
}

/// Checks and acts in one step, if the token opens a live session.
fn with_session<T>(app: &App, headers: &HeaderMap, act: impl FnOnce(Uuid, &mut Record) -> T) -> Answer<T> {
    let (id, secret) = verified(app, headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let now_ms = now_ms();
    let mut records = app.records.lock();
    let record = records.get_mut(&id).ok_or(StatusCode::UNAUTHORIZED)?;
    let lives = now_ms < record.used_ms + IDLE_MS && now_ms < record.created_ms + LIVES_MS;
    if !lives || record.secret != hash(secret) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    record.used_ms = now_ms;
    Ok(act(id, record))
}

/// The session and the secret of a token that is ours.
fn verified(app: &App, headers: &HeaderMap) -> Option<(Uuid, Uuid)> {
    let (body, sent_tag) = promised::bearer(headers)?.rsplit_once('.')?;
    let (id, secret) = body.split_once('.').filter(|_| tag(app, body) == sent_tag)?;
    Some((id.parse().ok()?, secret.parse().ok()?))
}

fn tag(app: &App, body: &str) -> String {
    URL_SAFE_NO_PAD.encode(app.key.clone().chain_update(body).finalize().into_bytes())
}
