//! What does the file keep of a live session, and what may be done to it? The rules that Redis' scripts
//! spell out in Lua, in Rust.

use serde::{Deserialize, Serialize};
use shared::api::cart::Cart;
use shared::api::checkout::{Address, Checkout, Payment};
use shared::keys::hex;
use shared::sessions::{
    AccountRef, Change, IfVersion, Limits, RENEWAL_GRACE, Session, SessionError, SessionSummary,
};
use uuid::Uuid;

use super::{Times, hash, millis, session};

/// A live session, stored as JSON. Times are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// The account's name.
    pub name: String,
    /// When a use was last written down.
    pub seen: i64,
    /// When it ends, used or not.
    pub absolute: i64,
    created: i64,
    secret: String,
    old: Option<Replaced>,
    cart: Cart,
    address: Option<Address>,
    payment: Option<Payment>,
}

/// The secret before the current one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replaced {
    secret: String,
    /// When its successor was made.
    pub at: i64,
    /// The key that signed its successor.
    pub kid: String,
}

/// A secret as it is stored: hashed, in hexadecimal.
pub fn stored(secret: &[u8; 16]) -> String {
    hex(&hash(secret))
}

impl Record {
    /// A session begun now.
    pub fn new(name: &str, secret: &[u8; 16], now_ms: i64, limits: &Limits) -> Self {
        // Whole seconds, because a token's `exp` counts in seconds: record and token end at the same moment.
        let absolute = (now_ms + millis(limits.absolute) + 999).div_euclid(1000) * 1000;
        Record {
            name: name.to_owned(),
            created: now_ms,
            absolute,
            seen: now_ms,
            secret: stored(secret),
            old: None,
            cart: Cart::default(),
            address: None,
            payment: None,
        }
    }

    /// Not used for too long?
    pub fn is_idle(&self, now_ms: i64, limits: &Limits) -> bool {
        now_ms - self.seen >= millis(limits.idle)
    }

    /// May the owner of a token with this secret act here?
    pub fn honours(&self, secret: &str, now_ms: i64) -> bool {
        let in_grace = |old: &Replaced| old.secret == secret && now_ms < old.at + millis(RENEWAL_GRACE);
        self.secret == secret || self.old.as_ref().is_some_and(in_grace)
    }

    /// Puts `next` in the place of `secret`, unless an earlier call did. Returns what is written down of
    /// the replacement, and whether it was there already; `None` if `secret` is from long ago.
    pub fn rotate(&mut self, secret: &str, next: &str, kid: &str, now_ms: i64) -> Option<(Replaced, bool)> {
        if !self.honours(secret, now_ms) {
            return None;
        }
        let replay = self.secret != secret;
        if !replay {
            self.old = Some(Replaced { secret: secret.to_owned(), at: now_ms, kid: kid.to_owned() });
            next.clone_into(&mut self.secret);
        }
        self.old.clone().map(|old| (old, replay))
    }

    /// Applies one change, or none of it.
    ///
    /// # Errors
    /// `VersionConflict` or `CartLimit`.
    pub fn apply(&mut self, change: &Change, if_version: &IfVersion) -> Result<(), SessionError> {
        let current = self.cart.version;
        if !if_version.takes(current) {
            return Err(SessionError::VersionConflict { current });
        }
        let limit = |_| SessionError::CartLimit;
        match change {
            Change::SetItem { sku, quantity } => self.cart.set(sku, *quantity).map_err(limit)?,
            Change::AddItem { sku, quantity } => self.cart.add(sku, *quantity).map_err(limit)?,
            Change::RemoveItem { sku } => self.cart.remove(sku),
            Change::Address(address) => self.address = Some(address.clone()),
            Change::Payment(payment) => self.payment = Some(*payment),
            Change::Ordered { version } if *version == current => {
                self.cart.clear();
                (self.address, self.payment) = (None, None);
            }
            Change::Ordered { .. } => {}
        }
        Ok(())
    }

    /// The public half.
    pub fn summary(&self, session_id: Uuid, limits: &Limits, current: bool) -> SessionSummary {
        self.times().summary(session_id, limits, current)
    }

    /// What its own client sees.
    pub fn view(&self, account: Uuid, session_id: Uuid, limits: &Limits) -> Session {
        let account = AccountRef { id: account, name: self.name.clone() };
        let checkout = Checkout { address: self.address.clone(), payment: self.payment };
        session(account, session_id, &self.times(), limits, self.cart.clone(), checkout)
    }

    fn times(&self) -> Times {
        Times { created_at_ms: self.created, used_at_ms: self.seen, absolute_ms: self.absolute }
    }
}
