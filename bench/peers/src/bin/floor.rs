//! The least that does what `stateless-svc` promises in kind: a token whose signature is checked here, and
//! a record that is looked at outside, in one round trip, on one thread. No limits, no reasons, no metrics.
//! Nobody would run this; it says how far down there is to go.
//!
//! With `--script` the round trip is a script, as a check and an act in one step need it. Without, it is
//! a plain `GET` or `SET`, and two writers at once lose one of the two writes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use peers::promised::{KEY, LIVES_MS, now_ms, signed_claims};
use peers::{Cart, Item, broken, load};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The least a read in one step is: is there a record?
const READ: &str = "#!lua\nreturn redis.call('GET', KEYS[1])";
/// The least a write in one step is: only where there is a record.
const WRITE: &str = "#!lua\n\
    local held = redis.call('GET', KEYS[1])\n\
    if not held then return held end\n\
    redis.call('SET', KEYS[1], ARGV[1])\n\
    return ARGV[1]";

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    exp: i64,
}

#[derive(Clone)]
struct App {
    redis: MultiplexedConnection,
    key: Arc<DecodingKey>,
    /// The hashes of the two scripts, if scripts are used.
    scripts: Option<Arc<(String, String)>>,
}

// As stateless-svc has it: a floor with another allocator would be none.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut redis = peers::redis().await?;
    let mut scripts = None;
    if std::env::args().any(|argument| argument == "--script") {
        let hashes = (load(&mut redis, READ).await?, load(&mut redis, WRITE).await?);
        scripts = Some(Arc::new(hashes));
    }
    let app = Router::new()
        .route("/login", post(login))
        .route("/session", get(session))
        .route("/cart/items", put(set_item))
        .with_state(App { redis, key: Arc::new(DecodingKey::from_secret(KEY)), scripts });
    peers::serve(app).await
}

async fn login(State(mut app): State<App>) -> Result<Json<serde_json::Value>, StatusCode> {
    let claims = Claims { sub: Uuid::new_v4(), exp: (now_ms() + LIVES_MS) / 1000 };
    let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY));
    let empty = serde_json::to_vec(&Cart::default()).map_err(broken)?;
    let set = cmd("SET").arg(claims.sub.as_bytes()).arg(empty).exec_async(&mut app.redis).await;
    set.map_err(broken)?;
    Ok(Json(serde_json::json!({ "token": token.map_err(broken)? })))
}

async fn session(State(mut app): State<App>, headers: HeaderMap) -> Result<Json<Cart>, StatusCode> {
    let id = verified(&app, &headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let question = match app.scripts.as_deref() {
        Some((read, _)) => script(read, id),
        None => {
            let mut get = cmd("GET");
            get.arg(id.as_bytes());
            get
        }
    };
    let held: Option<Vec<u8>> = question.query_async(&mut app.redis).await.map_err(broken)?;
    let held = held.ok_or(StatusCode::UNAUTHORIZED)?;
    serde_json::from_slice(&held).map(Json).map_err(broken)
}

async fn set_item(
    State(mut app): State<App>,
    headers: HeaderMap,
    Json(item): Json<Item>,
) -> Result<Json<Cart>, StatusCode> {
    let id = verified(&app, &headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let cart = Cart { items: [(item.sku, item.quantity)].into() };
    let text = serde_json::to_vec(&cart).map_err(broken)?;
    let mut question = match app.scripts.as_deref() {
        Some((_, write)) => script(write, id),
        None => {
            let mut set = cmd("SET");
            set.arg(id.as_bytes());
            set
        }
    };
    match question.arg(text).query_async(&mut app.redis).await.map_err(broken)? {
        Value::Nil => Err(StatusCode::UNAUTHORIZED),
        _ => Ok(Json(cart)),
    }
}

fn script(hash: &str, id: Uuid) -> Cmd {
    let mut call = cmd("EVALSHA");
    call.arg(hash).arg(1).arg(id.as_bytes());
    call
}

/// The session a token names, if the signature is ours and its time is not over. What else a token could
/// try is not looked at.
fn verified(app: &App, headers: &HeaderMap) -> Option<Uuid> {
    let claims: Claims = serde_json::from_slice(&signed_claims(headers, &app.key)?).ok()?;
    (now_ms() / 1000 < claims.exp).then_some(claims.sub)
}
