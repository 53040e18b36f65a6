//! Is there a connection to Redis right now, and if not, why? What the requests ([`super::link`]) and the
//! task that keeps the connection ([`super::keeper`]) tell each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind};
use shared::sessions::StoreDown;
use tokio::sync::Notify;
use uuid::Uuid;

use super::millis;

/// What requests and the keeper tell each other.
pub struct LinkState {
    now: Mutex<Now>,
    /// Rung when a connection is given up.
    pub lost: Notify,
    /// Rung when it is said how it stands: after each attempt to connect.
    pub tried: Notify,
}

/// Is there a connection?
pub enum Now {
    /// There is.
    Up(Live),
    /// There is none, for this reason.
    Not(StoreDown),
}

/// A connection that works, as far as we know.
#[derive(Clone)]
pub struct Live {
    /// A clone is another handle to it.
    pub connection: MultiplexedConnection,
    /// Which one it is, so that bad news about an old one does not end the new one.
    pub number: u64,
    /// What time it is over there.
    pub clock: StoreClock,
}

/// Redis' clock, read when the connection was made. Ours counts on from there, so the two machines'
/// clocks need not agree.
#[derive(Debug, Clone, Copy)]
pub struct StoreClock {
    /// What it said.
    pub read_ms: i64,
    /// When, by our own.
    pub at: Instant,
}

impl StoreClock {
    /// What it says now.
    pub fn now_ms(self) -> i64 {
        self.read_ms + millis(self.at.elapsed())
    }
}

impl LinkState {
    /// There is none yet.
    pub fn new() -> Self {
        LinkState { now: Mutex::new(Now::Not(StoreDown::Down)), lost: Notify::new(), tried: Notify::new() }
    }

    /// Says how it stands.
    pub fn set(&self, now: Now) {
        *self.lock() = now;
        self.tried.notify_one();
    }

    /// Gives up the connection of this number. Requests on their way keep it until they are answered.
    pub fn lose(&self, number: u64, why: StoreDown) {
        let mut now = self.lock();
        if matches!(&*now, Now::Up(live) if live.number == number) {
            tracing::warn!(why = why.word(), "lost Redis");
            *now = Now::Not(why);
            self.lost.notify_one();
        }
    }

    /// The connection there is.
    ///
    /// # Errors
    /// Why there is none.
    pub fn live(&self) -> Result<Live, StoreDown> {
        match &*self.lock() {
            Now::Up(live) => Ok(live.clone()),
            Now::Not(why) => Err(*why),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        // Nothing panics while it holds the lock, and each write is one assignment.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for the store's id, and gives it this one if it has none.
pub fn name_store(fresh: Uuid) -> Cmd {
    let mut command = redis::cmd("SET");
    command.arg("lab:store_id").arg(fresh.to_string()).arg("NX").arg("GET");
    command
}

/// What an error says about the store.
pub fn trouble(error: &RedisError) -> StoreDown {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ReadOnly) => StoreDown::ReadOnly,
        ErrorKind::Server(ServerErrorKind::BusyLoading) => StoreDown::Loading,
        ErrorKind::Io => StoreDown::Down,
        _ if error.code() == Some("OOM") => StoreDown::Full,
        _ => StoreDown::Broken,
    }
}
