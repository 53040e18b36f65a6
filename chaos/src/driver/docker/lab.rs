//! How does a lab in containers come up? Network and volumes, then the boxes, each when what it depends on
//! answers; and all of it with compose's labels, so that `docker-compose -p NAME ps` and `down` know it too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use bollard::Docker as Engine;
use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use futures_util::future::{join_all, try_join_all};

use super::boxes::{self, Planned};
use super::engine::{plain, said};
use super::labels::{BOXES, KIND, OWNER, Owner, PROJECT};
use super::make::{self, For};
use super::ours::Ours;
use super::project::{Boxed, Project};
use super::publish::Publisher;
use super::{Docker, engine, find, program, remove};
use crate::driver::LabSpec;
use crate::driver::spec::new_lab_name;

/// How long a box may take to its first answer. The first start of a Postgres makes its databases.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Starts a lab; returns when every box answers.
///
/// # Errors
/// What did not start, with its last words; nothing is left behind then.
pub async fn start(spec: &LabSpec) -> anyhow::Result<Docker> {
    let engine = engine::open().await?;
    let name = spec.name.clone().unwrap_or_else(private_name);
    let private = spec.name.is_none();
    if !private {
        make_room(&engine, &name).await?;
    }
    let mut publisher = if private { Publisher::anywhere() } else { Publisher::as_usual() };
    let planned = boxes::plan(spec, &mut publisher)?;
    has_images(&engine, planned.values().map(|one| one.definition.image.as_str()).collect()).await?;
    let project = Project::new(engine, &name, boxed(&name, &planned));
    let lab = project.describe(spec.keep_logs_in.clone().unwrap_or_default())?;

    // From here on whatever goes wrong, even a panic, drops `ours`, which removes what was made.
    let files = files_of(&name, &Owner::me())?;
    let ours = Ours::new(&name, files, spec.keep_logs_in.clone(), publisher.into_locked());
    write_files(&planned, ours.files())?;
    let names: Vec<&str> = planned.keys().map(String::as_str).collect();
    let labels = vec![
        (KIND.to_owned(), if private { "private" } else { "up" }.to_owned()),
        (OWNER.to_owned(), Owner::me().to_string()),
        (BOXES.to_owned(), names.join(" ")),
    ];
    let (files, health_checks) = (ours.files().to_owned(), !private);
    let wanted = For { project: name.clone(), labels, files, health_checks };
    ours.make(make_all(project.engine.clone(), planned.clone(), wanted)).await?;
    let docker = Docker::ours(project, lab, ours);
    start_all(&docker, planned).await?;
    Ok(docker)
}

/// A name for a lab that nobody will ask for.
fn private_name() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("private-{}-{}", std::process::id(), &random[..8])
}

/// Makes sure that nobody has the name, and removes what a dead tool left under it.
async fn make_room(engine: &Engine, name: &str) -> anyhow::Result<()> {
    new_lab_name(name).map_err(|rule| anyhow!("{rule}, not {name:?}"))?;
    let Some(there) = find::project(engine, name).await? else {
        if let Some(owner) = find::without_boxes(engine).await?.get(name) {
            return remove_left(engine, name, owner).await;
        }
        // Its volumes may be: compose keeps them, and with them a database with another password.
        return no_volumes(engine, name).await;
    };
    match there.owner {
        Some(owner) if owner.lives() => {
            bail!("a lab called {name:?} is up already; `chaos status` shows it")
        }
        Some(owner) => remove_left(engine, name, &owner).await,
        None => bail!(
            "compose runs a project called {name:?}: `{} -p {name} down -v` removes it, or take another name \
             with --lab; a project of compose needs no `chaos up`",
            program::called()
        ),
    }
}

async fn no_volumes(engine: &Engine, name: &str) -> anyhow::Result<()> {
    let filters = HashMap::from([("label", vec![format!("{PROJECT}={name}")])]);
    let options = bollard::query_parameters::ListVolumesOptionsBuilder::default().filters(&filters).build();
    let volumes = engine.list_volumes(Some(options)).await.map_err(plain)?.volumes.unwrap_or_default();
    if let Some(volume) = volumes.first() {
        bail!(
            "the volume {} of an earlier project {name:?} is still there: `docker volume rm {}`, or take \
             another name with --lab",
            volume.name,
            volume.name
        );
    }
    Ok(())
}

/// Makes sure that every image is there.
async fn has_images(engine: &Engine, images: BTreeSet<&str>) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for image in images {
        match engine.inspect_image(image).await {
            Ok(_) => {}
            Err(error) if said(&error, 404) => missing.push(image),
            Err(error) => return Err(plain(error)).with_context(|| format!("looking for the image {image}")),
        }
    }
    ensure!(missing.is_empty(), "the engine has no image {}: run `make images`", missing.join(" and no "));
    Ok(())
}

fn boxed(project: &str, planned: &BTreeMap<String, Planned>) -> BTreeMap<String, Boxed> {
    let boxed = |(name, one): (&String, &Planned)| {
        let (container, role) = (make::container(project, name), one.role.clone());
        (name.clone(), Boxed { container, role, ports: one.definition.ports.clone() })
    };
    planned.iter().map(boxed).collect()
}

/// The folder with the files that are mounted into a lab's boxes.
///
/// # Errors
/// If the temporary folder cannot be written to.
pub fn files_of(project: &str, owner: &Owner) -> anyhow::Result<PathBuf> {
    Ok(crate::state::folder::home()?.join("containers").join(format!("{project}.{owner}")))
}

/// Removes all that a tool that is gone has left of its lab.
///
/// # Errors
/// What the engine would not remove.
pub async fn remove_left(engine: &Engine, project: &str, owner: &Owner) -> anyhow::Result<()> {
    remove::all_of(engine, project, Some(owner)).await?;
    remove::files(&files_of(project, owner)?)
}

fn write_files(planned: &BTreeMap<String, Planned>, folder: &Path) -> anyhow::Result<()> {
    for mounted in planned.values().flat_map(|one| &one.definition.volumes) {
        if let Some(text) = mounted.text()? {
            let file = folder.join(&mounted.source);
            let parent = file.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&file, text))
                .with_context(|| format!("writing {}", file.display()))?;
        }
    }
    Ok(())
}

async fn make_all(engine: Engine, planned: BTreeMap<String, Planned>, lab: For) -> anyhow::Result<()> {
    let labels = |kind: &str, name: &str| {
        let own = [(PROJECT.to_owned(), lab.project.clone()), (kind.to_owned(), name.to_owned())];
        Some(own.into_iter().chain(lab.labels.iter().cloned()).collect::<HashMap<_, _>>())
    };
    let network = NetworkCreateRequest {
        name: make::network(&lab.project),
        labels: labels("com.docker.compose.network", "default"),
        ..NetworkCreateRequest::default()
    };
    engine.create_network(network).await.map_err(plain).context("making the lab's network")?;
    let volumes = planned.values().flat_map(|one| &one.definition.volumes);
    let volumes: BTreeSet<&str> =
        volumes.filter(|mounted| matches!(mounted.text(), Ok(None))).map(|m| m.source.as_str()).collect();
    for name in volumes {
        let volume = VolumeCreateRequest {
            name: Some(make::volume(&lab.project, name)),
            labels: labels("com.docker.compose.volume", name),
            ..VolumeCreateRequest::default()
        };
        engine.create_volume(volume).await.map_err(plain).context("making a volume")?;
    }
    let made = planned.iter().map(async |(name, one)| {
        let named =
            CreateContainerOptionsBuilder::default().name(&make::container(&lab.project, name)).build();
        let made = engine.create_container(Some(named), make::body(name, one, &lab)?).await;
        made.map_err(plain).with_context(|| format!("making {name}"))
    });
    // All of them, so that none is still being made when we return.
    join_all(made).await.into_iter().collect::<anyhow::Result<Vec<_>>>().map(|_| ())
}

/// Starts what depends on nothing, then what depends on that, until everything answers.
async fn start_all(docker: &Docker, mut waiting: BTreeMap<String, Planned>) -> anyhow::Result<()> {
    while !waiting.is_empty() {
        let free = |one: &Planned| !one.definition.depends_on.keys().any(|other| waiting.contains_key(other));
        let next: Vec<String> =
            waiting.iter().filter(|(_, one)| free(one)).map(|(name, _)| name.clone()).collect();
        ensure!(!next.is_empty(), "the boxes of docker-compose.yml depend on each other in a circle");
        waiting.retain(|name, _| !next.contains(name));
        let start = next.iter().map(|name| docker.project().start(name, docker.lab(), FIRST_ANSWER_WITHIN));
        try_join_all(start).await?;
    }
    Ok(())
}
