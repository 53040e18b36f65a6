//! Which lab is meant, and is all of it there? One that compose has started is as good as one of our own.

use anyhow::{Context, bail};
use bollard::Docker as Engine;

use super::compose::Compose;
use super::find::{self, Found};
use super::labels::ROLE;
use super::{Docker, engine};

impl Docker {
    /// Joins a lab that is up and whole.
    ///
    /// # Errors
    /// If there is none of this name, it is another tool's own, or a part of it is not there.
    pub async fn attach(name: &str) -> anyhow::Result<Docker> {
        let engine = engine::open().await?;
        let found = named(&engine, name).await?;
        if let Some(missing) = found.says_missing() {
            bail!("the lab {name:?} is half up: {missing}");
        }
        if let [down, ..] = found.down()[..] {
            bail!(
                "the lab {name:?} is half up: {down} does not run; `chaos heal --driver docker --lab {name}` \
                 starts it"
            );
        }
        Docker::join(&engine, &found).await
    }

    /// Joins a lab as it is, whole or not.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub async fn join(engine: &Engine, found: &Found) -> anyhow::Result<Docker> {
        let project = found.project(engine).await?;
        let lab = project.describe(std::path::PathBuf::new())?;
        Ok(Docker { project, lab, ours: None, keep_logs: None })
    }
}

/// The lab of this name, as its labels tell of it.
///
/// # Errors
/// If there is none, or it is not for others.
pub async fn named(engine: &Engine, name: &str) -> anyhow::Result<Found> {
    let Some(mut found) = find::project(engine, name).await? else {
        bail!("no lab called {name:?} is up in the Docker engine: {}", how_to_start());
    };
    if found.boxes.is_empty() {
        bail!(
            "no container of the project {name:?} has the label {ROLE}, and nothing else is touched: {}",
            how_to_start()
        );
    }
    if found.private {
        bail!(
            "the lab {name:?} belongs to a `chaos run` or `chaos matrix`, which undoes what it does itself"
        );
    }
    if found.expected.is_empty() {
        found.expected = of_the_compose_file()?;
    }
    Ok(found)
}

/// The one lab that can be meant if nobody says which; `None` if there is none.
///
/// # Errors
/// If there are several: their names.
pub async fn only_one() -> anyhow::Result<Option<String>> {
    let engine = engine::open().await?;
    let mut names = find::all(&engine).await?;
    names.retain(|lab| !lab.private);
    match names.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.name.clone())),
        several => {
            let names: Vec<&str> = several.iter().map(|lab| lab.name.as_str()).collect();
            Err(crate::usage::usage(format!("which lab? Say one with --lab: {}", names.join(", "))))
        }
    }
}

/// How to get a lab.
pub fn how_to_start() -> &'static str {
    "start one with `make up` or `chaos up --driver docker`"
}

/// The boxes that compose would make.
fn of_the_compose_file() -> anyhow::Result<Vec<String>> {
    // No box's name depends on a variable; any value will do.
    let compose = Compose::builtin(&|_| Some("1".to_owned())).context("which boxes belong to a lab")?;
    let ours = compose.services.into_iter().filter(|(_, one)| one.labels.contains_key(ROLE));
    Ok(ours.map(|(name, _)| name).collect())
}
