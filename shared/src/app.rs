//! What can a handler reach? Everything it needs is passed to it here; nothing is global.

use std::ops::Deref;
use std::sync::Arc;

use axum::http::HeaderValue;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::cookie::SessionCookie;
use crate::gate::Gates;
use crate::identity::Identity;
use crate::observe::Metrics;
use crate::orders::Orders;
use crate::sql::Database;

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

impl<S> Deref for App<S> {
    type Target = Parts<S>;

    fn deref(&self) -> &Parts<S> {
        &self.inner
    }
}
