//! How is a verb carried out on a container? Through the engine, which is asked about every step.

use std::time::Duration;

use anyhow::{Context, bail};
use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::{KillContainerOptionsBuilder, WaitContainerOptionsBuilder};
use futures_util::TryStreamExt;

use super::Docker;
use super::engine::{plain, said};
use super::logs;
use crate::driver::healing::{self, Healing};
use crate::driver::{Done, EXIT_WITHIN, READY_WITHIN, Verb};
use crate::gates;
use crate::state::{Condition, LabState};

impl Docker {
    /// Carries out one verb.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub async fn obey(&self, verb: Verb) -> anyhow::Result<Done> {
        match verb {
            Verb::Terminate { process } => self.end(&process, false).await?,
            Verb::Kill { process } => self.end(&process, true).await?,
            Verb::Freeze { process } => self.freeze(&process).await?,
            Verb::Thaw { process } => self.thaw(&process).await?,
            Verb::IsFrozen { process } => {
                return Ok(Done::Whether(self.project.state_of(&process).await?.paused == Some(true)));
            }
            Verb::AwaitExit { process, within_ms } => {
                return Ok(Done::Whether(self.gone(&process, Duration::from_millis(within_ms)).await?));
            }
            Verb::Start { process } => return Ok(Done::Whether(self.start_again(&process).await?)),
            Verb::WipeRedis => self.wipe_redis().await?,
            Verb::NewKey { service, overlap } => self.new_key(&service, overlap).await?,
            Verb::Heal => return Ok(Done::Healed(self.heal().await?)),
            Verb::Look => return Ok(Done::State(Box::new(self.look().await?))),
        }
        Ok(Done::Plainly)
    }

    /// Sends the signal by which this container is stopped, or SIGKILL.
    ///
    /// The engine counts either as a stop by hand: `restart: unless-stopped` does not bring the container
    /// back, and [`Docker::start_again`] has to.
    async fn end(&self, name: &str, kill: bool) -> anyhow::Result<()> {
        let found = self.project.inspect(name).await?;
        let own = found.config.and_then(|config| config.stop_signal);
        let signal = if kill { "SIGKILL" } else { own.as_deref().unwrap_or("SIGTERM") };
        self.project.told_to_end(name, &found.state.unwrap_or_default());
        if !self.signal(name, signal).await? {
            bail!("{name} does not run, so it cannot be sent {signal}");
        }
        Ok(())
    }

    /// Sends it a signal; says whether it was there to get it.
    async fn signal(&self, name: &str, signal: &str) -> anyhow::Result<bool> {
        let container = &self.project.boxed(name)?.container;
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        match self.project.engine.kill_container(container, Some(options)).await {
            Err(error) if said(&error, 409) => Ok(false),
            sent => {
                sent.map_err(plain).with_context(|| format!("sending {signal} to {name}"))?;
                Ok(true)
            }
        }
    }

    async fn freeze(&self, name: &str) -> anyhow::Result<()> {
        let container = &self.project.boxed(name)?.container;
        let paused = self.project.engine.pause_container(container).await;
        paused.map_err(plain).with_context(|| format!("pausing {name}"))
    }

    async fn thaw(&self, name: &str) -> anyhow::Result<()> {
        let container = &self.project.boxed(name)?.container;
        match self.project.engine.unpause_container(container).await {
            // Another has let it go on meanwhile.
            Err(_) if self.project.state_of(name).await?.paused == Some(false) => Ok(()),
            unpaused => unpaused.map_err(plain).with_context(|| format!("letting {name} go on")),
        }
    }

    async fn gone(&self, name: &str, within: Duration) -> anyhow::Result<bool> {
        let container = &self.project.boxed(name)?.container;
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut exit = self.project.engine.wait_container(container, Some(options));
        match tokio::time::timeout(within, exit.try_next()).await {
            Err(_) => Ok(false),
            // An exit status other than 0 is an error to the library, and none to us.
            Ok(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(true),
            Ok(Err(error)) => Err(plain(error)).with_context(|| format!("waiting for {name} to end")),
        }
    }

    /// Starts a box that is down, with the key ring it is to have by now, and waits until it answers; false if it
    /// runs.
    pub(super) async fn start_again(&self, name: &str) -> anyhow::Result<bool> {
        if self.project.state_of(name).await?.running == Some(true) {
            return Ok(false);
        }
        self.renew_ring(name).await?;
        self.project.start(name, &self.lab, READY_WITHIN).await?;
        Ok(true)
    }

    /// Unpauses what is paused and starts what is down, the stores first. A box that will not come back does not
    /// keep the others from it.
    async fn heal(&self) -> anyhow::Result<Vec<String>> {
        let mut healing = Healing::default();
        for name in self.project.stores_first() {
            healing.note(self.heal_box(&name).await);
        }
        healing.note(self.one_ring_for_all().await);
        healing.outcome()
    }

    async fn heal_box(&self, name: &str) -> anyhow::Result<Option<String>> {
        let state = self.project.state_of(name).await?;
        let done = match &state {
            // Told to end and still here: it does not get a second chance to refuse.
            ContainerState { running: Some(true), .. } if self.should_have_ended(name, &state).await => {
                // It may end by itself between the look and the signal.
                let refused = self.signal(name, "SIGKILL").await?;
                self.is_gone(name).await?;
                self.start_again(name).await?;
                healing::started(name, refused)
            }
            ContainerState { paused: Some(true), .. } => {
                self.thaw(name).await?;
                format!("{name} was paused and goes on")
            }
            ContainerState { running: Some(true), .. } => return Ok(None),
            _ => {
                self.start_again(name).await?;
                healing::started(name, false)
            }
        };
        Ok(Some(done))
    }

    /// Ends a replica and starts it again, with the ring it is to have by now.
    pub(super) async fn restart_with_its_ring(&self, name: &str) -> anyhow::Result<()> {
        self.end(name, false).await?;
        self.is_gone(name).await?;
        self.start_again(name).await.map(|_| ())
    }

    /// Waits until it has exited.
    async fn is_gone(&self, name: &str) -> anyhow::Result<()> {
        if !self.gone(name, EXIT_WITHIN).await? {
            bail!("{name} had not exited {EXIT_WITHIN:?} after the signal");
        }
        Ok(())
    }

    /// Whether a box that runs was asked to end: by us, or by a tool that is gone and has left it draining.
    async fn should_have_ended(&self, name: &str, state: &ContainerState) -> bool {
        let replica = self.lab.replicas.values().flatten().find(|replica| replica.name == name);
        match replica {
            _ if self.project.was_told_to_end(name, state) => true,
            Some(replica) => gates::drains(replica).await,
            None => false,
        }
    }

    /// The lab as it is now.
    async fn look(&self) -> anyhow::Result<LabState> {
        let mut lab = self.lab.clone();
        for (name, process) in &mut lab.processes {
            let state = self.project.state_of(name).await?;
            process.condition = match state {
                ContainerState { paused: Some(true), .. } => Condition::Frozen,
                ContainerState { running: Some(true), .. } => Condition::Up,
                _ => Condition::Down,
            };
            if let Some(started_at) = state.started_at.and_then(|time| time.parse().ok()) {
                process.started_at = started_at;
            }
            let container = &self.project.boxed(name)?.container;
            process.restarts = logs::restarts(&self.project.engine, container).await.unwrap_or_default();
        }
        Ok(lab)
    }
}
