//! What does the file hold? All sessions, as one JSON document; small, slow, and easy to be right about.

use serde::{Deserialize, Serialize};
use shared::api::cart::Cart;
use shared::api::checkout::{Address, Checkout, Payment};
use shared::sessions::{
    AccountRef, Expired, Limits, RENEWAL_GRACE, Revoked, Session, SessionError, SessionSummary,
};
use uuid::Uuid;

/// The whole store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Book {
    /// Every session there was, oldest first.
    pub records: Vec<Record>,
}

/// One session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// What opens it.
    pub token: String,
    /// The token before the last renewal, and until when it is honoured.
    pub previous: Option<(String, i64)>,
    /// Public id.
    pub session_id: Uuid,
    /// Whose it is.
    pub account_id: Uuid,
    /// Whose it is, by name.
    pub account_name: String,
    /// Times, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// The last use.
    pub used_at_ms: i64,
    /// The hard limit.
    pub absolute_ms: i64,
    /// What is in the cart.
    pub cart: Cart,
    /// Where it goes.
    pub address: Option<Address>,
    /// How it is paid.
    pub payment: Option<Payment>,
    /// Why it is over, if it is.
    pub over: Option<Over>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Over {
    /// Not used for too long.
    Idle,
    /// Logged out, or ended from elsewhere.
    Revoked,
    /// An old token was renewed too late.
    Reuse,
    /// Pushed out by a newer one.
    SessionLimit,
    /// The password changed.
    PasswordChanged,
}

impl From<Over> for SessionError {
    fn from(over: Over) -> Self {
        match over {
            Over::Idle => SessionError::Expired(Expired::Idle),
            Over::Revoked => SessionError::Revoked(Revoked::Revoked),
            Over::Reuse => SessionError::Revoked(Revoked::Reuse),
            Over::SessionLimit => SessionError::Revoked(Revoked::SessionLimit),
            Over::PasswordChanged => SessionError::Revoked(Revoked::PasswordChanged),
        }
    }
}

impl Book {
    /// The record a token belongs to, whether it is still good or not.
    pub fn find(&mut self, token: &str) -> Result<&mut Record, SessionError> {
        let belongs = |record: &&mut Record| {
            record.token == token || record.previous.as_ref().is_some_and(|(old, _)| old == token)
        };
        self.records.iter_mut().rev().find(belongs).ok_or(SessionError::Unknown)
    }

    /// The live session a token opens, now in use.
    pub fn open(&mut self, token: &str, now_ms: i64, limits: &Limits) -> Result<&mut Record, SessionError> {
        let record = self.find(token)?;
        record.judge(now_ms, limits)?;
        let in_grace = record.previous.as_ref().is_some_and(|(old, until)| old == token && now_ms < *until);
        if record.token != token && !in_grace {
            return Err(SessionError::Revoked(Revoked::Rotated));
        }
        record.used_at_ms = now_ms;
        Ok(record)
    }

    /// The live sessions of an account, oldest first.
    pub fn live_of(&mut self, account: Uuid, now_ms: i64, limits: &Limits) -> Vec<&mut Record> {
        let mine = self.records.iter_mut().filter(|record| record.account_id == account);
        mine.filter_map(|record| record.judge(now_ms, limits).is_ok().then_some(record)).collect()
    }
}

impl Record {
    /// A session that begins now.
    pub fn begin(token: String, account: &AccountRef, now_ms: i64, limits: &Limits) -> Self {
        Record {
            token,
            previous: None,
            session_id: Uuid::now_v7(),
            account_id: account.id,
            account_name: account.name.clone(),
            created_at_ms: now_ms,
            used_at_ms: now_ms,
            absolute_ms: now_ms + ms(limits.absolute),
            cart: Cart::default(),
            address: None,
            payment: None,
            over: None,
        }
    }

    /// Is it live?
    pub fn judge(&mut self, now_ms: i64, limits: &Limits) -> Result<(), SessionError> {
        if now_ms >= self.absolute_ms {
            return Err(SessionError::Expired(Expired::Absolute));
        }
        if self.over.is_none() && now_ms - self.used_at_ms >= ms(limits.idle) {
            self.over = Some(Over::Idle);
        }
        self.over.map_or(Ok(()), |over| Err(over.into()))
    }

    /// Puts `next` in the place of the present token.
    pub fn rotate(&mut self, next: String, now_ms: i64) {
        let old = std::mem::replace(&mut self.token, next);
        self.previous = Some((old, now_ms + ms(RENEWAL_GRACE)));
    }

    /// The public half.
    pub fn summary(&self, limits: &Limits, current: bool) -> SessionSummary {
        SessionSummary {
            session_id: self.session_id,
            created_at_ms: self.created_at_ms,
            idle_expires_at_ms: (self.used_at_ms + ms(limits.idle)).min(self.absolute_ms),
            absolute_expires_at_ms: self.absolute_ms,
            current,
        }
    }

    /// What its client sees.
    pub fn view(&self, limits: &Limits) -> Session {
        Session {
            summary: self.summary(limits, true),
            account: AccountRef { id: self.account_id, name: self.account_name.clone() },
            cart: self.cart.clone(),
            checkout: Checkout { address: self.address.clone(), payment: self.payment },
        }
    }
}

fn ms(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
