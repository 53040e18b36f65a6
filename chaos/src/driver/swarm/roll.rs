//! How is a whole service rolled? The swarm replaces its tasks as `update_config` in `deploy/stack.yml` says:
//! one at a time, and the next when this one is well.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::models::{ServiceUpdateStatusStateEnum as State, TaskSpec};
use bollard::query_parameters::UpdateServiceOptionsBuilder;

use super::{LOOK_EVERY, Slot, Stack};
use crate::driver::docker::engine::plain;
use crate::driver::{READY_WITHIN, ready};

/// How long a roll may take: for each of a few tasks the drain, the start, and the swarm's own watch over it.
const ROLLED_WITHIN: Duration = Duration::from_secs(180);

/// What a roll came to.
#[derive(Debug, Clone)]
pub struct Rolled {
    /// Every replica of the service.
    pub replicas: Vec<(String, Seen)>,
    /// From the order until the swarm called it completed.
    pub took: Duration,
}

/// What a replica said of itself before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It named two boot ids: it is another run.
    Restarted {
        /// The boot id that it had.
        before: String,
        /// The one it has.
        after: String,
    },
    /// It named the same boot id again.
    Same(String),
    /// It could not be asked both times: before or after, another machine had it.
    Unasked,
}

impl Stack {
    /// Asks the swarm to roll a service, and waits until it has.
    ///
    /// # Errors
    /// If there is no such service, or the swarm gave up.
    pub async fn roll(&self, service: &str) -> anyhow::Result<Rolled> {
        let before = self.boots(service).await?;
        let start = Instant::now();
        let found = self.inspect(service).await?;
        let last = found.update_status.and_then(|status| status.started_at);
        let version = found.version.and_then(|version| version.index).context("a service has a version")?;
        let mut spec = found.spec.context("a service has a specification")?;
        let task = spec.task_template.get_or_insert_with(TaskSpec::default);
        // The same specification again changes nothing. This number is what `--force` counts up.
        task.force_update = Some(task.force_update.unwrap_or(0) + 1);
        let version = i32::try_from(version).context("a version that fits the engine's API")?;
        let options = UpdateServiceOptionsBuilder::default().version(version).build();
        let updated = self.engine.update_service(self.service_id(service)?, spec, options, None).await;
        updated.map_err(plain).with_context(|| format!("asking the swarm to roll {service}"))?;
        loop {
            let status = self.inspect(service).await?.update_status.unwrap_or_default();
            // Until the swarm begins, it still tells of the roll before this one.
            let state = status.state.filter(|_| status.started_at != last);
            match state {
                Some(State::COMPLETED) => break,
                Some(State::UPDATING | State::EMPTY) | None => {}
                Some(other) => {
                    let why = status.message.unwrap_or_default();
                    bail!("the swarm gave up rolling {service}: {other} ({why})");
                }
            }
            if start.elapsed() > ROLLED_WITHIN {
                bail!("the swarm had not rolled {service} after {ROLLED_WITHIN:?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let took = start.elapsed();
        let after = self.boots(service).await?;
        let replicas = before.into_iter().map(|(name, before)| {
            let after = after.iter().find(|(other, _)| *other == name).and_then(|(_, boot)| boot.clone());
            let seen = match (before, after) {
                (Some(before), Some(after)) if before != after => Seen::Restarted { before, after },
                (Some(before), Some(_)) => Seen::Same(before),
                _ => Seen::Unasked,
            };
            (name, seen)
        });
        Ok(Rolled { replicas: replicas.collect(), took })
    }

    /// Every replica of a service, with its boot id if it is on this machine.
    async fn boots(&self, service: &str) -> anyhow::Result<Vec<(String, Option<String>)>> {
        let mut boots = Vec::new();
        for slot in self.settled(service).await? {
            let boot = match &slot {
                Slot::Here(task) => Some(ready::ready(&task.replica, READY_WITHIN).await?.boot_id),
                Slot::Coming(_) | Slot::Elsewhere(_) => None,
            };
            boots.push((slot.name().to_owned(), boot));
        }
        Ok(boots)
    }
}
