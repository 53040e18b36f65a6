//! How is one task of a swarm replaced? Its container is ended, and the swarm fills the slot again.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::errors::Error;
use bollard::query_parameters::{KillContainerOptionsBuilder, WaitContainerOptions};
use futures_util::TryStreamExt;

use super::{LOOK_EVERY, Slot, Stack, Task};
use crate::driver::docker::engine::plain;
use crate::driver::{Driver, EXIT_WITHIN, Ending, ready};

/// How long a swarm may take to put a task into an empty slot, and that one to be ready.
const REPLACED_WITHIN: Duration = Duration::from_secs(60);

/// What the replacement of a task came to.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// The boot id that the replica in this slot had.
    pub boot_before: String,
    /// The one it has.
    pub boot_after: String,
    /// From the signal until its container had ended.
    pub stop: Duration,
    /// From then until the swarm had started another.
    pub gone: Duration,
    /// From then until that one was ready.
    pub ready: Duration,
}

impl Stack {
    /// The task that holds this replica; waits for it if it is coming, whatever its siblings do.
    ///
    /// # Errors
    /// If none on this machine does.
    pub async fn task(&self, replica: &str) -> anyhow::Result<Task> {
        let service = replica.rsplit_once('-').map_or(replica, |(service, _)| service);
        let start = Instant::now();
        loop {
            let slots = self.slots(service).await?;
            let known: Vec<&str> = slots.iter().map(Slot::name).collect();
            match slots.iter().find(|slot| slot.name() == replica) {
                Some(Slot::Here(task)) => return Ok(task.clone()),
                Some(Slot::Coming(_)) if start.elapsed() < REPLACED_WITHIN => {}
                Some(Slot::Coming(_)) => {
                    bail!("the task of {replica} had not started after {REPLACED_WITHIN:?}")
                }
                Some(Slot::Elsewhere(_)) => {
                    bail!("{replica} runs on another machine of the swarm; restart it there")
                }
                None => bail!("no task of the swarm holds {replica}; there are {}", known.join(", ")),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the task of this replica and waits until the one in its place is ready.
    ///
    /// # Errors
    /// If there is none, it does not end, or nothing takes its place.
    pub async fn replace(&self, replica: &str, how: Ending) -> anyhow::Result<Replaced> {
        let old = self.task(replica).await?;
        let boot_before = Driver::boot_id_of(&old.replica).await?;
        let signalled = Instant::now();
        self.end(&old, how).await?;
        let ended = Instant::now();
        let new = self.successor(&old).await?;
        let started = Instant::now();
        let now = ready::ready(&new.replica, REPLACED_WITHIN).await?;
        Ok(Replaced {
            boot_before,
            boot_after: now.boot_id,
            stop: ended - signalled,
            gone: started - ended,
            ready: started.elapsed(),
        })
    }

    async fn end(&self, task: &Task, how: Ending) -> anyhow::Result<()> {
        let signal = match how {
            Ending::Asked => "SIGTERM",
            Ending::Killed => "SIGKILL",
        };
        let name = &task.replica.name;
        // Listening comes first: what ends at once has ended before anybody could ask.
        let mut exit = self.engine.wait_container(&task.container, None::<WaitContainerOptions>);
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        let sent = self.engine.kill_container(&task.container, Some(options)).await;
        sent.map_err(plain).with_context(|| format!("sending {signal} to {name}"))?;
        match tokio::time::timeout(EXIT_WITHIN, exit.try_next()).await {
            Err(_) => bail!("{name} had not ended {EXIT_WITHIN:?} after {signal}"),
            // A swarm takes the container away as soon as it has ended; and an exit status is no error to us.
            Ok(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Ok(Err(Error::DockerResponseServerError { status_code: 404, .. })) => Ok(()),
            Ok(Err(error)) => Err(plain(error)).with_context(|| format!("waiting for {name} to end")),
        }
    }

    async fn successor(&self, old: &Task) -> anyhow::Result<Task> {
        let start = Instant::now();
        while start.elapsed() < REPLACED_WITHIN {
            for slot in self.slots(&old.replica.service).await? {
                match slot {
                    Slot::Here(new) if new.slot == old.slot && new.container != old.container => {
                        return Ok(new);
                    }
                    Slot::Elsewhere(name) if name == old.replica.name => {
                        bail!(
                            "the swarm put the successor of {name} on another machine, and so it cannot be asked"
                        )
                    }
                    _ => {}
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("the swarm put nothing in the place of {} within {REPLACED_WITHIN:?}", old.replica.name)
    }
}
