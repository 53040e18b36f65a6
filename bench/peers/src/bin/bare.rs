//! The limit: the three calls on axum alone, carts in a hash map behind one lock. No limits, no expiry,
//! no logout, no metrics: what is left is HTTP.
//!
//! With `--one-thread` it runs as the services do, to tell what the runtime costs from what they do on it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parking_lot::RwLock;
use peers::{Cart, Item};
use tokio::runtime::Builder;
use uuid::Uuid;

type Carts = Arc<RwLock<HashMap<Uuid, Cart>>>;

fn main() -> anyhow::Result<()> {
    let one_thread = std::env::args().any(|argument| argument == "--one-thread");
    // What `#[tokio::main]` would make, with its default or with `flavor = "current_thread"`.
    let mut runtime = if one_thread { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    runtime.enable_all().build()?.block_on(serve())
}

async fn serve() -> anyhow::Result<()> {
    let app = Router::new()
        .route("/login", post(login))
        .route("/session", get(session))
        .route("/cart/items", put(set_item))
        .with_state(Carts::default());
    peers::serve(app).await
}

async fn login(State(carts): State<Carts>) -> Json<serde_json::Value> {
    let token = Uuid::new_v4();
    carts.write().insert(token, Cart::default());
    Json(serde_json::json!({ "token": token }))
}

async fn session(State(carts): State<Carts>, headers: HeaderMap) -> Result<Json<Cart>, StatusCode> {
    let token = bearer(&headers)?;
    carts.read().get(&token).cloned().map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

async fn set_item(
    State(carts): State<Carts>,
    headers: HeaderMap,
    Json(item): Json<Item>,
) -> Result<Json<Cart>, StatusCode> {
    let token = bearer(&headers)?;
    let mut carts = carts.write();
    let cart = carts.get_mut(&token).ok_or(StatusCode::UNAUTHORIZED)?;
    cart.items.insert(item.sku, item.quantity);
    Ok(Json(cart.clone()))
}

fn bearer(headers: &HeaderMap) -> Result<Uuid, StatusCode> {
    headers
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer ")?.parse().ok())
        .ok_or(StatusCode::UNAUTHORIZED)
}
