//! How is something done to a lab, and to what?
//!
//! A driver starts a lab and obeys a closed set of verbs; the faults are made of these verbs and know
//! nothing of processes or containers. Only what a driver or compose has started as a lab can be a target.

pub mod spec;
pub mod verb;
pub mod keys;
pub mod local;
pub mod docker;
pub mod swarm;
pub mod status;
pub mod ready;
pub mod redis;
pub mod postgres;
pub mod gateway;
pub mod healing;

use std::time::Duration;

use anyhow::{Context, anyhow, bail};

pub use healing::Healing;
pub use ready::Ready;
pub use spec::{DriverName, LabSpec, StoreWish, Target};
pub use verb::{Done, Ending, Verb};

pub use crate::state::{Replica, Store};

use crate::gates;
use crate::state::LabState;
use docker::Docker;
use local::Local;

/// What `chaos up` calls its lab if nobody says otherwise.
pub const DEFAULT_LAB: &str = "lab";

/// How long a lab may take until everything in it is ready. A laptop under load needs some of it.
pub const READY_WITHIN: Duration = Duration::from_secs(15);

/// How long a process may take from SIGTERM to its exit: the services give up waiting for open requests
/// after 10 s.
pub const EXIT_WITHIN: Duration = Duration::from_secs(12);

/// How things are done here. A closed set: what can drive a lab is decided in this file.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each lab, and it stays where it is")]
pub enum Driver {
    /// Child processes of this tool, or of the `chaos up` this one is attached to.
    Local(Local),
    /// Containers in the Docker engine, of this tool's own or of a compose project.
    Docker(Docker),
}

impl Driver {
    /// Starts a lab and returns when every replica is ready, and in rotation if there is a gateway.
    ///
    /// # Errors
    /// What did not start, with the last lines it logged, or did not get ready, with what it answered. Nothing is
    /// left behind then.
    pub async fn start(spec: &LabSpec) -> anyhow::Result<Driver> {
        let driver = match spec.driver {
            DriverName::Local => Driver::Local(Local::start(spec).await?),
            DriverName::Docker => Driver::Docker(Docker::start(spec).await?),
        };
        let ready = driver.all_ready(READY_WITHIN).await;
        ready.context("the lab did not become ready (chaos doctor looks for the cause)")?;
        driver.all_in_rotation(READY_WITHIN).await?;
        Ok(driver)
    }

    /// Joins the lab of this name that a `chaos up` runs, or compose.
    ///
    /// # Errors
    /// If there is none, or not all of it.
    pub async fn attach(kind: DriverName, name: &str) -> anyhow::Result<Driver> {
        Ok(match kind {
            DriverName::Local => Driver::Local(Local::attach(name).await?),
            DriverName::Docker => Driver::Docker(Docker::attach(name).await?),
        })
    }

    /// Joins the lab that is named, or starts one; either keeps its logs where the spec says.
    ///
    /// # Errors
    /// As [`Driver::attach`] and [`Driver::start`].
    pub async fn join_or_start(named: Option<&str>, spec: &LabSpec) -> anyhow::Result<Driver> {
        let Some(name) = named else { return Driver::start(spec).await };
        let mut lab = Driver::attach(spec.driver, name).await?;
        if let Some(folder) = &spec.keep_logs_in {
            lab.keep_logs_in(folder);
        }
        Ok(lab)
    }

    /// The name of the lab that is meant where nobody names one: the one that is up. `None`: none is.
    ///
    /// # Errors
    /// If nobody says which of several.
    pub async fn lab_that_is_up(kind: DriverName) -> anyhow::Result<Option<String>> {
        match kind {
            DriverName::Local => local::the_one_that_is_up(),
            DriverName::Docker => docker::attach::only_one().await,
        }
    }

    /// What the lab runs on.
    pub fn kind(&self) -> DriverName {
        match self {
            Driver::Local(_) => DriverName::Local,
            Driver::Docker(_) => DriverName::Docker,
        }
    }

    /// The lab as it was when this driver started or joined it. Addresses never change.
    pub fn lab(&self) -> &LabState {
        match self {
            Driver::Local(local) => local.lab(),
            Driver::Docker(docker) => docker.lab(),
        }
    }

    /// Does one thing to the lab.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub async fn order(&self, verb: Verb) -> anyhow::Result<Done> {
        match self {
            Driver::Local(local) => local.obey(verb).await,
            Driver::Docker(docker) => docker.obey(verb).await,
        }
    }

    fn why_no_gateway(&self) -> String {
        match self {
            Driver::Local(_) => {
                let replicas = self.lab().replicas.values().next().map_or(0, Vec::len);
                local::haproxy::why_none(replicas)
            }
            Driver::Docker(docker) => docker.why_no_gateway(),
        }
    }

    /// Ends the lab, if it is this tool's own, and leaves nothing behind. Only then; one that another
    /// tool runs stays up.
    pub async fn stop(self) {
        match self {
            Driver::Local(local) => local.stop().await,
            Driver::Docker(docker) => docker.stop().await,
        }
    }

    /// The box with the database of accounts and orders, where the lab has started one.
    pub fn sql(&self) -> Option<&str> {
        match self {
            Driver::Local(_) => None,
            Driver::Docker(docker) => docker.sql(),
        }
    }

    /// How the system itself calls a frozen process: the word that proves a pause.
    pub fn frozen_word(&self) -> &'static str {
        match self {
            Driver::Local(_) => "in state T (stopped)",
            Driver::Docker(_) => "Paused, by the engine's word,",
        }
    }

    /// What must be said of how a process came back, beside that it did.
    pub fn who_brought_it_back(&self) -> &'static str {
        match self {
            Driver::Local(_) => "",
            Driver::Docker(_) => {
                "; chaos started it: to the engine a signal through its API is a stop by hand, and `restart: \
                 unless-stopped` leaves it down"
            }
        }
    }

    /// From now on the logs of a lab that another tool has started are kept here too, until it is left.
    pub fn keep_logs_in(&mut self, folder: &std::path::Path) {
        match self {
            // Its owner keeps them.
            Driver::Local(_) => {}
            Driver::Docker(docker) => docker.keep_logs_in(folder),
        }
    }
}

// What is the same whoever drives.
impl Driver {
    /// The replicas of a service, in order; none if the lab does not run it.
    pub fn replicas(&self, service: &str) -> &[Replica] {
        self.lab().replicas.get(service).map_or(&[], Vec::as_slice)
    }

    /// The names of the services in this lab.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.lab().replicas.keys().map(String::as_str)
    }

    /// One replica, by its name.
    ///
    /// # Errors
    /// If there is none of this name: which there are.
    pub fn replica(&self, name: &str) -> anyhow::Result<&Replica> {
        self.all_replicas().find(|replica| replica.name == name).with_context(|| {
            let known: Vec<&str> = self.all_replicas().map(|replica| replica.name.as_str()).collect();
            format!("there is no replica {name:?} in this lab; there are {}", known.join(", "))
        })
    }

    /// Every replica of every service.
    pub fn all_replicas(&self) -> impl Iterator<Item = &Replica> {
        self.lab().replicas.values().flatten()
    }

    /// Where sessions live that are kept outside, and why there.
    pub fn store(&self) -> &Store {
        &self.lab().store
    }

    /// What `word` means as a target: a service, a replica, `redis`, or `sql`.
    ///
    /// # Errors
    /// If it means nothing in this lab: what would, or why not.
    pub fn target(&self, word: &str) -> anyhow::Result<Target> {
        if word == "redis" {
            self.redis_url()?;
            return Ok(Target::Redis);
        }
        if word == "sql" || word == "postgres" {
            if let Some(name) = self.sql() {
                return Ok(Target::Sql(name.to_owned()));
            }
            bail!(
                "the lab did not start a database, so it cannot be a target: accounts and orders are in \
                 an SQLite file inside each service, or in a database that is not the lab's own"
            );
        }
        if !self.replicas(word).is_empty() {
            return Ok(Target::Service(word.to_owned()));
        }
        match self.all_replicas().find(|replica| replica.name == word) {
            Some(replica) => {
                Ok(Target::Replica { service: replica.service.clone(), replica: word.to_owned() })
            }
            None => {
                let known: Vec<&str> = self.services().chain(self.single_targets()).collect();
                bail!("there is no target {word:?} in this lab; there are {}", known.join(", "))
            }
        }
    }

    /// The words for all that can be hit by itself: each replica, Redis and the database where the lab has them.
    pub fn single_targets(&self) -> Vec<&str> {
        let replicas = self.all_replicas().map(|replica| replica.name.as_str());
        replicas.chain(self.redis_url().is_ok().then_some("redis")).chain(self.sql().map(|_| "sql")).collect()
    }

    /// Undoes whatever is still in force, starts what is down, and returns when everything is ready. Says
    /// what had to be done.
    ///
    /// # Errors
    /// What would not come back, and what was done all the same.
    pub async fn heal(&self) -> anyhow::Result<Vec<String>> {
        let done = self.heal_what_is_there().await?;
        let ready = async {
            self.all_ready(READY_WITHIN).await?;
            self.all_in_rotation(READY_WITHIN).await
        };
        let mut healing = Healing::default();
        healing.note(Ok(done));
        healing.note(ready.await.map(|()| None));
        healing.outcome()
    }

    /// As [`Driver::heal`], and does not wait until everything is ready: what is not there would be waited for.
    ///
    /// # Errors
    /// As [`Driver::heal`].
    pub async fn heal_what_is_there(&self) -> anyhow::Result<Vec<String>> {
        let mut healing = Healing::default();
        healing.note(match self.order(Verb::Heal).await {
            Ok(Done::Healed(done)) => Ok(done),
            Ok(other) => Err(anyhow!("asked for healing and was told {other:?}")),
            Err(error) => Err(error),
        });
        healing.note(Ok(self.back_in_rotation().await));
        healing.outcome()
    }

    /// Puts back whoever was taken out of rotation and has not been restarted since.
    async fn back_in_rotation(&self) -> Vec<String> {
        let mut done = Vec::new();
        if self.lab().gateway.is_some() {
            for replica in self.all_replicas() {
                // One that cannot be told so was never taken out.
                if let Ok(false) = gates::rotate(replica, true).await {
                    done.push(format!("{} was out of rotation and is in again", replica.name));
                }
            }
        }
        done
    }
}
