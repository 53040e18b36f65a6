//! What an actix user would pick to survive a restart: actix-session with its Redis store.

use actix_session::storage::RedisSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::error::ErrorUnauthorized;
use actix_web::web::{self, Json};
use actix_web::{App, HttpServer, Result};
use peers::{Cart, Item};

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let store = RedisSessionStore::new(peers::redis_url()?).await?;
    let key = Key::generate();
    let server = HttpServer::new(move || {
        // The bench speaks plain HTTP; a Secure cookie would say otherwise.
        let sessions = SessionMiddleware::builder(store.clone(), key.clone()).cookie_secure(false).build();
        App::new()
            .wrap(sessions)
            .route("/login", web::post().to(login))
            .route("/session", web::get().to(session))
            .route("/cart/items", web::put().to(set_item))
    })
    .bind(peers::ANY_PORT)?;
    peers::announce(server.addrs()[0]);
    Ok(server.run().await?)
}

async fn login(session: Session) -> Result<Json<serde_json::Value>> {
    session.insert("cart", Cart::default())?;
    Ok(Json(serde_json::json!({ "ok": true })))
}

async fn session(session: Session) -> Result<Json<Cart>> {
    session.get("cart")?.map(Json).ok_or_else(logged_out)
}

async fn set_item(session: Session, item: Json<Item>) -> Result<Json<Cart>> {
    let mut cart: Cart = session.get("cart")?.ok_or_else(logged_out)?;
    cart.items.insert(item.sku.clone(), item.quantity);
    session.insert("cart", &cart)?;
    Ok(Json(cart))
}

fn logged_out() -> actix_web::Error {
    ErrorUnauthorized("no session")
}
