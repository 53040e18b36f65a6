//! What do all rivals hold and say? A cart in a session, three calls (`POST /login`, `GET /session`,
//! `PUT /cart/items`), and a first line that tells the bench where they listen.

pub mod promised;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisResult, cmd};
use serde::{Deserialize, Serialize};

/// What a session holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cart {
    /// Pieces by article.
    pub items: BTreeMap<String, u32>,
}

/// The body of `PUT /cart/items`.
#[derive(Debug, Deserialize)]
pub struct Item {
    /// Which article.
    pub sku: String,
    /// How many pieces.
    pub quantity: u32,
}

/// Where to listen: any free port, told to the bench by [`announce`].
pub const ANY_PORT: &str = "127.0.0.1:0";

/// The first line on stdout.
pub fn announce(address: SocketAddr) {
    println!("listening on http://{address}");
}

/// Announces where it listens, and serves until it is ended.
///
/// # Errors
/// If no port can be had.
pub async fn serve(app: Router) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(ANY_PORT).await?;
    announce(listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// A connection to the Redis to use, as `stateless-svc` has one: with no limit of its own.
///
/// # Errors
/// If there is no such argument, or no Redis behind it.
pub async fn redis() -> anyhow::Result<MultiplexedConnection> {
    let unlimited = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(4096);
    let client = redis::Client::open(redis_url()?)?;
    Ok(client.get_multiplexed_async_connection_with_config(&unlimited).await?)
}

/// Makes Redis know a script, and returns the hash to call it by.
///
/// # Errors
/// If Redis does not take it.
pub async fn load(redis: &mut MultiplexedConnection, script: &str) -> RedisResult<String> {
    cmd("SCRIPT").arg("LOAD").arg(script).query_async(redis).await
}

/// What a client is told of an error that is none of its own.
pub fn broken<E>(_: E) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

/// The Redis to use: the first argument.
///
/// # Errors
/// If there is none.
pub fn redis_url() -> anyhow::Result<String> {
    std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: redis://HOST:PORT"))
}
