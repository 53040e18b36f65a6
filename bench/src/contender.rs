//! Who races, how is each started, and which requests does it get? The services as in production, the
//! rivals as their own documentation shows them; everybody the nearest equal of the same three calls.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::http::{self, request};
use crate::load;
use crate::process::Process;
use crate::redis::Redis;

/// Sessions one account of the services may hold.
const SESSIONS_PER_ACCOUNT: usize = 20;
/// Logins on their way at once: more than a service hashes for at once, fewer than it turns away.
const LOGINS_AT_ONCE: usize = 8;
/// Signs the services' tokens; for this race and no other use.
const KEYS: &str = "bench:YSBzZWNyZXQgZm9yIHRoaXMgcmFjZSBhbmQgbm8gb3RoZXIgdXNl";
const PASSWORD: &str = "correct horse battery staple";

/// Everyone who races, in the order in which they take their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Contender {
    /// axum and a hash map: the limit.
    Bare,
    /// The same on one thread, as the services run; in no promise, to compare with.
    BareOneThread,
    /// The least that promises what our twin with its own memory promises; to compare with.
    PromisesMemory,
    /// tower-sessions, memory store.
    TowerMemory,
    /// Our twin that keeps sessions in its own memory.
    Stateful,
    /// tower-sessions, Redis store.
    TowerRedis,
    /// actix-session, Redis store.
    ActixRedis,
    /// Our twin that keeps sessions in Redis.
    Stateless,
    /// The least that a signed token and a plain `GET` or `SET` cost; in no promise, to compare with.
    Floor,
    /// The same with a script, as a check and an act in one step need it.
    FloorScript,
    /// The least that promises what our twin with Redis promises; to compare with.
    PromisesRedis,
}

use Contender::{
    ActixRedis, Bare, BareOneThread, Floor, FloorScript, PromisesMemory, PromisesRedis, Stateful, Stateless,
    TowerMemory, TowerRedis,
};

impl Contender {
    /// The name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Bare => "bare axum, a hash map",
            BareOneThread => "the same on one thread",
            PromisesMemory => "floor: what stateful-svc promises",
            TowerMemory => "tower-sessions, memory",
            Stateful => "**stateful-svc**",
            TowerRedis => "tower-sessions, Redis",
            ActixRedis => "actix-session, Redis",
            Stateless => "**stateless-svc**",
            Floor => "floor: a signed token and a GET",
            FloorScript => "floor: a signed token and a script",
            PromisesRedis => "floor: what stateless-svc promises",
        }
    }

    /// Does it keep its sessions in Redis?
    pub fn uses_redis(self) -> bool {
        matches!(self, TowerRedis | ActixRedis | Stateless | Floor | FloorScript | PromisesRedis)
    }

    /// Is it somebody's choice, and not only there to compare with?
    pub fn is_a_choice(self) -> bool {
        !matches!(self, BareOneThread | PromisesMemory | Floor | FloorScript | PromisesRedis)
    }

    fn is_service(self) -> bool {
        matches!(self, Stateful | Stateless)
    }

    fn binary(self) -> &'static str {
        match self {
            Bare | BareOneThread => "bare",
            TowerMemory => "tower-memory",
            Stateful => "stateful-svc",
            TowerRedis => "tower-redis",
            ActixRedis => "actix-redis",
            Stateless => "stateless-svc",
            Floor | FloorScript => "floor",
            PromisesMemory => "promises-memory",
            PromisesRedis => "promises-redis",
        }
    }

    /// The request that asks who is logged in.
    pub fn read(self, credential: &str) -> Vec<u8> {
        request("GET", "/session", credential, None)
    }

    /// The request that sets a line of the cart.
    pub fn write(self, credential: &str, quantity: u32) -> Vec<u8> {
        if self.is_service() {
            let body = format!(r#"{{"quantity":{quantity}}}"#);
            request("PUT", "/cart/items/book", credential, Some(&body))
        } else {
            let body = format!(r#"{{"sku":"book","quantity":{quantity}}}"#);
            request("PUT", "/cart/items", credential, Some(&body))
        }
    }

    /// The request that shows the cart. Most rivals hold nothing else in a session.
    pub fn cart(self, credential: &str) -> Vec<u8> {
        let path = if self.is_service() || matches!(self, PromisesMemory | PromisesRedis) {
            "/cart"
        } else {
            "/session"
        };
        request("GET", path, credential, None)
    }
}

/// Where the release binaries are.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The services'.
    pub services: PathBuf,
    /// The rivals'.
    pub peers: PathBuf,
}

/// A contender that is up, with its private Redis if it needs one.
#[derive(Debug)]
pub struct Running {
    /// Who it is.
    pub contender: Contender,
    /// Its process.
    pub process: Process,
    /// Its Redis.
    pub redis: Option<Redis>,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Running {
    /// Starts it in an empty folder of its own and waits until it listens and is ready.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start(contender: Contender, binaries: &Binaries, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let redis = contender.uses_redis().then(|| Redis::start(folder)).transpose()?;
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let (process, address) = launch(contender, binaries, folder, redis.as_ref(), any_port)?;
        let running = Running { contender, process, redis, address };
        if contender.is_service() {
            running.wait_until_ready()?;
        }
        Ok(running)
    }

    /// Starts the process anew where the one that stopped was listening.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn launch_again(&mut self, binaries: &Binaries, folder: &Path) -> Result<()> {
        let again = launch(self.contender, binaries, folder, self.redis.as_ref(), self.address)?;
        (self.process, self.address) = again;
        Ok(())
    }

    /// Asks `/readyz` until it says yes.
    ///
    /// # Errors
    /// If it does not within a few seconds.
    pub fn wait_until_ready(&self) -> Result<()> {
        let question = request("GET", "/readyz", "", None);
        let started = std::time::Instant::now();
        loop {
            match http::ask(self.address, &question).and_then(http::Answer::success) {
                Ok(_) => return Ok(()),
                Err(error) if started.elapsed() > crate::process::PATIENCE => {
                    return Err(error).with_context(|| format!("{} is not ready", self.contender.binary()));
                }
                Err(_) => std::thread::sleep(std::time::Duration::from_micros(200)),
            }
        }
    }

    /// Makes the accounts that `clients` sessions need; the rivals have none.
    ///
    /// # Errors
    /// If one is refused.
    pub fn register(&self, clients: usize) -> Result<()> {
        if !self.contender.is_service() {
            return Ok(());
        }
        let accounts = clients.div_ceil(SESSIONS_PER_ACCOUNT);
        let requests: Vec<_> =
            (0..accounts).map(|at| request("POST", "/accounts", "", Some(&who(at)))).collect();
        load::each_once(self.address, LOGINS_AT_ONCE, &requests).context("making accounts")?;
        Ok(())
    }

    /// Logs each of these clients in and returns what it sends from now on.
    ///
    /// # Errors
    /// If a login is refused.
    pub fn log_in(&self, clients: Range<usize>) -> Result<Vec<String>> {
        let requests: Vec<_> = clients.map(|client| self.login(client)).collect();
        let answers = load::each_once(self.address, LOGINS_AT_ONCE, &requests).context("logging in")?;
        answers.iter().map(http::Answer::credential).collect()
    }

    /// The request that logs this client in.
    pub fn login(&self, client: usize) -> Vec<u8> {
        if self.contender.is_service() {
            request("POST", "/session", "", Some(&who(client / SESSIONS_PER_ACCOUNT)))
        } else {
            request("POST", "/login", "", None)
        }
    }

    /// Puts one book into the cart of each.
    ///
    /// # Errors
    /// If one is refused.
    pub fn put_a_book_in_each_cart(&self, credentials: &[String]) -> Result<()> {
        let requests: Vec<_> = credentials.iter().map(|who| self.contender.write(who, 1)).collect();
        load::each_once(self.address, LOGINS_AT_ONCE, &requests).context("putting books into carts")?;
        Ok(())
    }
}

fn launch(
    contender: Contender,
    binaries: &Binaries,
    folder: &Path,
    redis: Option<&Redis>,
    listen: SocketAddr,
) -> Result<(Process, SocketAddr)> {
    let folder_of = if contender.is_service() { &binaries.services } else { &binaries.peers };
    let mut command = Command::new(folder_of.join(contender.binary()));
    // What happens to be set on this machine must not decide a race.
    command.env_clear();
    if contender.is_service() {
        let database = format!("sqlite:{}", folder.join("accounts.db").display());
        command.env("LAB_KEYS", KEYS).args(["--password-cost", "lab", "--database", &database]);
        command.args(["--listen", &listen.to_string()]);
    }
    if contender == BareOneThread {
        command.arg("--one-thread");
    }
    if let Some(redis) = redis {
        if contender.is_service() {
            command.arg("--store");
        }
        command.arg(redis.url());
    }
    if contender == FloorScript {
        command.arg("--script");
    }
    let mut process = Process::spawn(command, &folder.join("stderr.log"))?;
    let address = process.listening_on().with_context(|| format!("starting {}", contender.binary()))?;
    Ok((process, address))
}

fn who(account: usize) -> String {
    format!(r#"{{"name":"client-{account}","password":"{PASSWORD}"}}"#)
}
