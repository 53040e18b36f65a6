//! What do all rivals hold and say? A cart in a session, three calls (`POST /login`, `GET /session`,
//! `PUT /cart/items`), and a first line that tells the bench where they listen.

pub mod promised;

use std::collections::BTreeMap;
use std::net::SocketAddr;

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

/// The Redis to use: the first argument.
///
/// # Errors
/// If there is none.
pub fn redis_url() -> anyhow::Result<String> {
    std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: redis://HOST:PORT"))
}
