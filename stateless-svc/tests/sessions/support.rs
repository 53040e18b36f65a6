//! What do the tests stand on? Two places, a real redis-server and a file, behind one handle.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::boot::Boot;
use shared::identity::Identity;
use shared::keys::KeyRing;
use shared::sessions::{AccountRef, Budget, Issued, Limits, Session, SessionError, Sessions, StoreDown};
use tempfile::TempDir;
use uuid::Uuid;

use crate::config::StoreAt;
use crate::sessions::InStore;
use crate::skip::skip;

pub const HOUR: Duration = Duration::from_secs(3600);
pub const LIMITS: Limits = Limits { idle: HOUR, absolute: Duration::from_secs(12 * 3600) };
pub const KEY_A: &str = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const KEY_B: &str = "b:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";

/// A place where sessions live, and how to reach behind its back.
pub enum Place {
    Redis(RedisServer),
    Sqlite(TempDir),
}

/// One of each, fresh and empty; where no Redis is installed that is said, and the file is all there is.
pub fn places() -> impl Iterator<Item = Place> {
    let redis = RedisServer::start(&[]).map(Place::Redis);
    redis.into_iter().chain([Place::Sqlite(TempDir::new().unwrap())])
}

impl Place {
    /// A replica, ready.
    pub async fn replica(&self) -> InStore {
        self.replica_with(KEY_A, LIMITS).await
    }

    pub async fn replica_with(&self, ring: &str, limits: Limits) -> InStore {
        let replica = open(&self.at(), ring, limits);
        ready_within(&replica, Duration::from_secs(1)).await;
        replica
    }

    /// How many calls can be answered at once within one budget, on a machine that is busy with tests: in
    /// a file each waits for the one before it.
    pub fn crowd(&self) -> usize {
        match self {
            Place::Redis(_) => 100,
            Place::Sqlite(_) => 4,
        }
    }

    fn at(&self) -> StoreAt {
        match self {
            Place::Redis(server) => server.at(),
            Place::Sqlite(_) => StoreAt::Sqlite(self.file()),
        }
    }

    fn file(&self) -> PathBuf {
        match self {
            Place::Sqlite(folder) => folder.path().join("sessions.sqlite"),
            Place::Redis(_) => unreachable!("Redis is no file"),
        }
    }

    /// Makes a session as old as if `by` had passed since its last use and its last renewal.
    pub async fn age(&self, session: &Session, by: Duration) {
        let (ms, id) = (by.as_millis() as i64, session.summary.session_id);
        match self {
            Place::Redis(server) => {
                let key = record_key(session);
                let mut redis = server.client();
                // Times are written with the same number of digits, so a later one can be put in its place.
                let older = "local held = redis.call('GET', KEYS[1])
                    local seen = string.sub(held, 65, 77) - ARGV[1]
                    local lines, renewed, kid = string.match(held, '^(\\n%d+\\n[^\\n]*\\n)(%d+)(.*)$', 78)
                    local rest = lines and lines .. (renewed - ARGV[1]) .. kid or string.sub(held, 78)
                    redis.call('SET', KEYS[1], string.sub(held, 1, 64) .. seen .. rest, 'KEEPTTL')";
                redis::cmd("EVAL").arg(older).arg(1).arg(&key).arg(ms).exec(&mut redis).unwrap();
            }
            Place::Sqlite(_) => {
                // Replaces what is there: a session that was never renewed has no `old`.
                let sql = "UPDATE session SET record = json_replace(record,
                           '$.seen', json_extract(record, '$.seen') - $2,
                           '$.old.at', json_extract(record, '$.old.at') - $2) WHERE id = $1";
                let pool =
                    sqlx::SqlitePool::connect(&format!("sqlite:{}", self.file().display())).await.unwrap();
                let done = sqlx::query(sql).bind(id.to_string()).bind(ms).execute(&pool).await.unwrap();
                assert_eq!(done.rows_affected(), 1);
                pool.close().await;
            }
        }
    }

    /// Everything the place holds, as text: to prove what is not in it.
    pub async fn dump(&self) -> String {
        match self {
            Place::Redis(server) => {
                let mut redis = server.client();
                let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis).unwrap();
                let mut text = String::new();
                for key in keys.iter().filter(|key| key.contains(":session:")) {
                    let held: Vec<u8> = redis::cmd("GET").arg(key).query(&mut redis).unwrap();
                    text += &format!("{key} {}\n", String::from_utf8_lossy(&held));
                }
                text
            }
            Place::Sqlite(_) => {
                let pool =
                    sqlx::SqlitePool::connect(&format!("sqlite:{}", self.file().display())).await.unwrap();
                let rows: Vec<(String, Option<String>, String)> =
                    sqlx::query_as("SELECT id, over, record FROM session").fetch_all(&pool).await.unwrap();
                pool.close().await;
                rows.iter().map(|row| format!("{row:?}\n")).collect()
            }
        }
    }
}

pub fn record_key(session: &Session) -> String {
    format!("lab:{{{}}}:session:{}", session.account.id, session.summary.session_id)
}

/// A replica on any store, not waited for.
pub fn open(at: &StoreAt, ring: &str, limits: Limits) -> InStore {
    let identity = Identity::draw(&"test-1".parse().unwrap());
    InStore::open(Boot { identity, keys: KeyRing::parse(ring).unwrap(), limits }, at).unwrap()
}

pub async fn ready_within(replica: &InStore, bound: Duration) {
    says_within(replica, Ok(()), bound).await;
}

/// It says whether it is ready, and why not, within a bound.
pub async fn says_within(replica: &InStore, ready: Result<(), StoreDown>, bound: Duration) {
    let start = Instant::now();
    loop {
        let said = replica.ready().await;
        if said == ready {
            return;
        }
        assert!(start.elapsed() < bound, "after {bound:?} it says {said:?}, and not {ready:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn account(name: &str) -> AccountRef {
    AccountRef { id: Uuid::now_v7(), name: name.to_owned() }
}

pub async fn begin(replica: &InStore, account: &AccountRef) -> Issued {
    replica.begin(&mut Budget::new(), account, None).await.unwrap()
}

pub async fn look(replica: &InStore, token: &str) -> Result<Session, SessionError> {
    patiently(async || replica.look(&mut Budget::new(), token).await).await
}

/// Repeats what may be repeated: on a machine busy with other tests, 200 ms pass without a fault.
pub async fn patiently<T>(call: impl AsyncFn() -> Result<T, SessionError>) -> Result<T, SessionError> {
    for _ in 0..10 {
        match call().await {
            Err(SessionError::Store(StoreDown::Timeout)) => {}
            answer => return answer,
        }
    }
    Err(SessionError::Store(StoreDown::Timeout))
}

/// A private redis-server on a port of its own; killed when dropped, or when the test's thread dies.
pub struct RedisServer {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl RedisServer {
    /// One that answers; `None` where it is not installed, which is said loudly.
    pub fn start(args: &[&str]) -> Option<Self> {
        let mut server = RedisServer::absent()?;
        server.run(args);
        Some(server)
    }

    /// A port and a folder, and nothing running; `None` where nothing could be.
    pub fn absent() -> Option<Self> {
        let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !["redis-server", "setpriv"].into_iter().all(runs) {
            skip(&test_name(), "it needs redis-server and setpriv (apt-get install redis-server util-linux)");
            return None;
        }
        Some(RedisServer { child: nobody(), port: free_port(), folder: TempDir::new().unwrap() })
    }

    /// Starts it (again) on its port, with what is in its folder.
    pub fn run(&mut self, args: &[&str]) {
        self.launch(args);
        let start = Instant::now();
        loop {
            let asked = redis::Client::open(self.url()).unwrap().get_connection();
            match asked.and_then(|mut redis| redis::cmd("PING").exec(&mut redis)) {
                Ok(()) => return,
                Err(_) if start.elapsed() < Duration::from_secs(5) => {
                    std::thread::sleep(Duration::from_millis(5))
                }
                Err(error) => panic!("redis-server does not answer: {error}"),
            }
        }
    }

    /// Starts it and does not wait for it.
    pub fn launch(&mut self, args: &[&str]) {
        self.child = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "redis-server",
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
            ])
            .args(["--save", "", "--enable-debug-command", "yes", "--dir"])
            .arg(self.folder.path())
            .args(args)
            .stdout(Stdio::null())
            .spawn()
            .expect("it is installed");
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn at(&self) -> StoreAt {
        self.url().parse().unwrap()
    }

    pub fn client(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    pub fn tell(&self, words: &[&str]) {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).exec(&mut self.client()).unwrap();
    }

    /// The newest connection that is not the one asking: that of the only replica.
    pub fn link_id(&self) -> Option<u64> {
        let mut redis = self.client();
        let mine: u64 = redis::cmd("CLIENT").arg("ID").query(&mut redis).unwrap();
        let list: String =
            redis::cmd("CLIENT").arg("LIST").arg("TYPE").arg("normal").query(&mut redis).unwrap();
        let id = |line: &str| line.strip_prefix("id=")?.split(' ').next()?.parse().ok();
        list.lines().filter_map(id).filter(|id| *id != mine).max()
    }

    /// How often we called it since it started: looks, and scripts.
    pub fn calls(&self) -> u64 {
        let info: String = redis::cmd("INFO").arg("commandstats").query(&mut self.client()).unwrap();
        let calls = |name: &str| -> u64 {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":calls="));
            line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
        };
        calls("cmdstat_getex") + calls("cmdstat_evalsha") + calls("cmdstat_eval")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn test_name() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

/// A process that is over already.
fn nobody() -> Child {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child
}

/// Below the range from which the system gives ports to clients, so that nobody takes it while the
/// server is down.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 2000) as u16;
    loop {
        let port = 30_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 2000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Asserts that a call was refused by the store itself, in time: 300 ms are promised and measured by the bench, here a
/// busy machine is forgiven.
pub fn down<T: std::fmt::Debug>(answer: Result<T, SessionError>, start: Instant, why: StoreDown) {
    assert_eq!(answer.unwrap_err(), SessionError::Store(why));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "{why:?} took {took:?}");
}
