//! Who makes the connection to Redis, and makes it anew? One task, that does nothing else: connect, wait
//! until it is lost, connect again. The pause between attempts is small and bounded, so that a Redis that
//! comes back is used within a second.

use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError,
    RedisResult,
};
use shared::sessions::StoreDown;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::connection::{LinkState, Live, Now, StoreClock, name_store, trouble};
use super::script::Scripts;

/// How long one attempt may take, all its commands included.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);
/// The pause between attempts doubles from the first to the second of these.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// A machine that vanished sends no farewell. Data it does not acknowledge for this long ends the
/// connection; a Redis that is only paused still has a kernel that acknowledges.
const VANISHED_AFTER: Duration = Duration::from_secs(2);
/// Requests that may be on their way at once before a further one waits for its turn.
const IN_FLIGHT: usize = 4096;

/// Starts the task.
///
/// # Errors
/// If the address can never work.
pub fn start(
    state: Arc<LinkState>,
    scripts: Arc<Scripts>,
    info: &ConnectionInfo,
) -> RedisResult<JoinHandle<()>> {
    // Only the newer protocol lets us hear at once that a connection is gone, and not from the next
    // request that fails on it.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(VANISHED_AFTER);
    let client = Client::open(info.clone().set_redis_settings(redis).set_tcp_settings(tcp))?;
    Ok(tokio::spawn(keep(state, scripts, client)))
}

async fn keep(state: Arc<LinkState>, scripts: Arc<Scripts>, client: Client) {
    let mut pause = PAUSE.0;
    let mut said = None;
    for number in 0.. {
        let attempt = connect(Arc::downgrade(&state), &scripts, &client, number);
        match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await.unwrap_or_else(|_| Err(took_too_long())) {
            Ok(live) => {
                tracing::info!("connected to Redis");
                (pause, said) = (PAUSE.0, None);
                state.set(Now::Up(live));
                state.lost.notified().await;
            }
            Err(error) => {
                let why = trouble(&error);
                if said.replace(why) != Some(why) {
                    tracing::warn!(%error, why = why.word(), "cannot use Redis yet");
                }
                state.set(Now::Not(why));
                pause = (pause * 2).min(PAUSE.1);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// A connection with all scripts loaded, to a store that takes writes, and its clock.
async fn connect(
    state: Weak<LinkState>,
    scripts: &Scripts,
    client: &Client,
    number: u64,
) -> RedisResult<Live> {
    let hear = move |push: PushInfo| -> Result<(), ()> {
        if push.kind == PushKind::Disconnection
            && let Some(state) = state.upgrade()
        {
            state.lose(number, StoreDown::Down);
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
    let clock = read_clock(&mut connection).await?;
    Ok(Live { connection, number, clock })
}

/// Half way between question and answer is our best guess of when Redis read its clock, and the quickest
/// of three answers leaves the least to guess.
async fn read_clock(connection: &mut MultiplexedConnection) -> RedisResult<StoreClock> {
    let mut best: Option<(Duration, StoreClock)> = None;
    for _ in 0..3 {
        let asked = Instant::now();
        let (s, us): (i64, i64) = redis::cmd("TIME").query_async(connection).await?;
        let took = asked.elapsed();
        let clock = StoreClock { read_ms: s * 1000 + us / 1000, at: asked + took / 2 };
        if best.is_none_or(|(least, _)| took < least) {
            best = Some((took, clock));
        }
    }
    best.map(|(_, clock)| clock).ok_or_else(took_too_long)
}

fn took_too_long() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}
