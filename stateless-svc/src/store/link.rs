//! How does a request reach Redis, and what is it told while there is no way?
//!
//! All requests share one connection, and a task keeps it ([`super::keeper`]). A request never waits for
//! that task: while there is no connection it is told so at once. The ready-made manager of the client
//! library makes requests wait for its reconnection, for seconds, and it keeps a server that has been
//! demoted.

use std::pin::pin;
use std::sync::Arc;

use redis::{Cmd, ConnectionInfo, RedisError, RedisResult, ServerErrorKind, Value};
use shared::sessions::{Budget, Limits, StoreDown};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::connection::{LinkState, Live, Now, name_store, trouble};
use super::keeper;
use super::millis;
use super::script::{Script, Scripts};

/// The line to one Redis.
pub struct Link {
    state: Arc<LinkState>,
    scripts: Arc<Scripts>,
    keeper: JoinHandle<()>,
}

/// What a string in Redis holds.
pub struct Held {
    /// All of it.
    pub record: Vec<u8>,
    /// What time it is over there, by the clock that we carry on.
    pub now_ms: i64,
}

impl Link {
    /// Starts connecting, and stays at it until dropped. Returns at once: a replica may start before its
    /// Redis. Needs a runtime around it.
    ///
    /// # Errors
    /// If the address can never work.
    pub fn open(info: &ConnectionInfo, limits: &Limits) -> Result<Self, RedisError> {
        let state = Arc::new(LinkState::new());
        let scripts = Arc::new(Scripts::new(limits));
        let keeper = keeper::start(Arc::clone(&state), Arc::clone(&scripts), info)?;
        Ok(Link { state, scripts, keeper })
    }

    /// Waits until the first attempt to connect is over: moments, and a fifth of a second at most. To be asked once.
    pub async fn tried(&self) {
        self.state.tried.notified().await;
    }

    /// The scripts it can call.
    pub fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// Runs a script, at most once, and returns what it answers. `ARGV[1]` is added: when we give up.
    ///
    /// # Errors
    /// [`StoreDown::Timeout`] if the script may have run, every other if it did not.
    pub async fn call(
        &self,
        budget: &mut Budget,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
    ) -> Result<Vec<u8>, StoreDown> {
        let mut live = self.state.live()?;
        let patience = budget.left();
        let give_up_ms = live.clock.now_ms() + millis(patience);
        let command = script.call(give_up_ms, keys, args);
        let mut reply = {
            // Pinned here: handed over, it would take its room three times in every request's future.
            let sent = pin!(live.connection.send_packed_command(&command));
            budget.spend(sent).await?
        };
        if forgotten(&reply) {
            let command = script.call_by_text(give_up_ms, keys, args);
            reply = budget.spend(Box::pin(live.connection.send_packed_command(&command))).await?;
        }
        let answer = bytes(self.judge(&live, reply)?)?;
        if answer == b"late" {
            // It did nothing. If that came long before the end of our patience, one of the clocks was
            // set; connecting anew reads them again.
            if budget.left() > patience / 2 {
                tracing::warn!("Redis and this replica disagree about how much time has passed");
                self.state.lose(live.number, StoreDown::Down);
            }
            return Err(StoreDown::Timeout);
        }
        Ok(answer)
    }

    /// Reads a string, if there is one.
    ///
    /// `GETEX` without an option is a `GET` that counts as a write, and costs the same: a server that was demoted
    /// refuses it, where a `GET` would serve sessions that were ended elsewhere.
    ///
    /// # Errors
    /// As [`Link::call`].
    pub async fn read(&self, budget: &mut Budget, key: &str) -> Result<Option<Held>, StoreDown> {
        let mut live = self.state.live()?;
        let mut command = Cmd::with_capacity(2, 16 + key.len());
        command.arg("GETEX").arg(key);
        let reply = {
            let sent = pin!(live.connection.send_packed_command(&command));
            budget.spend(sent).await?
        };
        match self.judge(&live, reply)? {
            Value::Nil => Ok(None),
            Value::BulkString(record) => Ok(Some(Held { record, now_ms: live.clock.now_ms() })),
            _ => Err(StoreDown::Broken),
        }
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
            named => Uuid::try_parse_ascii(&bytes(named)?).map_err(|_| StoreDown::Broken),
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

fn forgotten(reply: &RedisResult<Value>) -> bool {
    matches!(reply, Ok(Value::ServerError(error)) if error.kind() == Some(ServerErrorKind::NoScript))
}

fn bytes(value: Value) -> Result<Vec<u8>, StoreDown> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(StoreDown::Broken),
    }
}
