//! What does the owner of a lab hold, and how does the lab end?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::Timestamp;
use nix::sys::signal::Signal;

use super::plan::{self, Plan};
use super::ports::Port;
use super::proc;
use super::process::{Recipe, Running};
use super::spawner::Spawner;
use crate::driver::LabSpec;
use crate::driver::keys::Ring;
use crate::state::folder::Folder;
use crate::state::{self, Condition, LabState, ProcessState};

/// Between two looks at something that nobody announces.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long a signal may take to show.
pub(super) const SIGNAL_WITHIN: Duration = Duration::from_secs(2);

/// A lab of this tool's own.
#[derive(Debug)]
pub struct Lab {
    path: PathBuf,
    pub(super) slots: BTreeMap<String, Slot>,
    pub(super) rings: Mutex<BTreeMap<String, Ring>>,
    pub(super) redis_data: Option<PathBuf>,
    state: Mutex<LabState>,
    pub(super) spawner: Spawner,
    _ports: Vec<Port>,
    // Taken when the lab ends; the folder goes with it.
    folder: Mutex<Option<Folder>>,
}

/// A place for one process.
#[derive(Debug)]
pub(super) struct Slot {
    /// How to start it; the keys are still to be filled in.
    pub recipe: Recipe,
    /// What it is to the lab.
    pub role: Role,
    /// What was last started here, dead or alive.
    pub running: Mutex<Option<Running>>,
    /// The keys that it was started with, if it is a replica.
    pub ring: Mutex<Option<Ring>>,
    /// Two who change the same process do it one after the other: of two who start it the second finds it running.
    pub turn: tokio::sync::Mutex<()>,
}

/// What a process is to its lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// A replica of this service, whose key ring it gets.
    Replica {
        /// Which.
        service: String,
    },
    /// The store of sessions that are kept outside.
    Redis,
    /// The load balancer in front of the replicas.
    Gateway,
}

impl Lab {
    /// Plans a lab in `folder` and writes down what it will be; no process has been started yet.
    ///
    /// # Errors
    /// If something is missing; see [`plan::plan`].
    pub fn new(spec: &LabSpec, name: &str, folder: Folder) -> anyhow::Result<Lab> {
        let mark = format!("{name}.{}", uuid::Uuid::new_v4().simple());
        let mark = ("CHAOS_LAB".to_owned(), mark);
        let Plan { store, logs, replicas, recipes, gateway, redis_data, ports, .. } =
            plan::plan(spec, folder.path(), &mark)?;
        let service_of: BTreeMap<&str, &str> =
            replicas.values().flatten().map(|r| (r.name.as_str(), r.service.as_str())).collect();
        let started_at = Timestamp::now();
        let blank = ProcessState { id: None, condition: Condition::Down, restarts: 0, started_at };
        let state = LabState {
            name: name.to_owned(),
            tool_pid: std::process::id().cast_signed(),
            machine_boot: state::machine_boot(),
            mark: format!("{}={}", mark.0, mark.1),
            started_at,
            store,
            logs,
            processes: recipes.iter().map(|recipe| (recipe.name.clone(), blank.clone())).collect(),
            replicas: replicas.clone(),
            gateway,
        };
        state.save(folder.path())?;
        let rings = replicas.keys().map(|service| Ok((service.clone(), Ring::draw()?)));
        let slots = recipes.into_iter().map(|recipe| {
            let role = match service_of.get(recipe.name.as_str()) {
                Some(service) => Role::Replica { service: (*service).to_owned() },
                None if recipe.name == "redis" => Role::Redis,
                None => Role::Gateway,
            };
            let (running, ring, turn) = (Mutex::default(), Mutex::default(), tokio::sync::Mutex::default());
            let slot = Slot { role, running, ring, turn, recipe };
            (slot.recipe.name.clone(), slot)
        });
        Ok(Lab {
            path: folder.path().to_owned(),
            slots: slots.collect(),
            rings: Mutex::new(rings.collect::<anyhow::Result<_>>()?),
            redis_data,
            state: Mutex::new(state),
            spawner: Spawner::new()?,
            _ports: ports,
            folder: Mutex::new(Some(folder)),
        })
    }

    /// The lab's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lab as it is now.
    pub fn state(&self) -> LabState {
        lock(&self.state).clone()
    }

    /// The names of all processes.
    pub fn processes(&self) -> impl Iterator<Item = &str> {
        self.slots.keys().map(String::as_str)
    }

    /// Ends everything at once, waits until the system has let go of it, and removes the folder.
    pub async fn end_all(&self) {
        let all: Vec<Running> = self.slots.values().filter_map(|slot| lock(&slot.running).clone()).collect();
        for running in &all {
            proc::signal(running.id, Signal::SIGKILL);
        }
        for running in &all {
            running.gone(SIGNAL_WITHIN).await;
        }
        self.raze();
    }

    /// Ends everything at once and removes the folder. Blocks for the few milliseconds that takes, so
    /// that it can also be done while a panic unwinds.
    pub fn raze(&self) {
        let Some(folder) = lock(&self.folder).take() else { return };
        let ids = || self.slots.values().filter_map(|slot| lock(&slot.running).as_ref().map(|r| r.id));
        for id in ids() {
            proc::signal(id, Signal::SIGKILL);
        }
        let start = Instant::now();
        while ids().any(proc::runs) && start.elapsed() < SIGNAL_WITHIN {
            std::thread::sleep(LOOK_EVERY);
        }
        drop(folder);
    }

    pub(super) fn slot(&self, process: &str) -> anyhow::Result<&Slot> {
        self.slots.get(process).with_context(|| no_such("process", process))
    }

    pub(super) fn running(&self, process: &str) -> anyhow::Result<Running> {
        let running = lock(&self.slot(process)?.running).clone();
        running.with_context(|| format!("{process} has not been started"))
    }

    /// Changes what the state file says of a process.
    pub(super) fn write_down(
        &self,
        process: &str,
        change: impl FnOnce(&mut ProcessState),
    ) -> anyhow::Result<()> {
        if lock(&self.folder).is_none() {
            bail!("the lab is being stopped");
        }
        let mut state = lock(&self.state);
        change(state.processes.get_mut(process).with_context(|| no_such("process", process))?);
        state.save(&self.path)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.raze();
    }
}

pub(super) fn no_such(kind: &str, name: &str) -> String {
    format!("this lab has no {kind} {name:?}")
}

/// A thread that panicked left the value as it was before or after one change; both are fine.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
