//! Where outside the process does a session's record live? In Redis, or in a file where there is none.
//! Each store checks and acts in one step of its own; nothing here is shared but the words.

pub mod redis;
pub mod answer;
pub mod script;
pub mod link;
pub mod keeper;
pub mod connection;
pub mod sqlite;
pub mod step;
pub mod record;

use sha2::{Digest, Sha256};
use shared::api::cart::Cart;
use shared::api::checkout::Checkout;
use shared::sessions::{
    AccountRef, Budget, Change, End, Expired, IfVersion, Limits, Listed, Lost, Revoked, Session,
    SessionError, SessionSummary, StoreDown,
};
use uuid::Uuid;

use self::redis::RedisStore;
use self::sqlite::SqliteStore;
use crate::config::StoreAt;
use crate::token::Claims;

/// A place for session records that outlives this process.
pub enum Store {
    /// A server all replicas share.
    Redis(RedisStore),
    /// A file all replicas open.
    Sqlite(SqliteStore),
}

/// A session about to begin.
pub struct Fresh<'a> {
    /// Whose.
    pub account: &'a AccountRef,
    /// Its new id.
    pub session_id: Uuid,
    /// The secret of its first token.
    pub secret: [u8; 16],
    /// The session to end, if its token is still good.
    pub replaces: Option<Claims>,
}

/// A renewal, as the record has it.
pub struct Rotation {
    /// The session.
    pub session: Session,
    /// When the successor was made.
    pub issued_at_s: i64,
    /// The key that signs it.
    pub kid: String,
    /// Whether an earlier call had made it.
    pub replay: bool,
}

// The futures of SQLite are boxed: unboxed, a request to Redis too would carry the 6 KB they take.
impl Store {
    /// Opens it, connected or not.
    ///
    /// # Errors
    /// One line, if what `at` says can never work.
    pub fn open(at: &StoreAt, limits: Limits) -> Result<Self, String> {
        match at {
            StoreAt::Redis(info) => RedisStore::open(info, limits).map(Store::Redis),
            StoreAt::Sqlite(path) => Ok(Store::Sqlite(SqliteStore::open(path, limits))),
        }
    }

    /// Waits until it was asked for the first time; a file need not be.
    pub async fn tried(&self) {
        if let Store::Redis(redis) = self {
            redis.tried().await;
        }
    }

    /// Begins a session, and says which store it is in.
    pub async fn begin(
        &self,
        budget: &mut Budget,
        fresh: &Fresh<'_>,
    ) -> Result<(Session, Uuid), SessionError> {
        match self {
            Store::Redis(redis) => redis.begin(budget, fresh).await,
            Store::Sqlite(sqlite) => Box::pin(sqlite.begin(budget, fresh)).await,
        }
    }

    /// Shows the session a token opens.
    pub async fn look(&self, budget: &mut Budget, claims: &Claims) -> Result<Session, SessionError> {
        match self {
            Store::Redis(redis) => redis.look(budget, claims).await,
            Store::Sqlite(sqlite) => Box::pin(sqlite.look(budget, claims)).await,
        }
    }

    /// Changes what it holds.
    pub async fn change(
        &self,
        budget: &mut Budget,
        claims: &Claims,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, SessionError> {
        match self {
            Store::Redis(redis) => redis.change(budget, claims, change, if_version).await,
            Store::Sqlite(sqlite) => Box::pin(sqlite.change(budget, claims, change, if_version)).await,
        }
    }

    /// Puts `next`, to be signed by `kid`, in the place of the token's secret, or says what was put there.
    pub async fn renew(
        &self,
        budget: &mut Budget,
        claims: &Claims,
        next: &[u8; 16],
        kid: &str,
    ) -> Result<Rotation, SessionError> {
        match self {
            Store::Redis(redis) => redis.renew(budget, claims, next, kid).await,
            Store::Sqlite(sqlite) => Box::pin(sqlite.renew(budget, claims, next, kid)).await,
        }
    }

    /// Ends it, or others of its account.
    pub async fn end(&self, budget: &mut Budget, claims: &Claims, which: End) -> Result<(), SessionError> {
        match self {
            Store::Redis(redis) => redis.end(budget, claims, which).await,
            Store::Sqlite(sqlite) => Box::pin(sqlite.end(budget, claims, which)).await,
        }
    }

    /// Lists those of its account.
    pub async fn list(&self, budget: &mut Budget, claims: &Claims) -> Result<Listed, SessionError> {
        match self {
            Store::Redis(redis) => redis.list(budget, claims).await,
            Store::Sqlite(sqlite) => Box::pin(sqlite.list(budget, claims)).await,
        }
    }

    /// Which store is this, and can it serve sessions?
    pub async fn id(&self, budget: &mut Budget) -> Result<Uuid, StoreDown> {
        match self {
            Store::Redis(redis) => redis.id(budget).await,
            Store::Sqlite(sqlite) => Box::pin(sqlite.id(budget)).await,
        }
    }
}

/// The hash of a token's secret: whoever reads the store cannot log in with it. The secret is 128 random
/// bits, so a fast hash is enough.
fn hash(secret: &[u8; 16]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Why there is no record, judged by the store that lacks it.
fn missing(claims: &Claims, now_ms: i64, store_id: Option<Uuid>) -> SessionError {
    if store_id != Some(claims.store_id) {
        // The store was emptied, or it is another one. It must not be "revoked": nobody ended it.
        SessionError::Lost(Lost::StoreReset)
    } else if now_ms >= claims.expires_at_s.saturating_mul(1000) {
        // Our clock is behind the store's, where the record has ended already.
        SessionError::Expired(Expired::Absolute)
    } else {
        SessionError::Unknown
    }
}

/// What a tombstone's word says.
fn over(word: &str) -> SessionError {
    let revoked =
        [Revoked::Revoked, Revoked::Rotated, Revoked::Reuse, Revoked::SessionLimit, Revoked::PasswordChanged];
    match revoked.into_iter().find(|how| how.word() == word) {
        Some(how) => SessionError::Revoked(how),
        None if word == "idle" => SessionError::Expired(Expired::Idle),
        None => SessionError::Store(StoreDown::Broken),
    }
}

/// The times of a session, as both stores keep them.
struct Times {
    created_at_ms: i64,
    used_at_ms: i64,
    absolute_ms: i64,
}

impl Times {
    fn summary(&self, session_id: Uuid, limits: &Limits, current: bool) -> SessionSummary {
        SessionSummary {
            session_id,
            created_at_ms: self.created_at_ms,
            idle_expires_at_ms: (self.used_at_ms + millis(limits.idle)).min(self.absolute_ms),
            absolute_expires_at_ms: self.absolute_ms,
            current,
        }
    }
}

fn session(
    account: AccountRef,
    session_id: Uuid,
    times: &Times,
    limits: &Limits,
    cart: Cart,
    checkout: Checkout,
) -> Session {
    Session { summary: times.summary(session_id, limits, true), account, cart, checkout }
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
