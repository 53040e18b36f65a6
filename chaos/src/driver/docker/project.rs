//! What is known of a lab's containers, whoever has started them? What the engine says, and nothing else: no
//! file of ours is needed to find them again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use bollard::Docker as Engine;
use bollard::models::{ContainerInspectResponse, ContainerState};
use jiff::Timestamp;

use super::compose::Published;
use super::engine::plain;
use super::labels::Role;
use crate::state::{self, Condition, Entries, Gateway, LabState, ProcessState, Replica, Store};

/// Where things answer inside their containers.
mod inside {
    pub const SERVICE: u16 = 8080;
    pub const GATES: u16 = 9090;
    pub const REDIS: u16 = 6379;
    pub const POSTGRES: u16 = 5432;
    pub const STATS: u16 = 8404;
    /// Of the gateway: in turns and sticky, for each service.
    pub const ENTRIES: [(&str, u16, u16); 2] = [("stateful", 8081, 8082), ("stateless", 8083, 8084)];
}

/// Which runs of which containers this tool has asked to end: the container's name, and since when it ran. A global,
/// because the driver of a command that is interrupted is gone when its lab is healed.
static TOLD_TO_END: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

/// The containers of one lab, and the engine they live in.
#[derive(Debug)]
pub struct Project {
    /// Whom to ask.
    pub engine: Engine,
    /// The lab's name, which is compose's project.
    pub name: String,
    /// Its boxes, by name.
    pub boxes: BTreeMap<String, Boxed>,
    /// The key ring that a service's replicas get at their next start, if it is not the one they have.
    pub(super) rings: Mutex<BTreeMap<String, String>>,
}

/// One box. It keeps its name and its ports, whatever happens to its container.
#[derive(Debug, Clone)]
pub struct Boxed {
    /// The name of its container.
    pub container: String,
    /// What it is to the lab.
    pub role: Role,
    /// Where it answers.
    pub ports: Vec<Published>,
}

impl Boxed {
    /// Where on this machine one of its ports answers.
    fn address(&self, inside: u16) -> Option<String> {
        let port = self.ports.iter().find(|port| port.inside == inside)?;
        Some(format!("127.0.0.1:{}", port.host))
    }

    /// Where its Postgres answers.
    pub fn postgres(&self) -> Option<String> {
        self.address(inside::POSTGRES)
    }
}

impl Project {
    /// The project with these boxes.
    pub fn new(engine: Engine, name: &str, boxes: BTreeMap<String, Boxed>) -> Project {
        Project { engine, name: name.to_owned(), boxes, rings: Mutex::default() }
    }

    /// One of its boxes.
    ///
    /// # Errors
    /// If it has none of this name: a container without our labels is nobody's target.
    pub fn boxed(&self, name: &str) -> anyhow::Result<&Boxed> {
        self.boxes.get(name).with_context(|| {
            let known: Vec<&str> = self.boxes.keys().map(String::as_str).collect();
            format!(
                "the lab {:?} has no box {name:?} with our labels, and nothing else is touched; it has {}",
                self.name,
                known.join(", ")
            )
        })
    }

    /// What the engine knows of a box.
    ///
    /// # Errors
    /// If it has no container any more.
    pub async fn inspect(&self, name: &str) -> anyhow::Result<ContainerInspectResponse> {
        let container = &self.boxed(name)?.container;
        let found = self.engine.inspect_container(container, None).await;
        found.map_err(plain).with_context(|| format!("looking at {container}"))
    }

    /// How a box is.
    ///
    /// # Errors
    /// As [`Project::inspect`].
    pub async fn state_of(&self, name: &str) -> anyhow::Result<ContainerState> {
        Ok(self.inspect(name).await?.state.unwrap_or_default())
    }

    /// The names of all boxes, stores before what needs them, and the gateway last.
    pub fn stores_first(&self) -> Vec<String> {
        let mut names: Vec<String> = self.boxes.keys().cloned().collect();
        names.sort_by_key(|name| match self.boxes.get(name).map(|boxed| &boxed.role) {
            Some(Role::Redis | Role::Postgres) => 0,
            Some(Role::Replica { .. }) => 1,
            Some(Role::Gateway) | None => 2,
        });
        names
    }

    /// Remembers that this run of a box was asked to end.
    pub(super) fn told_to_end(&self, name: &str, state: &ContainerState) {
        lock(&TOLD_TO_END).extend(self.run_of(name, state));
    }

    /// Whether this run of a box was asked to end.
    pub(super) fn was_told_to_end(&self, name: &str, state: &ContainerState) -> bool {
        self.run_of(name, state).is_some_and(|run| lock(&TOLD_TO_END).contains(&run))
    }

    fn run_of(&self, name: &str, state: &ContainerState) -> Option<(String, String)> {
        Some((self.boxes.get(name)?.container.clone(), state.started_at.clone()?))
    }

    /// The lab, as far as it does not change while it is up.
    ///
    /// # Errors
    /// If a box does not publish the port it must answer on.
    pub fn describe(&self, logs: PathBuf) -> anyhow::Result<LabState> {
        let mut replicas: BTreeMap<String, Vec<Replica>> = BTreeMap::new();
        let why = "sessions that live outside are in no store: no service here needs one".to_owned();
        let (mut store, mut gateway) = (Store::Embedded { why }, None);
        for (name, boxed) in &self.boxes {
            let at = |inside: u16| {
                let address = boxed.address(inside);
                address.with_context(|| format!("{name} does not publish its port {inside} on 127.0.0.1"))
            };
            match &boxed.role {
                Role::Replica { service } => replicas.entry(service.clone()).or_default().push(Replica {
                    name: name.clone(),
                    service: service.clone(),
                    url: format!("http://{}", at(inside::SERVICE)?),
                    gates: boxed.address(inside::GATES).map(|address| format!("http://{address}")),
                }),
                Role::Redis => {
                    let why = "sessions that live outside are in the lab's own Redis, in a container";
                    let url = format!("redis://{}", at(inside::REDIS)?);
                    store = Store::Redis { url, why: why.to_owned() };
                }
                Role::Postgres => {}
                Role::Gateway => {
                    let mut entries = BTreeMap::new();
                    for (service, in_turn, sticky) in inside::ENTRIES {
                        let at = |inside| at(inside).map(|address| format!("http://{address}"));
                        let both = Entries { round_robin: at(in_turn)?, sticky: at(sticky)? };
                        entries.insert(service.to_owned(), both);
                    }
                    let stats = format!("http://{}", at(inside::STATS)?);
                    gateway = Some(Gateway { stats, entries });
                }
            }
        }
        // The gateway has entries for services that this lab may not run.
        if let Some(gateway) = &mut gateway {
            gateway.entries.retain(|service, _| replicas.contains_key(service));
        }
        let blank =
            ProcessState { id: None, condition: Condition::Up, restarts: 0, started_at: Timestamp::now() };
        Ok(LabState {
            name: self.name.clone(),
            tool_pid: std::process::id().cast_signed(),
            machine_boot: state::machine_boot(),
            mark: String::new(),
            started_at: Timestamp::now(),
            store,
            logs,
            replicas,
            gateway,
            processes: self.boxes.keys().map(|name| (name.clone(), blank.clone())).collect(),
        })
    }
}

/// A thread that panicked left the value as it was before or after one change; both are fine.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
