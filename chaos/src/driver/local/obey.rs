//! How does the owner of a lab carry out a verb? What it is about to do is written down first.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio::sync::MutexGuard;

use super::lab::{LOOK_EVERY, Lab, Role, SIGNAL_WITHIN, lock};
use super::proc;
use super::process::{self, Recipe, Running};
use crate::driver::gateway;
use crate::driver::healing::{self, Healing};
use crate::driver::redis::{self, NoReply};
use crate::driver::{Done, EXIT_WITHIN, READY_WITHIN, Verb};
use crate::state::Condition;

impl Lab {
    /// Carries out one verb.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub async fn obey(&self, verb: Verb) -> anyhow::Result<Done> {
        let _turn = match &verb {
            Verb::Terminate { process }
            | Verb::Kill { process }
            | Verb::Freeze { process }
            | Verb::Thaw { process }
            | Verb::Start { process } => Some(self.turn(process).await?),
            Verb::WipeRedis => Some(self.turn("redis").await?),
            _ => None,
        };
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
            Verb::Start { process } => return Ok(Done::Whether(self.start(&process).await?)),
            Verb::WipeRedis => self.wipe_redis()?,
            Verb::NewKey { service, overlap } => self.new_key(&service, overlap)?,
            Verb::Heal => return Ok(Done::Healed(self.heal().await?)),
            Verb::Look => return Ok(Done::State(Box::new(self.state()))),
        }
        Ok(Done::Plainly)
    }

    /// Waits until nobody else changes this process; then only the holder does.
    pub(super) async fn turn(&self, process: &str) -> anyhow::Result<MutexGuard<'_, ()>> {
        Ok(self.slot(process)?.turn.lock().await)
    }

    pub(super) fn end(&self, process: &str, signal: Signal) -> anyhow::Result<()> {
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

    /// Starts it; false if it runs.
    pub(super) async fn start(&self, process: &str) -> anyhow::Result<bool> {
        let slot = self.slot(process)?;
        if lock(&slot.running).as_ref().is_some_and(Running::runs) {
            return Ok(false);
        }
        let recipe = self.filled_in(slot)?;
        process::note(&recipe.log, "start");
        let running = Running::start(&recipe, &self.spawner).await?;
        *lock(&slot.running) = Some(running.clone());
        // Should the tool die before the next line, nobody would know of the process; but then it dies too.
        self.write_down(process, |state| {
            state.restarts += u32::from(state.id.is_some());
            state.id = Some(running.id);
            state.condition = Condition::Up;
            state.started_at = Timestamp::now();
        })?;
        match &slot.role {
            Role::Replica { .. } => running.announced(&recipe, READY_WITHIN).await.map(|_| ())?,
            Role::Redis => self.redis_answers(&running, &recipe).await?,
            Role::Gateway => self.gateway_answers(&running, &recipe).await?,
        }
        Ok(true)
    }

    async fn redis_answers(&self, running: &Running, recipe: &Recipe) -> anyhow::Result<()> {
        let state = self.state();
        let url = state.store.url().context("this lab has no Redis")?;
        let start = Instant::now();
        loop {
            let said = match redis::ask(url, &["PING"], SIGNAL_WITHIN).await {
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

    async fn gateway_answers(&self, running: &Running, recipe: &Recipe) -> anyhow::Result<()> {
        let state = self.state();
        let gateway = state.gateway.as_ref().context("this lab has no gateway")?;
        let start = Instant::now();
        while let Err(error) = gateway::stats(gateway).await {
            if !running.runs() || start.elapsed() > READY_WITHIN {
                let log = process::last_lines(&recipe.log, 5);
                bail!("the gateway does not answer ({error:#}); the end of its log:\n{log}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
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

    /// Thaws what is frozen and starts what is down, Redis first. A process that will not come back does not keep
    /// the others from it.
    async fn heal(&self) -> anyhow::Result<Vec<String>> {
        let mut healing = Healing::default();
        let redis = self.slots.keys().filter(|name| *name == "redis");
        for process in redis.chain(self.slots.keys().filter(|name| *name != "redis")) {
            healing.note(self.heal_process(process).await);
        }
        healing.note(self.one_ring_for_all().await);
        healing.outcome()
    }

    /// Waits until it has exited.
    pub(super) async fn is_gone(&self, process: &str, running: &Running) -> anyhow::Result<()> {
        if !running.gone(EXIT_WITHIN).await {
            bail!("{process} had not exited {EXIT_WITHIN:?} after the signal");
        }
        Ok(())
    }

    async fn heal_process(&self, process: &str) -> anyhow::Result<Option<String>> {
        // What a tool that was interrupted has just ordered comes first, or it would be in force afterwards.
        let _turn = self.turn(process).await?;
        let condition = self.state().processes.get(process).map(|state| state.condition);
        let slot = self.slot(process)?;
        let running = lock(&slot.running).clone();
        let done = match running.filter(Running::runs) {
            // Told to end and still here: it does not get a second chance to refuse.
            Some(running) if condition == Some(Condition::Down) => {
                // It may end by itself between the look and the signal.
                let refused = running.signal(&slot.recipe, Signal::SIGKILL).is_ok();
                self.is_gone(process, &running).await?;
                self.start(process).await?;
                healing::started(process, refused)
            }
            Some(running) if is_frozen(&running) => {
                self.thaw(process).await?;
                format!("{process} was frozen and goes on")
            }
            Some(_) => return Ok(None),
            None => {
                self.start(process).await?;
                healing::started(process, false)
            }
        };
        Ok(Some(done))
    }
}

fn is_frozen(running: &Running) -> bool {
    proc::state_of(running.id) == Some('T')
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
