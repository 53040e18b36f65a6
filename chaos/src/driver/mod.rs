//! How is something done to a lab, and to what?
//!
//! A driver starts a lab and obeys a closed set of verbs; the faults are made of these verbs and know
//! nothing of processes or containers. Only what a driver has started can be a target.

pub mod spec;
pub mod verb;
pub mod local;
pub mod ready;
pub mod redis;
pub mod gateway;

use std::time::Duration;

use anyhow::{Context, bail};

pub use ready::Ready;
pub use spec::{LabSpec, StoreWish, Target};
pub use verb::{Done, Verb};

pub use crate::state::{Replica, Store};

use crate::gates;
use crate::state::LabState;
use local::Local;

/// How long a lab may take until everything in it is ready. A laptop under load needs some of it.
pub const READY_WITHIN: Duration = Duration::from_secs(15);

/// How long a process may take from SIGTERM to its exit: the services give up waiting for open requests
/// after 10 s.
pub const EXIT_WITHIN: Duration = Duration::from_secs(12);

/// How things are done here. A closed set: what can drive a lab is decided in this file.
#[derive(Debug)]
pub enum Driver {
    /// Child processes of this tool, or of the `chaos up` this one is attached to.
    Local(Local),
}

impl Driver {
    /// Starts a lab and returns when every replica is ready, and in rotation if there is a gateway.
    ///
    /// # Errors
    /// What did not start, with the last lines it logged. Nothing is left behind then.
    pub async fn start(spec: &LabSpec) -> anyhow::Result<Driver> {
        let driver = Driver::Local(Local::start(spec).await?);
        driver.all_ready(READY_WITHIN).await?;
        driver.all_in_rotation(READY_WITHIN).await?;
        Ok(driver)
    }

    /// Joins the lab of this name that a `chaos up` runs.
    ///
    /// # Errors
    /// If there is none.
    pub async fn attach(name: &str) -> anyhow::Result<Driver> {
        Ok(Driver::Local(Local::attach(name).await?))
    }

    /// Joins the lab of this name if a `chaos up` runs one.
    ///
    /// # Errors
    /// If one is up and cannot be spoken to.
    pub async fn attach_if_up(name: &str) -> anyhow::Result<Option<Driver>> {
        if local::is_up(name)? { Ok(Some(Driver::attach(name).await?)) } else { Ok(None) }
    }

    /// The lab as it was when this driver started or joined it. Addresses never change.
    pub fn lab(&self) -> &LabState {
        match self {
            Driver::Local(local) => local.lab(),
        }
    }

    /// Does one thing to the lab.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub async fn order(&self, verb: Verb) -> anyhow::Result<Done> {
        match self {
            Driver::Local(local) => local.obey(verb).await,
        }
    }

    fn why_no_gateway(&self) -> String {
        match self {
            Driver::Local(_) => {
                let replicas = self.lab().replicas.values().next().map_or(0, Vec::len);
                local::haproxy::why_none(replicas)
            }
        }
    }

    /// Ends the lab, if it is this tool's own, and leaves nothing behind. Only then; one that another
    /// tool runs stays up.
    pub async fn stop(self) {
        match self {
            Driver::Local(local) => local.stop().await,
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

    /// What `word` means as a target: a service, a replica, or `redis`.
    ///
    /// # Errors
    /// If it means nothing in this lab: what would, or why not.
    pub fn target(&self, word: &str) -> anyhow::Result<Target> {
        if word == "redis" {
            self.redis_url()?;
            return Ok(Target::Redis);
        }
        if word == "sql" {
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
                let mut known: Vec<&str> = self.services().collect();
                known.extend(self.all_replicas().map(|replica| replica.name.as_str()));
                known.extend(self.redis_url().is_ok().then_some("redis"));
                bail!("there is no target {word:?} in this lab; there are {}", known.join(", "))
            }
        }
    }

    /// Undoes whatever is still in force, starts what is down, and returns when everything is ready. Says
    /// what had to be done.
    ///
    /// # Errors
    /// What would not come back.
    pub async fn heal(&self) -> anyhow::Result<Vec<String>> {
        let Done::Healed(mut done) = self.order(Verb::Heal).await? else {
            bail!("asked for healing and was told something else");
        };
        done.extend(self.back_in_rotation().await);
        self.all_ready(READY_WITHIN).await?;
        self.all_in_rotation(READY_WITHIN).await?;
        Ok(done)
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
