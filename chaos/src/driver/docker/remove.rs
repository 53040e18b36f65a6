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

/// Removes everything with the project's label, running or not; only what this run of the tool has made, if one is
/// named: another may have taken the name meanwhile.
///
/// # Errors
/// What the engine would not remove.
pub async fn all_of(engine: &Engine, project: &str, made_by: Option<&Owner>) -> anyhow::Result<()> {
    let labels = [Some(format!("{PROJECT}={project}")), made_by.map(|owner| format!("{OWNER}={owner}"))];
    let filters = HashMap::from([("label", labels.iter().flatten().map(String::as_str).collect())]);

    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let containers = engine.list_containers(Some(options)).await.map_err(plain)?;
    let force = || Some(RemoveContainerOptionsBuilder::default().force(true).v(true).build());
    let ids: Vec<String> = containers.into_iter().filter_map(|container| container.id).collect();
    outcome(join_all(ids.iter().map(|id| engine.remove_container(id, force()))).await)
        .context("removing containers")?;

    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let networks = engine.list_networks(Some(options)).await.map_err(plain)?;
    let ids: Vec<String> = networks.into_iter().filter_map(|network| network.id).collect();
    outcome(join_all(ids.iter().map(|id| engine.remove_network(id))).await).context("removing networks")?;

    let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
    let volumes = engine.list_volumes(Some(options)).await.map_err(plain)?.volumes.unwrap_or_default();
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
