//! How is all that belongs to a project removed: its containers, its network, its volumes, its files?

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use bollard::Docker as Engine;
use bollard::errors::Error;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};
use futures_util::future::join_all;

use super::engine::{plain, said};
use super::labels::{OWNER, Owner, PROJECT};

type Labels = Option<HashMap<String, String>>;

/// Removes everything with the project's label, running or not. If a run of the tool is named, only what that one has
/// made, for another may have taken the name meanwhile; and what compose has put into the network that it made.
///
/// # Errors
/// What the engine would not remove.
pub async fn all_of(engine: &Engine, project: &str, made_by: Option<&Owner>) -> anyhow::Result<()> {
    let label = format!("{PROJECT}={project}");
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    let is_theirs = |labels: &Labels| match (made_by, labels.as_ref().and_then(|labels| labels.get(OWNER))) {
        (None, _) => true,
        (Some(maker), Some(owner)) => *owner == maker.to_string(),
        (Some(_), None) => false,
    };

    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let mut networks = engine.list_networks(Some(options)).await.map_err(plain)?;
    networks.retain(|network| is_theirs(&network.labels));
    let nobodys = |labels: &Labels| labels.as_ref().is_none_or(|labels| !labels.contains_key(OWNER));
    let is_in_it = |labels: &Labels| !networks.is_empty() && nobodys(labels);

    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let mut containers = engine.list_containers(Some(options)).await.map_err(plain)?;
    containers.retain(|container| is_theirs(&container.labels) || is_in_it(&container.labels));
    let force = || Some(RemoveContainerOptionsBuilder::default().force(true).v(true).build());
    let ids: Vec<String> = containers.into_iter().filter_map(|container| container.id).collect();
    outcome(join_all(ids.iter().map(|id| engine.remove_container(id, force()))).await)
        .context("removing containers")?;

    let ids: Vec<String> = networks.into_iter().filter_map(|network| network.id).collect();
    outcome(join_all(ids.iter().map(|id| engine.remove_network(id))).await).context("removing networks")?;

    let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
    let volumes = engine.list_volumes(Some(options)).await.map_err(plain)?.volumes.unwrap_or_default();
    let volumes: Vec<_> =
        volumes.into_iter().filter(|volume| is_theirs(&Some(volume.labels.clone()))).collect();
    // The library asks of which kind the options are that we do not give.
    let no_options = None::<RemoveVolumeOptions>;
    outcome(
        join_all(volumes.iter().map(|volume| engine.remove_volume(&volume.name, no_options.clone()))).await,
    )
    .context("removing volumes")
}

/// Removes the folder with the files that were mounted into a lab's boxes, if it is there.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn files(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The first error that means something: what is gone already, or being removed by another, is as wanted.
fn outcome(all: Vec<Result<(), Error>>) -> anyhow::Result<()> {
    let gone = |error: &Error| {
        said(error, 404) || (said(error, 409) && error.to_string().contains("already in progress"))
    };
    match all.into_iter().filter_map(Result::err).find(|error| !gone(error)) {
        Some(error) => Err(plain(error)),
        None => Ok(()),
    }
}
