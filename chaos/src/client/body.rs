//! What does a client read out of an answer? Only what it needs; more members may come and do no harm.

use serde::Deserialize;
use serde_json::Value;

/// A session, as `GET /session` and `GET /sessions` tell it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SessionBody {
    /// The account's name.
    pub account: String,
    /// Public id; stays the same when the token is renewed.
    pub session_id: String,
}

/// The answer to a login or a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenBody {
    /// The credential.
    pub token: String,
    /// The session it opens.
    #[serde(flatten)]
    pub session: SessionBody,
}

/// A cart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CartBody {
    /// Its lines.
    pub items: Vec<Line>,
    /// Grows with every change.
    pub version: u64,
}

/// One line of a cart or an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Line {
    /// Which article.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

impl CartBody {
    /// How many of an article are in it.
    pub fn quantity(&self, sku: &str) -> u32 {
        self.items.iter().filter(|line| line.sku == sku).map(|line| line.quantity).sum()
    }

    /// Whether exactly so many of an article are in it.
    pub fn holds(&self, sku: &str, quantity: u32) -> bool {
        self.quantity(sku) == quantity
    }
}

/// How far the checkout has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Wizard {
    /// The pages not filled in yet.
    pub missing: Vec<String>,
}

impl Wizard {
    /// Whether this page is still empty.
    pub fn misses(&self, page: &str) -> bool {
        self.missing.iter().any(|missing| missing == page)
    }
}

/// An order, as placed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// What was ordered.
    pub items: Vec<Line>,
    /// Where it goes, word for word.
    pub address: Value,
    /// How it is paid, word for word.
    pub payment: Value,
}

/// `GET /orders`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Orders {
    /// Newest first.
    pub orders: Vec<Order>,
}

/// `GET /sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sessions {
    /// The account's live sessions.
    pub sessions: Vec<SessionBody>,
}

/// `GET /prime/{n}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PrimeBody {
    /// The number asked about.
    pub n: u64,
    /// Whether it is prime.
    pub prime: bool,
}
