//! Which call goes where? One router over one seam: everything here is the same for both twins, and
//! every handler makes one call of [`Sessions`], which checks and acts in one step.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::routing::{delete, get, post, put};
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::credentials::SessionCookie;
use crate::gate::Gates;
use crate::identity::Identity;
use crate::observe::Metrics;
use crate::orders::Orders;
use crate::problem::ApiError;
use crate::sessions::Sessions;
use crate::sql::Database;

pub mod session;
pub mod account;
pub mod cart;
pub mod checkout;
pub mod order;
pub mod prime;
pub mod health;
pub mod openapi;

/// Everything a handler can reach. Cloning gives another handle to the same things.
#[derive(Debug)]
pub struct App<S> {
    inner: Arc<Parts<S>>,
}

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts<S> {
    /// Where sessions live: the one thing the twins differ in.
    pub sessions: S,
    /// Names and passwords, in SQL.
    pub accounts: Accounts,
    /// Orders and idempotency keys, in SQL.
    pub orders: Orders,
    /// The database behind both.
    pub database: Database,
    /// What time it is.
    pub clock: Clock,
    /// Who answers.
    pub identity: Identity,
    /// `x-served-by` and `x-boot-id`, made once.
    pub served_by: (HeaderValue, HeaderValue),
    /// The session cookie's name and attributes.
    pub cookie: SessionCookie,
    /// Where requests can be held.
    pub gates: Gates,
    /// True from SIGTERM on.
    pub draining: watch::Receiver<bool>,
    /// What an operator sees.
    pub metrics: Metrics,
}

impl<S> App<S> {
    /// Shares `parts` among all requests.
    pub fn new(parts: Parts<S>) -> Self {
        App { inner: Arc::new(parts) }
    }
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        App { inner: Arc::clone(&self.inner) }
    }
}

impl<S> std::ops::Deref for App<S> {
    type Target = Parts<S>;

    fn deref(&self) -> &Parts<S> {
        &self.inner
    }
}

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
