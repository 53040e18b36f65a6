//! What an axum user would pick to survive a restart: tower-sessions with its Redis store.

use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use peers::{Cart, Item};
use tower_sessions_0_14::{Session, SessionManagerLayer};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

/// As many connections as the example of the store's own documentation opens.
const CONNECTIONS: usize = 6;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let redis = Pool::new(Config::from_url(&peers::redis_url()?)?, None, None, None, CONNECTIONS)?;
    redis.connect();
    redis.wait_for_connect().await?;
    // The bench speaks plain HTTP; a Secure cookie would say otherwise.
    let sessions = SessionManagerLayer::new(RedisStore::new(redis)).with_secure(false);
    let app = Router::new()
        .route("/login", post(login))
        .route("/session", get(session))
        .route("/cart/items", put(set_item))
        .layer(sessions);
    peers::serve(app).await
}

async fn login(session: Session) -> Result<Json<serde_json::Value>, StatusCode> {
    session.insert("cart", Cart::default()).await.map_err(broken)?;
    Ok(Json(serde_json::json!({ "ok": true })))
}

async fn session(session: Session) -> Result<Json<Cart>, StatusCode> {
    session.get("cart").await.map_err(broken)?.map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

async fn set_item(session: Session, Json(item): Json<Item>) -> Result<Json<Cart>, StatusCode> {
    let mut cart: Cart = session.get("cart").await.map_err(broken)?.ok_or(StatusCode::UNAUTHORIZED)?;
    cart.items.insert(item.sku, item.quantity);
    session.insert("cart", &cart).await.map_err(broken)?;
    Ok(Json(cart))
}

fn broken(_: tower_sessions_0_14::session::Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
