//! Whom does a row ask, and in whose name? A site is a base URL; a guest is somebody logged in there.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::Deviation;
use super::call::Call;
use super::wire::Wire;

/// How many passwords the rows have checked at the same time. A service may refuse more than it has cores
/// for, and only one row wants to see that.
const HASHES_AT_ONCE: usize = 3;

/// The password of every account the rows make.
pub const PASSWORD: &str = "correct horse battery";

/// A service under test. Cloning gives another handle to the same one.
#[derive(Debug, Clone)]
pub struct Site {
    base: Arc<str>,
    cookie: &'static str,
    hashing: Arc<Semaphore>,
}

impl Site {
    /// The service at `base`, `http://host:port`.
    pub fn new(base: &str) -> Self {
        Site {
            base: base.trim_end_matches('/').into(),
            cookie: "sid",
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
        }
    }

    /// The same, told that a proxy in front of it speaks TLS: its cookie has another name.
    #[must_use]
    pub fn behind_tls(mut self) -> Self {
        self.cookie = "__Host-sid";
        self
    }

    /// Its base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The name of its session cookie.
    pub fn cookie(&self) -> &'static str {
        self.cookie
    }

    /// A call, not sent yet.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(self, method, path)
    }

    /// `GET`
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST`
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// `PUT`
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// `DELETE`
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// A connection to write bytes to, for what no HTTP client would send.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn wire(&self) -> Result<Wire, Deviation> {
        Wire::connect(self.base()).await
    }

    /// Opens an account with a name nobody has.
    ///
    /// # Errors
    /// If that is refused.
    pub async fn account(&self) -> Result<Account, Deviation> {
        let account = Account::unknown();
        self.post("/accounts").json(&account.credentials()).send().await?.is(201)?;
        Ok(account)
    }

    /// Logs in.
    ///
    /// # Errors
    /// If that is refused.
    pub async fn login(&self, account: &Account) -> Result<Guest, Deviation> {
        let answer = self.post("/session").json(&account.credentials()).send().await?;
        answer.is(201)?;
        Guest::of(self, account, &answer.json()?)
    }

    /// Somebody new, logged in.
    ///
    /// # Errors
    /// If that is refused.
    pub async fn guest(&self) -> Result<Guest, Deviation> {
        self.login(&self.account().await?).await
    }

    /// Waits until few enough passwords are being checked for one more.
    pub(super) async fn hashing(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed; if it were, going on without a permit would be fine.
        self.hashing.acquire().await.ok()
    }
}

/// A name and a password.
#[derive(Debug, Clone)]
pub struct Account {
    /// Nobody else's.
    pub name: String,
    /// What opens it.
    pub password: String,
}

impl Account {
    /// An account that is not registered anywhere.
    pub fn unknown() -> Self {
        Account { name: format!("ada-{}", Uuid::new_v4().simple()), password: PASSWORD.to_owned() }
    }

    /// As `POST /accounts` and `POST /session` take them.
    pub fn credentials(&self) -> Value {
        json!({ "name": self.name, "password": self.password })
    }

    /// The same, with a password that is not right.
    pub fn mistyped(&self) -> Value {
        json!({ "name": self.name, "password": "wrong horse battery" })
    }
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Where.
    pub site: Site,
    /// As whom.
    pub account: Account,
    /// The credential.
    pub token: String,
    /// The session's public id.
    pub session_id: String,
}

impl Guest {
    /// Reads what a login or a renewal answered.
    ///
    /// # Errors
    /// If there is no token or no session id in it.
    pub fn of(site: &Site, account: &Account, body: &Value) -> Result<Self, Deviation> {
        let member = |name: &str| {
            let text = body[name].as_str().map(str::to_owned);
            text.ok_or_else(|| Deviation::new("the answer to a login", format!("a {name}"), body.to_string()))
        };
        Ok(Guest {
            site: site.clone(),
            account: account.clone(),
            token: member("token")?,
            session_id: member("session_id")?,
        })
    }

    /// A call with this guest's token in the `Authorization` header.
    pub fn call(&self, method: Method, path: &str) -> Call {
        self.site.call(method, path).bearer(&self.token)
    }

    /// `GET`
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST`
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// `PUT`
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// `DELETE`
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Sets a line of the cart.
    pub fn set(&self, sku: &str, quantity: u32) -> Call {
        self.put(&format!("/cart/items/{sku}")).json(&json!({ "quantity": quantity }))
    }

    /// Places an order under a key.
    pub fn order(&self, key: &str, cart_version: u64) -> Call {
        let call = self.post("/orders").header("idempotency-key", &format!("\"{key}\""));
        call.json(&json!({ "cart_version": cart_version }))
    }

    /// Fills the cart with two books and finishes the checkout; returns the version of the cart.
    ///
    /// # Errors
    /// If that is refused.
    pub async fn shop(&self) -> Result<u64, Deviation> {
        let cart = self.set("book", 2).send().await?;
        cart.is(200)?;
        self.put("/checkout/address").json(&address()).send().await?.is(200)?;
        self.put("/checkout/payment").json(&json!({ "method": "invoice" })).send().await?.is(200)?;
        cart.number("/version")
    }
}

/// An address that is accepted.
pub fn address() -> Value {
    json!({ "recipient": "Ada", "street": "1 Analytical Road", "city": "London", "postcode": "N1", "country": "UK" })
}

/// A key nobody has used.
pub fn new_key() -> String {
    Uuid::new_v4().to_string()
}
