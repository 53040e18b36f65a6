//! How is a container made anew, so that everybody takes it for the one it was? With the same name, labels,
//! ports and volumes, as the engine tells them; the compose project owns it as before.

use std::time::Instant;

use anyhow::{Context, bail};
use bollard::Docker as Engine;
use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, HostConfig, NetworkingConfig,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptions, RemoveContainerOptionsBuilder,
    RenameContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::TryStreamExt;

use super::engine::{plain, said};
use super::find::{self, Found, HalfMade};
use super::labels::{MAKER, NEXT, Owner, Role};
use super::wait::LOOK_EVERY;
use super::{Docker, logs};
use crate::driver::EXIT_WITHIN;

impl Docker {
    /// Makes a container that is down anew, changed in one thing. Its log is kept if logs are.
    pub(super) async fn make_anew(
        &self,
        name: &str,
        change: impl FnOnce(&mut ContainerCreateBody),
    ) -> anyhow::Result<()> {
        let (engine, container) = (&self.project.engine, &self.project.boxed(name)?.container);
        let mut body = body_of(self.project.inspect(name).await?)?;
        change(&mut body);
        self.keep_log(name).await;
        // The new one is there before the old one goes: a tool that is killed in between leaves one too many,
        // and not one too few.
        let making = || format!("making {name} anew");
        let next = self.create_next(container, body).await.with_context(making)?;
        engine.remove_container(container, force()).await.map_err(plain).with_context(making)?;
        let renamed = RenameContainerOptionsBuilder::default().name(container).build();
        engine.rename_container(&next, renamed).await.map_err(plain).with_context(making)
    }

    /// Takes from Redis, which is down, all it has on disk.
    ///
    /// Its container stays. A second one, which heals as one that was being made anew, empties its volume: a
    /// tool that is killed meanwhile leaves a Redis that can be started.
    pub(super) async fn wipe_redis(&self) -> anyhow::Result<()> {
        let mut boxes = self.project.boxes.iter();
        let Some((name, boxed)) = boxes.find(|(_, boxed)| boxed.role == Role::Redis) else {
            bail!("this lab has no Redis");
        };
        let found = self.project.inspect(name).await?;
        if found.state.as_ref().is_some_and(|state| state.running == Some(true)) {
            bail!("redis still runs; what it has on disk is removed only when it is down");
        }
        // What has a name is a volume; what has none is a folder of this machine, or of its memory.
        let volumes = found.mounts.iter().flatten().filter(|mount| mount.name.is_some());
        let folders: Vec<String> = volumes.filter_map(|mount| mount.destination.clone()).collect();
        if folders.is_empty() {
            return self.make_anew(name, |_| ()).await; // what it had lies in the container itself
        }
        let emptied = self.empty(&boxed.container, found.config.unwrap_or_default(), folders).await;
        emptied.with_context(|| format!("emptying the volume of {name}"))
    }

    /// Removes all that is in these folders of a container, which is down.
    async fn empty(
        &self,
        container: &str,
        like: ContainerConfig,
        folders: Vec<String>,
    ) -> anyhow::Result<()> {
        let engine = &self.project.engine;
        let remove = folders.into_iter().chain(["-mindepth", "1", "-delete"].map(str::to_owned)).collect();
        let body = ContainerCreateBody {
            image: like.image,
            user: like.user,
            labels: like.labels,
            entrypoint: Some(vec!["find".to_owned()]),
            cmd: Some(remove),
            host_config: Some(HostConfig {
                volumes_from: Some(vec![container.to_owned()]),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let next = self.create_next(container, body).await?;
        engine.start_container(&next, None).await.map_err(plain)?;
        // An exit status other than 0 is an error here, as it should be.
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let ended = engine.wait_container(&next, Some(options)).try_collect::<Vec<_>>().await;
        let log = match &ended {
            Ok(_) => String::new(),
            Err(_) => logs::last_lines(engine, &next, 3).await,
        };
        engine.remove_container(&next, force()).await.map_err(plain)?;
        ended.map_err(plain).context(log).map(|_| ())
    }

    /// Creates the container that is to follow another, or to work for it, in the place of what an earlier attempt has
    /// left; its name.
    async fn create_next(&self, container: &str, mut body: ContainerCreateBody) -> anyhow::Result<String> {
        body.labels.get_or_insert_default().insert(MAKER.to_owned(), Owner::me().to_string());
        let (engine, next) = (&self.project.engine, format!("{container}{NEXT}"));
        let _ = engine.remove_container(&next, force()).await;
        let named = CreateContainerOptionsBuilder::default().name(&next).build();
        engine.create_container(Some(named), body).await.map_err(plain)?;
        Ok(next)
    }

    async fn keep_log(&self, name: &str) {
        let folder = match (&self.ours, &self.keep_logs) {
            (Some(ours), _) => ours.keeps_logs_in().map(|folder| (folder, None)),
            (None, Some((folder, since))) => Some((folder.as_path(), Some(*since))),
            (None, None) => None,
        };
        if let (Some((folder, since)), Ok(boxed)) = (folder, self.project.boxed(name)) {
            let file = folder.join(format!("{name}.log"));
            if let Err(error) = logs::keep(&self.project.engine, &boxed.container, &file, since).await {
                eprintln!("chaos: the log of {name} is not kept: {error:#}");
            }
        }
    }
}

/// Ends what a killed tool had begun: where the old container is still there, the new one goes; where it is
/// gone, the new one takes its place. What a tool that lives is at is left to it. Says what was done.
///
/// # Errors
/// What the engine would not do.
pub(super) async fn finish(engine: &Engine, lab: &Found) -> anyhow::Result<Vec<String>> {
    let mut done = Vec::new();
    let me = Owner::me();
    for (name, HalfMade { container: next, maker }) in &lab.half_made {
        if maker.as_ref().is_some_and(|maker| *maker != me && maker.lives()) {
            continue;
        }
        match lab.boxes.get(name) {
            Some(old) if !find::is_going(old) => {
                engine.remove_container(next, force()).await.map_err(plain)?;
                done.push(format!("{name} was being made anew; what there was of it is removed"));
            }
            _ => {
                let container = next.trim_end_matches(NEXT);
                is_removed(engine, container).await?;
                let renamed = RenameContainerOptionsBuilder::default().name(container).build();
                engine.rename_container(next, renamed).await.map_err(plain)?;
                done.push(format!("{name} was being made anew; the new one takes its place"));
            }
        }
    }
    Ok(done)
}

/// Waits until the engine has removed what it is removing.
async fn is_removed(engine: &Engine, container: &str) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        match engine.inspect_container(container, None).await {
            Err(error) if said(&error, 404) => return Ok(()),
            _ if start.elapsed() > EXIT_WITHIN => {
                bail!("the engine has not removed {container} within {EXIT_WITHIN:?}")
            }
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Running or not.
fn force() -> Option<RemoveContainerOptions> {
    Some(RemoveContainerOptionsBuilder::default().force(true).build())
}

/// What makes a container like this one.
fn body_of(found: ContainerInspectResponse) -> anyhow::Result<ContainerCreateBody> {
    let id = found.id.unwrap_or_default();
    // The engine tells and is told the same things in the same words.
    let config = serde_json::to_value(found.config).context("reading a container's settings")?;
    let mut body: ContainerCreateBody =
        serde_json::from_value(config).context("reading a container's settings")?;
    // The engine calls a host after its container if nobody calls it otherwise.
    body.hostname = body.hostname.filter(|name| !name.is_empty() && !id.starts_with(name.as_str()));
    let mut networks = found.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    for endpoint in networks.values_mut() {
        // What it was given on its last start is nothing it must have; one of its names is its id.
        let aliases = endpoint.aliases.take().map(|mut names| {
            names.retain(|name| !id.starts_with(name.as_str()));
            names
        });
        *endpoint = bollard::models::EndpointSettings { aliases, ..Default::default() };
    }
    body.networking_config = Some(NetworkingConfig { endpoints_config: Some(networks) });
    body.host_config = found.host_config;
    Ok(body)
}
