//! Which call goes where? One router over one seam: everything here is the same for both twins. Each call of
//! [`Sessions`] checks and acts in one step; only what SQL has a part in (a login, a password, an order) takes two.

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::app::App;
use crate::problem::ApiError;
use crate::sessions::Sessions;

pub mod session;
pub mod account;
pub mod cart;
pub mod checkout;
pub mod order;
pub mod prime;
pub mod health;
pub mod openapi;

/// The API.
pub fn router<S: Sessions>(app: App<S>) -> Router {
    Router::new()
        .route("/accounts", post(account::register))
        .route("/account/password", put(account::change_password))
        .route("/session", post(session::login).get(session::whoami).delete(session::logout))
        .route("/session/renew", post(session::renew))
        .route("/sessions", get(session::list).delete(session::end_all))
        .route("/sessions/{id}", delete(session::end_one))
        .route("/cart", get(cart::show))
        .route("/cart/items", post(cart::add_item))
        .route("/cart/items/{sku}", put(cart::set_item).delete(cart::remove_item))
        .route("/checkout", get(checkout::show))
        .route("/checkout/address", put(checkout::set_address))
        .route("/checkout/payment", put(checkout::set_payment))
        .route("/orders", post(order::place).get(order::list))
        .route("/orders/{id}", get(order::show))
        .route("/prime/{n}", get(prime::test))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::document))
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .with_state(app)
}

/// The route a path belongs to, as a metrics label: a closed set, whatever clients ask for.
pub fn label(path: &str) -> &'static str {
    match path {
        "/accounts" => "/accounts",
        "/account/password" => "/account/password",
        "/session" => "/session",
        "/session/renew" => "/session/renew",
        "/sessions" => "/sessions",
        "/cart" => "/cart",
        "/cart/items" => "/cart/items",
        "/checkout" => "/checkout",
        "/checkout/address" => "/checkout/address",
        "/checkout/payment" => "/checkout/payment",
        "/orders" => "/orders",
        "/livez" => "/livez",
        "/readyz" => "/readyz",
        "/metrics" => "/metrics",
        "/openapi.json" => "/openapi.json",
        _ => match path.rsplit_once('/') {
            Some(("/sessions", _)) => "/sessions/{id}",
            Some(("/cart/items", _)) => "/cart/items/{sku}",
            Some(("/orders", _)) => "/orders/{id}",
            Some(("/prime", _)) => "/prime/{n}",
            _ => "unmatched",
        },
    }
}
