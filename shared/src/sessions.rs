//! Where does a session live? This is the one question the twins answer differently, so it is the one
//! trait in the lab: `stateful-svc` answers it with a table in its process, `stateless-svc` with a
//! signed token and a record outside.
//!
//! Every call checks the token and acts in one step. There is no "find" followed by a "save": between
//! the two another request could log out, and the save would bring the dead session back to life.

use std::future::Future;
use std::time::Duration;

use uuid::Uuid;

use crate::api::cart::{Cart, Sku};
use crate::api::checkout::{Address, Checkout, Payment};

/// Most sessions one account may hold; the next login ends the oldest one.
pub const MAX_SESSIONS_PER_ACCOUNT: usize = 20;

/// How long a renewed token is still honoured, for requests that were already on their way.
pub const RENEWAL_GRACE: Duration = Duration::from_secs(10);

/// How far ahead a token's `iat` or `nbf` may lie before it counts as not yet valid.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How long all store calls of one request may take together.
pub const STORE_BUDGET: Duration = Duration::from_millis(200);

/// A place where sessions live.
///
/// `token` is what the client sent, unverified. An `Err` means that nothing was done of what was asked, with one
/// exception: [`StoreDown::Timeout`], after which the effect is not known. A session that is found to be over, or
/// whose token was stolen, is ended for good by that.
pub trait Sessions: Send + Sync + 'static {
    /// Opens a session under a new id and ends the valid session `replaces` belongs to, whoever owns it.
    fn begin(
        &self,
        budget: &mut Budget,
        account: &AccountRef,
        replaces: Option<&str>,
    ) -> impl Future<Output = Result<Issued, SessionError>> + Send;

    /// Who is this, and what have they put down so far? Counts as use: the idle limit starts anew.
    fn look(
        &self,
        budget: &mut Budget,
        token: &str,
    ) -> impl Future<Output = Result<Session, SessionError>> + Send;

    /// Applies one change if the cart has a version that the client accepts.
    fn change(
        &self,
        budget: &mut Budget,
        token: &str,
        change: &Change,
        if_version: &IfVersion,
    ) -> impl Future<Output = Result<Session, SessionError>> + Send;

    /// Replaces the token. Renewing the old one again within [`RENEWAL_GRACE`] gives the same successor,
    /// because the first answer may have been lost; after that it is theft, and the session ends.
    fn renew(
        &self,
        budget: &mut Budget,
        token: &str,
    ) -> impl Future<Output = Result<Renewed, SessionError>> + Send;

    /// Ends what `which` names, seen from the session `token` belongs to.
    fn end(
        &self,
        budget: &mut Budget,
        token: &str,
        which: End,
    ) -> impl Future<Output = Result<(), SessionError>> + Send;

    /// All live sessions of the token's account.
    fn list(
        &self,
        budget: &mut Budget,
        token: &str,
    ) -> impl Future<Output = Result<Listed, SessionError>> + Send;

    /// Whose token is this? No store call, so where sessions live outside, the signature is all that is looked at,
    /// and the session may be over already.
    /// Only the password change asks: it must judge the current password before it ends anything.
    fn claimed_account(&self, token: &str) -> Result<Uuid, SessionError>;

    /// Can sessions be served right now?
    fn ready(&self) -> impl Future<Output = Result<(), StoreDown>> + Send;

    /// How many live sessions this place holds, where it can be told without a store call.
    fn live(&self) -> Option<usize>;

    /// The id of the key that signs now; `chaos` reads it as the proof of a key rotation.
    fn signing_kid(&self) -> &str;
}

/// The account a session belongs to, as far as a session needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRef {
    /// The account's id; UUID v7, never shown to clients.
    pub id: Uuid,
    /// The name the account was registered with.
    pub name: String,
}

/// A session as one call saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who, and when.
    pub summary: SessionSummary,
    /// The account it belongs to.
    pub account: AccountRef,
    /// What is in the cart.
    pub cart: Cart,
    /// How far the checkout has come.
    pub checkout: Checkout,
}

/// The public half of a session: what `GET /sessions` lists. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Public id; never changes, not even when the token is renewed.
    pub session_id: Uuid,
    /// When it was begun.
    pub created_at_ms: i64,
    /// When it ends if it is not used.
    pub idle_expires_at_ms: i64,
    /// When it ends, used or not.
    pub absolute_expires_at_ms: i64,
    /// Whether it is the session that asked.
    pub current: bool,
}

/// The live sessions of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Whose they are.
    pub account: AccountRef,
    /// Oldest first.
    pub sessions: Vec<SessionSummary>,
}

/// A new session and the token that opens it.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The credential; shown once, stored nowhere.
    pub token: String,
    /// The session it opens.
    pub session: Session,
}

/// The outcome of a renewal.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// The successor token and its session.
    pub issued: Issued,
    /// True if an earlier renewal had already made this successor.
    pub replay: bool,
}

/// Everything a client can do to what its session holds. A closed set, so that each store can apply it
/// atomically in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets a line to exactly this quantity. Safe to repeat.
    SetItem {
        /// Which article.
        sku: Sku,
        /// 1 to 1000.
        quantity: u32,
    },
    /// Adds to a line. Not safe to repeat, on purpose.
    AddItem {
        /// Which article.
        sku: Sku,
        /// 1 to 1000.
        quantity: u32,
    },
    /// Removes a line; one that is not there is removed already.
    RemoveItem {
        /// Which article.
        sku: Sku,
    },
    /// Sets the delivery address.
    Address(Address),
    /// Sets the way of paying.
    Payment(Payment),
    /// Empties cart and checkout after an order, if the cart is still the ordered one; otherwise nothing.
    Ordered {
        /// The version that was ordered.
        version: u64,
    },
}

/// Which versions of the cart a change may be applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfVersion {
    /// Whichever it has.
    Any,
    /// One of these; with none of them, no cart will do.
    OneOf(Vec<u64>),
}

impl IfVersion {
    /// Will a cart of this version do?
    pub fn takes(&self, current: u64) -> bool {
        match self {
            IfVersion::Any => true,
            IfVersion::OneOf(versions) => versions.contains(&current),
        }
    }

    /// Is a change that was made refused when it is asked for again? The first one leaves a version behind
    /// that a list could name too.
    pub fn refuses_a_repeat(&self) -> bool {
        matches!(self, IfVersion::OneOf(versions) if versions.len() <= 1)
    }
}

/// Which sessions to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one that asks (logout). Succeeds too if it is over already.
    Current,
    /// One of the account's, by its public id; [`SessionError::NotFound`] if the account has no such
    /// live session.
    One(Uuid),
    /// All of the account's, the asking one included.
    All,
    /// All but the asking one, because the password changed.
    OthersPasswordChanged,
}

/// Why a session call was refused. Each becomes one answer in [`crate::problem`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not the form of a token of ours; refused before any look-up.
    #[error("token malformed")]
    Malformed,
    /// A token of the right form that we did not make, or made for something else. The text is for the
    /// log only: a client that learns which check failed learns how to pass it.
    #[error("token invalid: {0}")]
    Invalid(&'static str),
    /// `iat` or `nbf` lies ahead by more than [`CLOCK_SKEW`].
    #[error("token not yet valid")]
    NotYetValid,
    /// The session was real and the place that held it no longer does.
    #[error("session lost: {0:?}")]
    Lost(Lost),
    /// A time limit ended it.
    #[error("session expired: {0:?}")]
    Expired(Expired),
    /// Somebody ended it.
    #[error("session revoked: {0:?}")]
    Revoked(Revoked),
    /// A well-formed id this place does not know.
    #[error("session unknown")]
    Unknown,
    /// A token was renewed after its successor had long been in use. The whole session is ended.
    #[error("token reused")]
    TokenReused,
    /// `If-Match` named another version of the cart.
    #[error("cart has version {current}")]
    VersionConflict {
        /// The version the cart has.
        current: u64,
    },
    /// The change would exceed 50 lines or a quantity of 1000.
    #[error("cart limit reached")]
    CartLimit,
    /// [`End::One`] named no live session of this account.
    #[error("no such session")]
    NotFound,
    /// The table of sessions is at its bound.
    #[error("sessions full")]
    Full,
    /// The store did not do it.
    #[error("session store unavailable: {0:?}")]
    Store(StoreDown),
}

/// How a session was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// This replica restarted since.
    Restart,
    /// Another replica holds it, or held it.
    OtherInstance,
    /// The store is not the one the session was written to.
    StoreReset,
}

/// Which limit a session passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// Not used for too long.
    Idle,
    /// Too old, used or not.
    Absolute,
}

/// Who or what ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// A logout, or an end from another device, or a login that replaced it.
    Revoked,
    /// This token was renewed; its successor is the one to use.
    Rotated,
    /// An old token of this session was renewed too late.
    Reuse,
    /// A 21st login pushed it out.
    SessionLimit,
    /// The account's password changed.
    PasswordChanged,
}

impl Revoked {
    /// The wire word, also stored in tombstones.
    pub fn word(self) -> &'static str {
        match self {
            Revoked::Revoked => "revoked",
            Revoked::Rotated => "rotated",
            Revoked::Reuse => "reuse",
            Revoked::SessionLimit => "session_limit",
            Revoked::PasswordChanged => "password_changed",
        }
    }
}

/// Why the session store did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreDown {
    /// No connection.
    Down,
    /// No answer in time. The only case in which the effect is not known.
    Timeout,
    /// It is a replica that refuses writes.
    ReadOnly,
    /// It is reading its files after a start.
    Loading,
    /// It has no memory left to write.
    Full,
    /// It answered with something we do not understand.
    Broken,
}

impl StoreDown {
    /// The wire word.
    pub fn word(self) -> &'static str {
        match self {
            StoreDown::Down => "down",
            StoreDown::Timeout => "timeout",
            StoreDown::ReadOnly => "readonly",
            StoreDown::Loading => "loading",
            StoreDown::Full => "full",
            StoreDown::Broken => "broken",
        }
    }
}

impl From<StoreDown> for SessionError {
    fn from(down: StoreDown) -> Self {
        SessionError::Store(down)
    }
}

/// The time one request may still spend waiting for the session store, over all its calls.
#[derive(Debug)]
pub struct Budget {
    left: Duration,
}

impl Budget {
    /// A fresh budget of [`STORE_BUDGET`].
    pub fn new() -> Self {
        Budget { left: STORE_BUDGET }
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// Waits for one store call, and charges the time it took.
    ///
    /// # Errors
    /// [`StoreDown::Timeout`] once the budget is spent.
    pub async fn spend<T>(&mut self, call: impl Future<Output = T>) -> Result<T, StoreDown> {
        let start = tokio::time::Instant::now();
        let outcome = tokio::time::timeout_at(start + self.left, call).await;
        self.left = self.left.saturating_sub(start.elapsed());
        outcome.map_err(|_| StoreDown::Timeout)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// How long sessions live, by the clock of the store that holds them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Without use.
    pub idle: Duration,
    /// In all.
    pub absolute: Duration,
}

impl Limits {
    /// A use is written down only when the last one is at least this old: without it, every read would
    /// be a write. A session may therefore end early by at most a twentieth of its idle limit.
    pub fn touch_every(&self) -> Duration {
        self.idle / 20
    }
}
