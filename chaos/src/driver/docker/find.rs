//! Which labs are there in the engine, and of which containers? By their labels, whoever has started them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context;
use bollard::Docker as Engine;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};

use super::compose::Published;
use super::engine::plain;
use super::labels::{self, BOX, BOXES, ENV_FILE, KIND, MAKER, NEXT, OWNER, Owner, PROJECT, Role};
use super::program;
use super::project::{Boxed, Project};

/// A lab as the engine's labels tell of it.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name, which is compose's project.
    pub name: String,
    /// Its boxes: their names and containers.
    pub boxes: BTreeMap<String, ContainerSummary>,
    /// Containers of the project that are not the lab's.
    pub strangers: Vec<String>,
    /// Boxes that are being made anew, or were when their tool was killed.
    pub half_made: BTreeMap<String, HalfMade>,
    /// Which run of this tool made it; `None` if compose did.
    pub owner: Option<Owner>,
    /// Whether that run made it for itself.
    pub private: bool,
    /// The boxes that should be there; empty if nobody has written that down.
    pub expected: Vec<String>,
    /// The file with its keys and ports, if compose was told of another than the usual one.
    pub env_file: Option<String>,
}

/// What is to take the place of a box.
#[derive(Debug, Clone)]
pub struct HalfMade {
    /// The name of its container.
    pub container: String,
    /// Which run of this tool makes it.
    pub maker: Option<Owner>,
}

/// All labs.
///
/// # Errors
/// If the engine does not answer.
pub async fn all(engine: &Engine) -> anyhow::Result<Vec<Found>> {
    Ok(sorted(list(engine, PROJECT).await?).into_iter().filter(|lab| !lab.boxes.is_empty()).collect())
}

/// The project of this name, be it a lab or not.
///
/// # Errors
/// If the engine does not answer.
pub async fn project(engine: &Engine, name: &str) -> anyhow::Result<Option<Found>> {
    Ok(sorted(list(engine, &format!("{PROJECT}={name}")).await?).pop())
}

/// The projects of which a tool that is gone has left a network or a volume, and no container by which it could be
/// found; and which tool that was.
///
/// # Errors
/// If the engine does not answer.
pub async fn without_boxes(engine: &Engine) -> anyhow::Result<BTreeMap<String, Owner>> {
    let filters = HashMap::from([("label", vec![OWNER])]);
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let networks = engine.list_networks(Some(options)).await.map_err(plain).context("listing networks")?;
    let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
    let volumes = engine.list_volumes(Some(options)).await.map_err(plain).context("listing volumes")?;
    let with_boxes: BTreeSet<String> = all(engine).await?.into_iter().map(|lab| lab.name).collect();
    let labels = networks.into_iter().filter_map(|network| network.labels);
    let labels = labels.chain(volumes.volumes.into_iter().flatten().map(|volume| volume.labels));
    let left = labels.filter_map(|mut labels| {
        let owner = Owner::read(labels.get(OWNER)?)?;
        let project = labels.remove(PROJECT)?;
        (!owner.lives() && !with_boxes.contains(&project)).then_some((project, owner))
    });
    Ok(left.collect())
}

async fn list(engine: &Engine, label: &str) -> anyhow::Result<Vec<ContainerSummary>> {
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    engine.list_containers(Some(options)).await.map_err(plain).context("listing containers")
}

fn sorted(containers: Vec<ContainerSummary>) -> Vec<Found> {
    let mut labs: BTreeMap<String, Found> = BTreeMap::new();
    for container in containers {
        let label = |name: &str| container.labels.as_ref().and_then(|labels| labels.get(name).cloned());
        let Some(name) = label(PROJECT) else { continue };
        let lab = labs.entry(name.clone()).or_insert_with(|| Found {
            name,
            boxes: BTreeMap::new(),
            strangers: Vec::new(),
            half_made: BTreeMap::new(),
            owner: None,
            private: false,
            expected: Vec::new(),
            env_file: None,
        });
        match (Role::read(label), label(BOX)) {
            (Some(_), Some(name)) if name_of(&container).ends_with(NEXT) => {
                let maker = label(MAKER).and_then(|maker| Owner::read(&maker));
                lab.half_made.insert(name, HalfMade { container: name_of(&container), maker });
            }
            (Some(_), Some(name)) => {
                lab.owner = label(OWNER).and_then(|owner| Owner::read(&owner)).or(lab.owner.take());
                lab.env_file = label(ENV_FILE).filter(|file| file != ".env").or(lab.env_file.take());
                lab.private |= label(KIND).as_deref() == Some("private");
                if let Some(boxes) = label(BOXES) {
                    lab.expected = boxes.split_whitespace().map(str::to_owned).collect();
                }
                lab.boxes.insert(name, container);
            }
            _ => lab.strangers.push(name_of(&container)),
        }
    }
    labs.into_values().collect()
}

/// Whether the engine is removing this container.
pub(super) fn is_going(container: &ContainerSummary) -> bool {
    let state = container.state.as_ref().map(ToString::to_string);
    matches!(state.as_deref(), Some("removing" | "dead"))
}

/// A container's name, as people write it.
fn name_of(container: &ContainerSummary) -> String {
    let name = container.names.iter().flatten().next().map(String::as_str).unwrap_or_default();
    name.trim_start_matches('/').to_owned()
}

impl Found {
    /// Whether a box of it answers on one of these ports.
    pub fn publishes(&self, ports: &[u16]) -> bool {
        let published = self.boxes.values().flat_map(|container| container.ports.iter().flatten());
        published.filter_map(|port| port.public_port).any(|port| ports.contains(&port))
    }

    /// The boxes that should be there and have no container.
    pub fn missing(&self) -> Vec<&str> {
        self.expected.iter().map(String::as_str).filter(|name| !self.boxes.contains_key(*name)).collect()
    }

    /// Which boxes have no container, and what makes them; `None` if all are there.
    pub fn says_missing(&self) -> Option<String> {
        let missing = self.missing();
        let are = match missing.len() {
            0 => return None,
            1 => "is",
            _ => "are",
        };
        Some(format!("{} {are} not there; {}", missing.join(", "), self.completion()))
    }

    /// How a lab is made whole of which a box is not there. Compose knows how it has made one; a lab of this tool
    /// has keys and ports that nobody else knows.
    pub fn completion(&self) -> String {
        match &self.owner {
            Some(owner) if !owner.lives() => "its tool is gone: `chaos heal` removes what is left".to_owned(),
            Some(owner) => format!(
                "end its `chaos up` (pid {}) and start another: nothing else knows its keys",
                owner.pid()
            ),
            None => {
                let file = self.env_file.as_ref().map(|file| format!(" --env-file {file}"));
                let file = file.unwrap_or_default();
                format!("`{}{file} -p {} up -d` makes what is missing", program::called(), self.name)
            }
        }
    }

    /// The boxes whose containers do not run.
    pub fn down(&self) -> Vec<&str> {
        let runs = |container: &ContainerSummary| {
            container
                .state
                .as_ref()
                .is_some_and(|state| ["running", "paused"].contains(&state.to_string().as_str()))
        };
        self.boxes.iter().filter(|(_, container)| !runs(container)).map(|(name, _)| name.as_str()).collect()
    }

    /// Asks the engine for all that the list does not say.
    ///
    /// # Errors
    /// If a container has just gone.
    pub async fn project(&self, engine: &Engine) -> anyhow::Result<Project> {
        let mut boxes = BTreeMap::new();
        for (name, container) in &self.boxes {
            let container = name_of(container);
            let found = engine.inspect_container(&container, None).await;
            let found = found.map_err(plain).with_context(|| format!("looking at {container}"))?;
            let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
            let role = Role::read(|label| labels.get(label).cloned());
            let role = role.with_context(|| format!("{container} has lost its label {}", labels::ROLE))?;
            let bindings = found.host_config.and_then(|host| host.port_bindings).unwrap_or_default();
            let published = bindings.iter().flat_map(|(inside, at)| {
                let inside = inside.trim_end_matches("/tcp").parse().ok();
                at.iter().flatten().filter_map(move |at| {
                    Some(Published { inside: inside?, host: at.host_port.as_ref()?.parse().ok()? })
                })
            });
            let mut ports: Vec<Published> = published.collect();
            ports.sort_by_key(|port| port.inside);
            boxes.insert(name.clone(), Boxed { container, role, ports });
        }
        Ok(Project::new(engine.clone(), &self.name, boxes))
    }
}
