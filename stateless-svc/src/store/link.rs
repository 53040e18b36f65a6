//! How does a request reach Redis, and what is it told while there is no way?
//!
//! All requests share one connection, and a task keeps it ([`super::keeper`]). A request never waits for
//! that task: while there is no connection it is told so at once. The ready-made manager of the client
//! library makes requests wait for its reconnection, for seconds, and it keeps a server that has been
//! demoted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionInfo, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use shared::sessions::{Budget, Limits, StoreDown};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::keeper;
use super::millis;
use super::script::{Script, Scripts};

/// The line to one Redis.
pub struct Link {
    state: Arc<LinkState>,
    scripts: Arc<Scripts>,
    keeper: JoinHandle<()>,
}

/// What requests and the keeper tell each other.
pub struct LinkState {
    now: Mutex<Now>,
    /// Rung when a connection is given up.
    pub lost: Notify,
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
    fn now_ms(self) -> i64 {
        self.read_ms + millis(self.at.elapsed())
    }
}

impl Link {
    /// Starts connecting, and stays at it until dropped. Returns at once: a replica may start before its
    /// Redis. Needs a runtime around it.
    ///
    /// # Errors
    /// If the address can never work.
    pub fn open(info: &ConnectionInfo, limits: &Limits) -> Result<Self, RedisError> {
        let state = Arc::new(LinkState { now: Mutex::new(Now::Not(StoreDown::Down)), lost: Notify::new() });
        let scripts = Arc::new(Scripts::new(limits));
        let keeper = keeper::start(Arc::clone(&state), Arc::clone(&scripts), info)?;
        Ok(Link { state, scripts, keeper })
    }

    /// The scripts it can call.
    pub fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// Runs a script, at most once, and returns the text it answers. `ARGV[1]` is added: when we give up.
    ///
    /// # Errors
    /// [`StoreDown::Timeout`] if the script may have run, every other if it did not.
    pub async fn call(
        &self,
        budget: &mut Budget,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
    ) -> Result<String, StoreDown> {
        let mut live = self.state.live()?;
        let patience = budget.left();
        let give_up_ms = live.clock.now_ms() + millis(patience);
        let command = script.call(give_up_ms, keys, args);
        let mut reply = budget.spend(live.connection.send_packed_command(&command)).await?;
        if forgotten(&reply) {
            let command = script.call_by_text(give_up_ms, keys, args);
            reply = budget.spend(live.connection.send_packed_command(&command)).await?;
        }
        let text = text(self.judge(&live, reply)?)?;
        if text == "late" {
            // It did nothing. If that came long before the end of our patience, one of the clocks was
            // set; connecting anew reads them again.
            if budget.left() > patience / 2 {
                tracing::warn!("Redis and this replica disagree about how much time has passed");
                self.state.lose(live.number, StoreDown::Down);
            }
            return Err(StoreDown::Timeout);
        }
        Ok(text)
    }

    /// The id of this store; one that has none is given one. A write, so that a store which cannot serve
    /// sessions (a replica, a full one, one that still loads) refuses it as it would refuse them.
    ///
    /// # Errors
    /// As [`Link::call`].
    pub async fn store_id(&self, budget: &mut Budget) -> Result<Uuid, StoreDown> {
        let mut live = self.state.live()?;
        let fresh = Uuid::new_v4();
        let reply = budget.spend(live.connection.send_packed_command(&name_store(fresh))).await?;
        match self.judge(&live, reply)? {
            Value::Nil => Ok(fresh),
            named => text(named)?.parse().map_err(|_| StoreDown::Broken),
        }
    }

    /// What an answer means for the call, and for the connection.
    fn judge(&self, live: &Live, reply: RedisResult<Value>) -> Result<Value, StoreDown> {
        let error = match reply.and_then(Value::extract_error) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let why = trouble(&error);
        match why {
            // The connection broke under a command that was sent: it may have run.
            StoreDown::Down => {
                self.state.lose(live.number, StoreDown::Down);
                return Err(StoreDown::Timeout);
            }
            // This server was demoted. The name may lead to the new one, so look it up again.
            StoreDown::ReadOnly => self.state.lose(live.number, why),
            StoreDown::Broken => tracing::error!(%error, "Redis answered what we do not understand"),
            _ => {}
        }
        Err(why)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
        self.state.set(Now::Not(StoreDown::Down));
    }
}

impl LinkState {
    /// Says how it stands.
    pub fn set(&self, now: Now) {
        *self.lock() = now;
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

    fn live(&self) -> Result<Live, StoreDown> {
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

fn forgotten(reply: &RedisResult<Value>) -> bool {
    matches!(reply, Ok(Value::ServerError(error)) if error.kind() == Some(ServerErrorKind::NoScript))
}

fn text(value: Value) -> Result<String, StoreDown> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| StoreDown::Broken),
        _ => Err(StoreDown::Broken),
    }
}
