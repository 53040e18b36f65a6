//! How is a replica restarted that a Docker Swarm keeps alive? It is ended here, and the swarm puts a new task
//! into its slot; or the swarm is asked to roll the whole service.
//!
//! A swarm decides by itself when to start what, so it takes none of a lab's verbs. Its tasks are found by the
//! labels of `deploy/stack.yml`, and asked at the address each has on this machine's own bridge.

mod roll;
mod slot;

use std::collections::HashMap;
use std::net::Ipv4Addr;

use anyhow::{Context, bail};
use bollard::Docker as Engine;
use bollard::models::{Task as EngineTask, TaskState};
use bollard::query_parameters::{InspectNetworkOptions, ListServicesOptionsBuilder, ListTasksOptionsBuilder};

use super::docker::engine::{self, plain};
use super::docker::labels::{ROLE, SERVICE};
use crate::state::Replica;

pub use roll::Rolled;
pub use slot::{How, Replaced};

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
        Ok(Stack { engine, name: only.clone(), services })
    }

    /// The running tasks of a service, by slot. Only those on this machine can be hit from here.
    ///
    /// # Errors
    /// If there is no such service, or the engine does not answer.
    pub async fn tasks(&self, service: &str) -> anyhow::Result<Vec<Task>> {
        let filters =
            HashMap::from([("service", vec![self.service_id(service)?]), ("desired-state", vec!["running"])]);
        let options = ListTasksOptionsBuilder::default().filters(&filters).build();
        let listed = self.engine.list_tasks(Some(options)).await.map_err(plain).context("listing tasks")?;
        let addresses = self.addresses().await?;
        let mut tasks: Vec<Task> =
            listed.into_iter().filter_map(|task| here(task, service, &addresses)).collect();
        tasks.sort_by_key(|task| task.slot);
        Ok(tasks)
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

/// A task that runs on this machine, with the replica in it.
fn here(task: EngineTask, service: &str, addresses: &HashMap<String, Ipv4Addr>) -> Option<Task> {
    let status = task.status?;
    let runs = status.state == Some(TaskState::RUNNING);
    let container = status.container_status.and_then(|status| status.container_id).filter(|_| runs)?;
    let (slot, address) = (task.slot?, addresses.get(&container)?);
    let replica = Replica {
        name: format!("{service}-{slot}"),
        service: service.to_owned(),
        url: format!("http://{address}:{PORT}"),
        gates: None,
    };
    Some(Task { slot, container, replica })
}
