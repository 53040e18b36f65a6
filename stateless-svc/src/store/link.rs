//! How does a replica stay connected to Redis, and what does it say while it is not?
//!
//! One connection for all requests, and one task that makes it anew when it breaks. A request never
//! waits for that task: while there is no connection it is told so at once. The ready-made manager of
//! the client library makes requests wait for its reconnection, for seconds, and it keeps a server that
//! has become a replica.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, ProtocolVersion, PushInfo, PushKind,
    RedisError, RedisResult, ServerErrorKind, Value,
};
use shared::sessions::{Budget, StoreDown};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::script::{Script, Scripts};

/// How long one attempt to connect may take, all its commands included.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);
/// The pause between attempts doubles from the first to the second of these.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// A machine that vanished sends no farewell. Data it does not acknowledge for this long ends the
/// connection; a Redis that is only paused still has a kernel that acknowledges.
const VANISHED_AFTER: Duration = Duration::from_secs(2);
/// Requests that may be on their way at once before a further one waits for its turn.
const IN_FLIGHT: usize = 4096;

/// The line to one Redis.
pub struct Link {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
    scripts: Arc<Scripts>,
}

struct Shared {
    state: Mutex<State>,
    lost: Notify,
}

enum State {
    Up(Live),
    Not(StoreDown),
}

/// A connection that works, as far as we know.
#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    // Which one it is, so that bad news about an old one does not end the new one.
    number: u64,
    clock: StoreClock,
}

/// Redis' clock, read when the connection was made. Ours counts on from there, so the two machines'
/// clocks need not agree.
#[derive(Clone, Copy)]
struct StoreClock {
    read_ms: i64,
    at: Instant,
}

impl StoreClock {
    fn now_ms(self) -> i64 {
        self.read_ms + millis(self.at.elapsed())
    }
}

impl Link {
    /// Starts connecting, and stays at it until dropped. Returns at once: a replica may start before its
    /// Redis. Needs a runtime around it.
    pub fn open(info: &ConnectionInfo) -> Result<Self, RedisError> {
        let redis =
            info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(VANISHED_AFTER);
        let client = Client::open(info.clone().set_redis_settings(redis).set_tcp_settings(tcp))?;
        let shared = Arc::new(Shared { state: Mutex::new(State::Not(StoreDown::Down)), lost: Notify::new() });
        let scripts = Arc::new(Scripts::new());
        let keeper = tokio::spawn(keep(Arc::clone(&shared), Arc::clone(&scripts), client));
        Ok(Link { shared, keeper, scripts })
    }

    /// The scripts it can call.
    pub fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// Runs a script, once, and returns the text it answers. `ARGV[1]` is added: when we give up.
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
        let mut live = self.live()?;
        let give_up_ms = live.clock.now_ms() + millis(budget.left());
        let command = script.call(give_up_ms, keys, args);
        let mut reply = budget.spend(live.connection.send_packed_command(&command)).await?;
        if forgotten(&reply) {
            let command = script.call_by_text(give_up_ms, keys, args);
            reply = budget.spend(live.connection.send_packed_command(&command)).await?;
        }
        let text = text(self.judge(&live, reply)?)?;
        if text == "late" {
            // The answer came in time and says it did not: one of the clocks was set. Connecting anew
            // reads them again.
            tracing::warn!("Redis and this replica disagree about how much time has passed");
            self.shared.lose(live.number, StoreDown::Down);
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
        let mut live = self.live()?;
        let fresh = Uuid::new_v4();
        let reply = budget.spend(live.connection.send_packed_command(&name_store(fresh))).await?;
        match self.judge(&live, reply)? {
            Value::Nil => Ok(fresh),
            named => text(named)?.parse().map_err(|_| StoreDown::Broken),
        }
    }

    fn live(&self) -> Result<Live, StoreDown> {
        match &*self.shared.state() {
            State::Up(live) => Ok(live.clone()),
            State::Not(why) => Err(*why),
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
                self.shared.lose(live.number, StoreDown::Down);
                return Err(StoreDown::Timeout);
            }
            // This server was demoted. The name may lead to the new one, so look it up again.
            StoreDown::ReadOnly => self.shared.lose(live.number, why),
            StoreDown::Broken => tracing::error!(%error, "Redis answered what we do not understand"),
            _ => {}
        }
        Err(why)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
        *self.shared.state() = State::Not(StoreDown::Down);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and each write is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection of this number is no good. Requests on their way keep it until they are answered.
    fn lose(&self, number: u64, why: StoreDown) {
        let mut state = self.state();
        if matches!(&*state, State::Up(live) if live.number == number) {
            tracing::warn!(why = why.word(), "lost Redis");
            *state = State::Not(why);
            self.lost.notify_one();
        }
    }
}

/// Connects, waits until the connection is lost, connects again, without end.
async fn keep(shared: Arc<Shared>, scripts: Arc<Scripts>, client: Client) {
    let mut pause = PAUSE.0;
    let mut said = None;
    for number in 0.. {
        let attempt =
            tokio::time::timeout(CONNECT_TIMEOUT, connect(&shared, &scripts, &client, number)).await;
        match attempt
            .unwrap_or_else(|_| Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))))
        {
            Ok(live) => {
                tracing::info!("connected to Redis");
                (pause, said) = (PAUSE.0, None);
                *shared.state() = State::Up(live);
                shared.lost.notified().await;
            }
            Err(error) => {
                let why = trouble(&error);
                if said.replace(why) != Some(why) {
                    tracing::warn!(%error, why = why.word(), "cannot use Redis yet");
                }
                *shared.state() = State::Not(why);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
}

async fn connect(shared: &Arc<Shared>, scripts: &Scripts, client: &Client, number: u64) -> RedisResult<Live> {
    let shared: Weak<Shared> = Arc::downgrade(shared);
    let hear = move |push: PushInfo| -> Result<(), ()> {
        if push.kind == PushKind::Disconnection
            && let Some(shared) = shared.upgrade()
        {
            shared.lose(number, StoreDown::Down);
        }
        Ok(())
    };
    // No limit for single answers: each call brings its own.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(IN_FLIGHT)
        .set_push_sender(hear);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    for script in scripts.all() {
        script.load().exec_async(&mut connection).await?;
    }
    match name_store(Uuid::new_v4()).exec_async(&mut connection).await {
        Err(error) if trouble(&error) != StoreDown::Full => return Err(error),
        // A full store can still end sessions.
        _ => {}
    }
    let asked = Instant::now();
    let (s, us): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await?;
    // Half way between question and answer is our best guess of when the clock was read.
    let clock = StoreClock { read_ms: s * 1000 + us / 1000, at: asked + asked.elapsed() / 2 };
    Ok(Live { connection, number, clock })
}

fn name_store(fresh: Uuid) -> redis::Cmd {
    let mut command = redis::cmd("SET");
    command.arg("lab:store_id").arg(fresh.to_string()).arg("NX").arg("GET");
    command
}

fn trouble(error: &RedisError) -> StoreDown {
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
        Value::SimpleString(text) => Ok(text),
        _ => Err(StoreDown::Broken),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
