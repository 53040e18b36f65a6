//! What does the owner of a lab hold, and how does it carry out a verb?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::Timestamp;
use nix::sys::signal::Signal;

use super::keys::Ring;
use super::plan::{self, Plan};
use super::ports::Port;
use super::proc;
use super::process::{self, Recipe, Running};
use super::spawner::Spawner;
use crate::driver::redis::{self, NoReply};
use crate::driver::{Done, EXIT_WITHIN, LabSpec, READY_WITHIN, Store, Verb};
use crate::state::folder::Folder;
use crate::state::{self, Condition, LabState, ProcessState};

/// Between two looks at something that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long a signal may take to show.
const SIGNAL_WITHIN: Duration = Duration::from_secs(2);

/// A lab of this tool's own.
#[derive(Debug)]
pub struct Lab {
    path: PathBuf,
    slots: BTreeMap<String, Slot>,
    rings: Mutex<BTreeMap<String, Ring>>,
    redis_data: Option<PathBuf>,
    state: Mutex<LabState>,
    spawner: Spawner,
    _ports: Vec<Port>,
    // Taken when the lab ends; the folder goes with it.
    folder: Mutex<Option<Folder>>,
}

/// A place for one process.
#[derive(Debug)]
struct Slot {
    recipe: Recipe,
    // Whose key ring it gets; Redis gets none.
    service: Option<String>,
    running: Mutex<Option<Running>>,
    // Two who start the same process do it one after the other, and the second finds it running.
    turn: tokio::sync::Mutex<()>,
}

impl Lab {
    /// Plans a lab in `folder` and writes down what it will be; no process has been started yet.
    ///
    /// # Errors
    /// If something is missing; see [`plan::plan`].
    pub fn new(spec: &LabSpec, name: &str, folder: Folder) -> anyhow::Result<Lab> {
        let mark = format!("{name}.{}", uuid::Uuid::new_v4().simple());
        let mark = ("CHAOS_LAB".to_owned(), mark);
        let Plan { store, logs, replicas, recipes, redis_data, ports, .. } =
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
        };
        state.save(folder.path())?;
        let rings = replicas.keys().map(|service| Ok((service.clone(), Ring::draw()?)));
        let slots = recipes.into_iter().map(|recipe| {
            let service = service_of.get(recipe.name.as_str()).map(|service| (*service).to_owned());
            let slot =
                Slot { service, running: Mutex::default(), turn: tokio::sync::Mutex::default(), recipe };
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

    /// Carries out one verb.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub async fn obey(&self, verb: Verb) -> anyhow::Result<Done> {
        match verb {
            Verb::Terminate { process } => self.end(&process, Signal::SIGTERM)?,
            Verb::Kill { process } => self.end(&process, Signal::SIGKILL)?,
            Verb::Freeze { process } => self.freeze(&process).await?,
            Verb::Thaw { process } => self.thaw(&process).await?,
            Verb::IsFrozen { process } => return Ok(Done::Whether(is_frozen(&self.running(&process)?))),
            Verb::AwaitExit { process, within_ms } => {
                let running = self.running(&process)?;
                return Ok(Done::Whether(running.gone(Duration::from_millis(within_ms)).await));
            }
            Verb::Start { process } => self.start(&process).await?,
            Verb::WipeRedis => self.wipe_redis()?,
            Verb::NewKey { service, overlap } => {
                let mut rings = lock(&self.rings);
                rings.get_mut(&service).with_context(|| no_such("service", &service))?.rotate(overlap)?;
            }
            Verb::Heal => return Ok(Done::Healed(self.heal().await?)),
            Verb::Look => return Ok(Done::State(Box::new(self.state()))),
        }
        Ok(Done::Plainly)
    }

    fn end(&self, process: &str, signal: Signal) -> anyhow::Result<()> {
        let (slot, running) = (self.slot(process)?, self.running(process)?);
        self.write_down(process, |state| state.condition = Condition::Down)?;
        running.signal(&slot.recipe, signal)
    }

    async fn freeze(&self, process: &str) -> anyhow::Result<()> {
        let (slot, running) = (self.slot(process)?, self.running(process)?);
        self.write_down(process, |state| state.condition = Condition::Frozen)?;
        running.signal(&slot.recipe, Signal::SIGSTOP)?;
        until(|| is_frozen(&running)).await.with_context(|| format!("{process} did not stop on SIGSTOP"))
    }

    async fn thaw(&self, process: &str) -> anyhow::Result<()> {
        let (slot, running) = (self.slot(process)?, self.running(process)?);
        running.signal(&slot.recipe, Signal::SIGCONT)?;
        until(|| !is_frozen(&running))
            .await
            .with_context(|| format!("{process} did not go on on SIGCONT"))?;
        self.write_down(process, |state| state.condition = Condition::Up)
    }

    async fn start(&self, process: &str) -> anyhow::Result<()> {
        let slot = self.slot(process)?;
        let _turn = slot.turn.lock().await;
        if lock(&slot.running).as_ref().is_some_and(Running::runs) {
            return Ok(());
        }
        let recipe = self.filled_in(slot)?;
        process::note(&recipe.log, "start");
        let running = Running::start(&recipe, &self.spawner).await?;
        *lock(&slot.running) = Some(running.clone());
        self.write_down(process, |state| {
            state.restarts += u32::from(state.id.is_some());
            state.id = Some(running.id);
            state.condition = Condition::Up;
            state.started_at = Timestamp::now();
        })?;
        match &slot.service {
            Some(_) => running.announced(&recipe, READY_WITHIN).await.map(|_| ()),
            None => self.redis_answers(&running, &recipe).await,
        }
    }

    async fn redis_answers(&self, running: &Running, recipe: &Recipe) -> anyhow::Result<()> {
        let url = match &self.state().store {
            Store::Redis { url, .. } => url.clone(),
            Store::Embedded { .. } => bail!("this lab has no Redis"),
        };
        let start = Instant::now();
        loop {
            let said = match redis::ask(&url, &["PING"], SIGNAL_WITHIN).await {
                Ok(_) => return Ok(()),
                Err(NoReply::Error(words)) => words,
                Err(none) => none.to_string(),
            };
            if !running.runs() || start.elapsed() > READY_WITHIN {
                let log = process::last_lines(&recipe.log, 5);
                bail!("redis does not answer ({said}); the end of its log:\n{log}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn wipe_redis(&self) -> anyhow::Result<()> {
        if self.running("redis")?.runs() {
            bail!("redis still runs; what it has on disk is removed only when it is down");
        }
        let data = self.redis_data.as_ref().context("this lab has no Redis")?;
        fs::remove_dir_all(data)
            .and_then(|()| fs::create_dir(data))
            .with_context(|| format!("removing {}", data.display()))
    }

    /// Thaws what is frozen and starts what is down, Redis first.
    async fn heal(&self) -> anyhow::Result<Vec<String>> {
        let mut done = Vec::new();
        let redis = self.slots.keys().filter(|name| *name == "redis");
        for process in redis.chain(self.slots.keys().filter(|name| *name != "redis")) {
            let condition = self.state().processes.get(process).map(|state| state.condition);
            let running = lock(&self.slot(process)?.running).clone();
            match running.filter(Running::runs) {
                Some(running) if is_frozen(&running) => {
                    self.thaw(process).await?;
                    done.push(format!("{process} was frozen and goes on"));
                }
                // Told to end and still here: it does not get a second chance to refuse.
                Some(running) if condition == Some(Condition::Down) => {
                    self.end(process, Signal::SIGKILL)?;
                    running.gone(EXIT_WITHIN).await;
                    self.start(process).await?;
                    done.push(format!("{process} was told to end and had not; it was killed and started"));
                }
                Some(_) => {}
                None => {
                    self.start(process).await?;
                    done.push(format!("{process} was down and was started"));
                }
            }
        }
        Ok(done)
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

    fn slot(&self, process: &str) -> anyhow::Result<&Slot> {
        self.slots.get(process).with_context(|| no_such("process", process))
    }

    fn running(&self, process: &str) -> anyhow::Result<Running> {
        let running = lock(&self.slot(process)?.running).clone();
        running.with_context(|| format!("{process} has not been started"))
    }

    fn filled_in(&self, slot: &Slot) -> anyhow::Result<Recipe> {
        let mut recipe = slot.recipe.clone();
        if let Some(service) = &slot.service {
            let rings = lock(&self.rings);
            let ring = rings.get(service).with_context(|| no_such("service", service))?.text();
            for (_, value) in &mut recipe.env {
                *value = value.replace("{keys}", &ring);
            }
        }
        Ok(recipe)
    }

    /// Changes what the state file says of a process.
    fn write_down(&self, process: &str, change: impl FnOnce(&mut ProcessState)) -> anyhow::Result<()> {
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

fn is_frozen(running: &Running) -> bool {
    proc::state_of(running.id) == Some('T')
}

fn no_such(kind: &str, name: &str) -> String {
    format!("this lab has no {kind} {name:?}")
}

async fn until(done: impl Fn() -> bool) -> anyhow::Result<()> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > SIGNAL_WITHIN {
            bail!("nothing happened within {SIGNAL_WITHIN:?}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// A thread that panicked left the value as it was before or after one change; both are fine.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
