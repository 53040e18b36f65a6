//! How is a replica restarted that a Docker Swarm keeps alive? It is ended here, and the swarm puts a new task
//! into its slot; or the swarm is asked to roll the whole service.
//!
//! A swarm decides by itself when to start what, so it takes none of a lab's verbs. Its tasks are found by the
//! labels of `deploy/stack.yml`, and asked at the address each has on this machine's own bridge.

mod roll;
mod slot;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::Docker as Engine;
use bollard::models::{Service, Task as EngineTask, TaskState};
use bollard::query_parameters::{
    InspectNetworkOptions, InspectServiceOptions, ListServicesOptionsBuilder, ListTasksOptionsBuilder,
};

use super::docker::engine::{self, plain};
use super::docker::labels::{ROLE, SERVICE};
use crate::state::Replica;

pub use roll::{Rolled, Seen};
pub use slot::Replaced;

/// How long a swarm may take until every task it wants runs. A start with its health checks takes a few seconds.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks at the tasks; the swarm tells nobody when it has placed one.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The swarm's own label: which stack a service belongs to.
const STACK: &str = "com.docker.stack.namespace";

/// The bridge that connects this machine with the tasks that run on it.
const BRIDGE: &str = "docker_gwbridge";

/// The port at which the services in `deploy/stack.yml` listen.
const PORT: u16 = 8080;

/// A lab that runs as a stack.
#[derive(Debug)]
pub struct Stack {
    engine: Engine,
    /// This machine's name in the swarm.
    node: String,
    /// The stack's name.
    pub name: String,
    /// The services that are replicas of ours: our name, and the swarm's id.
    pub services: Vec<(String, String)>,
}

/// One task of a service that runs on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its slot: a replaced task's successor has the same.
    pub slot: i64,
    /// Its container.
    pub container: String,
    /// The replica in it. Its name stays with the slot; its address does not.
    pub replica: Replica,
}

/// One place of a service that the swarm wants filled, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// Its task runs on this machine.
    Here(Task),
    /// Its task is ordered and does not run yet. The swarm says so a moment longer than the engine does.
    Coming(String),
    /// Its task is another machine's, and cannot be asked from this one.
    Elsewhere(String),
}

impl Slot {
    /// The replica that belongs there.
    pub fn name(&self) -> &str {
        match self {
            Slot::Here(task) => &task.replica.name,
            Slot::Coming(name) | Slot::Elsewhere(name) => name,
        }
    }
}

impl Stack {
    /// The stack of this name, or the only one there is.
    ///
    /// # Errors
    /// If this machine is no manager of a swarm, or there is no such stack, or nobody says which of several.
    pub async fn find(name: Option<&str>) -> anyhow::Result<Stack> {
        let engine = engine::open().await?;
        let mut labels = vec![format!("{ROLE}=replica")];
        labels.extend(name.map(|name| format!("{STACK}={name}")));
        let filters = HashMap::from([("label", labels)]);
        let options = ListServicesOptionsBuilder::default().filters(&filters).build();
        let listed = engine.list_services(Some(options)).await.map_err(plain).context(
            "listing the services of the swarm; `docker swarm init`, then `docker stack deploy`, make one",
        )?;
        let mut stacks: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for service in listed {
            let labels = service.spec.and_then(|spec| spec.labels).unwrap_or_default();
            if let (Some(stack), Some(ours), Some(id)) = (labels.get(STACK), labels.get(SERVICE), service.id)
            {
                stacks.entry(stack.clone()).or_default().push((ours.clone(), id));
            }
        }
        let mut names: Vec<String> = stacks.keys().cloned().collect();
        names.sort();
        let [only] = names.as_slice() else {
            match (name, names.is_empty()) {
                (Some(name), _) => bail!("there is no stack {name:?} with replicas of the lab in this swarm"),
                (None, true) => bail!(
                    "no lab runs on this swarm: docker stack deploy --compose-file deploy/stack.yml amnesia"
                ),
                (None, false) => {
                    bail!("several labs run on this swarm: say --lab {}", names.join(" or --lab "))
                }
            }
        };
        let mut services = stacks.remove(only).unwrap_or_default();
        services.sort();
        let info = engine.info().await.map_err(plain).context("asking the engine who it is in the swarm")?;
        let node =
            info.swarm.and_then(|swarm| swarm.node_id).context("a manager of a swarm has a node id")?;
        Ok(Stack { engine, node, name: only.clone(), services })
    }

    /// The slots of a service that the swarm has ordered tasks for, in order.
    ///
    /// # Errors
    /// If there is no such service, or the engine does not answer.
    pub async fn slots(&self, service: &str) -> anyhow::Result<Vec<Slot>> {
        let filters = HashMap::from([("service", vec![self.service_id(service)?])]);
        let options = ListTasksOptionsBuilder::default().filters(&filters).build();
        let listed = self.engine.list_tasks(Some(options)).await.map_err(plain).context("listing tasks")?;
        let addresses = self.addresses().await?;
        let mut slots: Vec<(i64, Slot)> =
            listed.iter().filter_map(|task| slot(task, service, &self.node, &addresses)).collect();
        slots.sort_by_key(|(number, _)| *number);
        Ok(slots.into_iter().map(|(_, slot)| slot).collect())
    }

    /// The slots of a service once every task that the swarm wants runs. Waits for those that are coming: whoever
    /// left them out would speak about a part of the service as if it were all of it.
    ///
    /// # Errors
    /// If there is no such service, or some task of it does not come.
    pub async fn settled(&self, service: &str) -> anyhow::Result<Vec<Slot>> {
        let start = Instant::now();
        loop {
            let wanted = wanted(&self.inspect(service).await?)?;
            let slots = self.slots(service).await?;
            let coming = slots.iter().filter(|slot| matches!(slot, Slot::Coming(_))).count();
            if coming == 0 && slots.len() == wanted {
                return Ok(slots);
            }
            if start.elapsed() > SETTLED_WITHIN {
                bail!(
                    "of {wanted} tasks of {service} {} ran after {SETTLED_WITHIN:?}; `docker service ps {}_{service}` \
                     says why",
                    slots.len() - coming,
                    self.name
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn inspect(&self, service: &str) -> anyhow::Result<Service> {
        let id = self.service_id(service)?;
        let found = self.engine.inspect_service(id, None::<InspectServiceOptions>).await;
        found.map_err(plain).with_context(|| format!("looking at the service {service}"))
    }

    fn service_id(&self, service: &str) -> anyhow::Result<&str> {
        let found = self.services.iter().find(|(name, _)| name == service);
        found.map(|(_, id)| id.as_str()).with_context(|| {
            let known: Vec<&str> = self.services.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "there is no service {service:?} in stack {:?}; there are {}",
                self.name,
                known.join(", ")
            )
        })
    }

    /// Where each container of a task can be reached from this machine.
    async fn addresses(&self) -> anyhow::Result<HashMap<String, Ipv4Addr>> {
        let bridge = self.engine.inspect_network(BRIDGE, None::<InspectNetworkOptions>).await;
        let bridge = bridge.map_err(plain).with_context(|| format!("looking at the network {BRIDGE}"))?;
        let containers = bridge.containers.unwrap_or_default().into_iter();
        Ok(containers
            .filter_map(|(id, at)| {
                let address = at.ipv4_address?;
                Some((id, address.split('/').next()?.parse().ok()?))
            })
            .collect())
    }
}

/// How many tasks of a service the swarm is to run.
fn wanted(service: &Service) -> anyhow::Result<usize> {
    let mode = service.spec.as_ref().and_then(|spec| spec.mode.as_ref());
    let replicas = mode.and_then(|mode| mode.replicated.as_ref()).and_then(|mode| mode.replicas);
    usize::try_from(replicas.context("only a service with a number of replicas has slots")?)
        .context("replicas")
}

/// The slot that a task fills or will fill, with its number; none if the swarm is done with the task.
fn slot(
    task: &EngineTask,
    service: &str,
    node: &str,
    addresses: &HashMap<String, Ipv4Addr>,
) -> Option<(i64, Slot)> {
    // What replaces another is made with the wish "ready", and only gets "running" when that one has ended.
    if !matches!(task.desired_state, Some(TaskState::RUNNING | TaskState::READY)) {
        return None;
    }
    let number = task.slot?;
    let name = format!("{service}-{number}");
    if task.node_id.as_deref().is_some_and(|at| !at.is_empty() && at != node) {
        return Some((number, Slot::Elsewhere(name)));
    }
    let runs = task.status.as_ref().filter(|status| status.state == Some(TaskState::RUNNING));
    let container = runs.and_then(|status| status.container_status.as_ref()?.container_id.clone());
    let found = container.and_then(|container| Some((addresses.get(&container)?, container)));
    let Some((address, container)) = found else { return Some((number, Slot::Coming(name))) };
    let replica =
        Replica { name, service: service.to_owned(), url: format!("http://{address}:{PORT}"), gates: None };
    Some((number, Slot::Here(Task { slot: number, container, replica })))
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerStatus, TaskStatus};

    use super::*;

    fn task(desired: TaskState, state: TaskState, node: &str) -> EngineTask {
        let container = ContainerStatus { container_id: Some("c1".to_owned()), ..Default::default() };
        let status =
            TaskStatus { state: Some(state), container_status: Some(container), ..Default::default() };
        EngineTask {
            slot: Some(1),
            node_id: Some(node.to_owned()),
            desired_state: Some(desired),
            status: Some(status),
            ..Default::default()
        }
    }

    fn seen(task: &EngineTask) -> Option<Slot> {
        let addresses = HashMap::from([("c1".to_owned(), Ipv4Addr::new(172, 18, 0, 3))]);
        slot(task, "stateless", "here", &addresses).map(|(_, slot)| slot)
    }

    #[test]
    fn a_task_that_runs_here_can_be_asked() {
        let found = seen(&task(TaskState::RUNNING, TaskState::RUNNING, "here"));
        let Some(Slot::Here(task)) = found else { panic!("{found:?}") };
        assert_eq!(
            (task.replica.name.as_str(), task.replica.url.as_str()),
            ("stateless-1", "http://172.18.0.3:8080")
        );
    }

    #[test]
    fn a_task_that_is_still_coming_is_not_left_out() {
        let coming = Some(Slot::Coming("stateless-1".to_owned()));
        // Its container is healthy already, and the manager has not heard of it.
        assert_eq!(seen(&task(TaskState::RUNNING, TaskState::STARTING, "here")), coming);
        // Ordered in the place of one that is still ending, on no machine yet.
        assert_eq!(seen(&task(TaskState::READY, TaskState::PENDING, "")), coming);
    }

    #[test]
    fn a_task_of_another_machine_and_one_that_is_over_are_told_apart() {
        let elsewhere = Some(Slot::Elsewhere("stateless-1".to_owned()));
        assert_eq!(seen(&task(TaskState::RUNNING, TaskState::RUNNING, "there")), elsewhere);
        assert_eq!(seen(&task(TaskState::SHUTDOWN, TaskState::RUNNING, "here")), None);
    }
}
