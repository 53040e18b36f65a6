//! What is a column of the table, and how does a row get a service of its own in it?

use std::sync::Arc;
use std::time::Duration;

use chaos::contract::Site;
use chaos::contract::answer::Answer;
use chaos::contract::call::Call;
use chaos::contract::site::Guest;
use chaos::driver::{Driver, EXIT_WITHIN, LabSpec, Replica, StoreWish};
use chaos::gates::{self, Held, Point};
use chaos::http::NoAnswer;
use chaos::service::{self, Service, Twin};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::postgres::Postgres;
use crate::skip::skip;

/// A replica that is started is ready within this, also on a busy machine.
pub const READY_WITHIN: Duration = Duration::from_secs(10);

/// A request reaches its gate within this.
const HELD_WITHIN: Duration = Duration::from_secs(5);

/// The keys of every service here, so that rows can sign tokens of their own.
pub const KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// One service with one session store and one database. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Column {
    pub name: &'static str,
    pub twin: Twin,
    pub store: StoreWish,
    pub postgres: Option<Arc<Postgres>>,
}

impl Column {
    pub fn stateful() -> Self {
        Column { name: "stateful", twin: Twin::Stateful, store: StoreWish::Auto, postgres: None }
    }

    /// `None`, said aloud, where there is no Redis.
    pub fn stateless_with_redis() -> Option<Self> {
        if !redis_is_installed() {
            skip("stateless with Redis", "there is no redis-server (apt-get install redis-server)");
            return None;
        }
        let name = "stateless with Redis";
        Some(Column { name, twin: Twin::Stateless, store: StoreWish::Redis, postgres: None })
    }

    pub fn stateless_with_a_file() -> Self {
        let name = "stateless with a file";
        Column { name, twin: Twin::Stateless, store: StoreWish::Embedded, postgres: None }
    }

    /// The same, on Postgres.
    pub fn on(mut self, server: Postgres) -> Self {
        self.postgres = Some(Arc::new(server));
        self
    }

    pub fn has_redis(&self) -> bool {
        self.store == StoreWish::Redis
    }

    /// For rows about the table in the process's memory: they need no second database to say the same.
    pub fn is_stateful_on_sqlite(&self) -> bool {
        self.twin == Twin::Stateful && self.postgres.is_none()
    }

    /// The service, with keys we know.
    pub fn service(&self) -> Service {
        let service = match self.twin {
            Twin::Stateful => service::stateful(),
            Twin::Stateless => service::stateless(),
        };
        service.with_env("LAB_KEYS", KEYS)
    }

    /// What a lab of this column is made of, with one replica.
    pub fn spec(&self, service: Service) -> LabSpec {
        let mut spec = LabSpec::new(vec![service]);
        spec.replicas = 1;
        spec.store = self.store;
        spec.database = self.postgres.as_ref().map(|server| server.new_database());
        spec
    }

    /// A lab with one replica.
    pub async fn lab(&self) -> anyhow::Result<Lab> {
        Lab::start(self.spec(self.service())).await
    }

    /// A lab with two replicas.
    pub async fn pair(&self) -> anyhow::Result<Lab> {
        let mut spec = self.spec(self.service());
        spec.replicas = 2;
        Lab::start(spec).await
    }

    /// A lab whose service is told more.
    pub async fn lab_with<const N: usize>(&self, args: [&str; N]) -> anyhow::Result<Lab> {
        Lab::start(self.spec(self.service().with_args(args))).await
    }
}

/// A lab that one row has for itself. It is gone when this is dropped.
pub struct Lab {
    pub driver: Driver,
    pub replicas: Vec<Replica>,
}

impl Lab {
    pub async fn start(spec: LabSpec) -> anyhow::Result<Lab> {
        let service = spec.services[0].name.clone();
        let driver = Driver::start(&spec).await?;
        let replicas = driver.replicas(&service).to_vec();
        Ok(Lab { driver, replicas })
    }

    /// The first replica.
    pub fn site(&self) -> Site {
        Site::new(&self.replicas[0].url)
    }

    /// The second replica.
    pub fn sibling(&self) -> Site {
        Site::new(&self.replicas[1].url)
    }

    /// One guest with one session, who asks one replica or the other.
    pub async fn guest_at_both(&self) -> anyhow::Result<[Guest; 2]> {
        let here = self.site().guest().await?;
        Ok([here.clone(), Guest { site: self.sibling(), ..here }])
    }

    /// The first replica's name.
    pub fn name(&self) -> &str {
        &self.replicas[0].name
    }

    /// Ends the first replica at once and waits until it is gone.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.driver.kill(self.name()).await?;
        self.gone().await
    }

    /// Asks the first replica to end and waits until it has.
    pub async fn terminate(&self) -> anyhow::Result<()> {
        self.driver.terminate(self.name()).await?;
        self.gone().await
    }

    async fn gone(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.driver.gone(self.name(), EXIT_WITHIN).await?, "it did not exit");
        Ok(())
    }

    /// Starts the first replica again and waits until it is ready.
    pub async fn start_again(&self) -> anyhow::Result<()> {
        self.driver.start_again(self.name()).await?;
        self.driver.ready(self.name(), READY_WITHIN).await?;
        Ok(())
    }

    /// Sends a call and returns when it is held at `point`.
    pub async fn hold(&self, call: Call, point: Point) -> anyhow::Result<InFlight> {
        let id = Uuid::new_v4();
        let armed = gates::arm(&self.replicas, id, point).await?;
        let mut answer = tokio::spawn(call.id(id).send_into_trouble());
        tokio::select! {
            held = armed.held(HELD_WITHIN) => {
                let held = held?.ok_or_else(|| anyhow::anyhow!("the request was not held at {point:?}"))?;
                Ok(InFlight { held, answer })
            }
            // What it says is the reason: a store that was too slow just now, perhaps, and then it is asked again.
            passed = &mut answer => {
                let seen = passed??.map_or_else(|none| none.to_string(), |answer| answer.summary());
                anyhow::bail!("expected to be held at {point:?}, saw {seen}")
            }
        }
    }
}

/// A request that is held half way.
pub struct InFlight {
    pub held: Held,
    answer: JoinHandle<Result<Result<Answer, NoAnswer>, chaos::contract::Deviation>>,
}

impl InFlight {
    /// Lets it go on; its answer must come.
    pub async fn finish(self) -> anyhow::Result<Answer> {
        self.held.release().await?;
        Ok(self.answer.await???)
    }

    /// Its process was killed: the connection breaks, and no answer comes.
    pub async fn broken(self) -> anyhow::Result<()> {
        match self.answer.await?? {
            Err(NoAnswer::Reset) => Ok(()),
            Err(other) => anyhow::bail!("expected a broken connection, saw {other}"),
            Ok(answer) => anyhow::bail!("expected a broken connection, saw {}", answer.summary()),
        }
    }
}

/// Somebody who goes on after the first replica was restarted: with the same session where it survived,
/// with a new one, and the cart filled again, where it did not.
pub async fn back_again(column: &Column, site: &Site, guest: &Guest) -> anyhow::Result<Guest> {
    let same = Guest { site: site.clone(), ..guest.clone() };
    if column.twin == Twin::Stateless {
        return Ok(same);
    }
    let guest = site.login(&guest.account).await?;
    guest.shop().await?;
    Ok(guest)
}

fn redis_is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    folders.any(|folder| folder.join("redis-server").is_file() || folder.join("valkey-server").is_file())
}
