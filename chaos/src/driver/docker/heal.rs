//! How are the labs in the engine put right again? A lab that nobody owns any more is removed; every other is
//! unpaused and started, wherever it stands still. What to do is read from the engine alone, so it does not
//! matter how the tool that did the damage ended.

use anyhow::{anyhow, bail};
use bollard::Docker as Engine;

use super::find::Found;
use super::labels::Owner;
use super::{Docker, anew, attach, engine, find, lab};
use crate::driver::{Driver, Healing};

/// Heals one lab, or all of them; says of each what was done.
///
/// # Errors
/// If the engine does not answer, or the lab that was named is not there.
pub async fn heal(only: Option<&str>) -> anyhow::Result<Vec<(String, anyhow::Result<Vec<String>>)>> {
    let engine = engine::open().await?;
    let mut remains = find::without_boxes(&engine).await?;
    remains.retain(|name, _| only.is_none_or(|only| only == name));
    let labs = match only {
        None => find::all(&engine).await?,
        Some(name) => match find::project(&engine, name).await? {
            Some(found) if !found.boxes.is_empty() => vec![found],
            _ if !remains.is_empty() => Vec::new(),
            _ => bail!("no lab called {name:?} is up in the Docker engine: {}", attach::how_to_start()),
        },
    };
    let mut told = Vec::new();
    for (name, owner) in remains {
        let removed = remove_all(&engine, &name, &owner).await;
        told.push((name, removed));
    }
    for lab in labs {
        told.push((lab.name.clone(), heal_one(&engine, &lab).await));
    }
    Ok(told)
}

async fn heal_one(engine: &Engine, lab: &Found) -> anyhow::Result<Vec<String>> {
    match &lab.owner {
        Some(owner) if !owner.lives() => remove_all(engine, &lab.name, owner).await,
        Some(_) if lab.private => {
            Ok(vec!["is in use by a running `chaos`, which undoes what it does; left alone".to_owned()])
        }
        _ => put_right(engine, lab).await,
    }
}

/// Undoes in the lab of this name what is in force, whoever owns it.
///
/// # Errors
/// What would not come back, or if there is no such lab.
pub async fn undo(name: &str) -> anyhow::Result<Vec<String>> {
    let engine = engine::open().await?;
    let lab = attach::named(&engine, name).await?;
    put_right(&engine, &lab).await
}

async fn put_right(engine: &Engine, lab: &Found) -> anyhow::Result<Vec<String>> {
    let mut healing = Healing::default();
    healing.note(anew::finish(engine, lab).await);
    let lab = attach::named(engine, &lab.name).await?;
    let driver = Driver::Docker(Docker::join(engine, &lab).await?);
    if let Some(missing) = lab.says_missing() {
        // It cannot be made from here, and whoever needs it will not be ready.
        healing.note(Err::<Vec<String>, _>(anyhow!(missing)));
        healing.note(driver.heal_what_is_there().await);
    } else {
        healing.note(driver.heal().await);
    }
    let mut done = healing.outcome()?;
    if done.is_empty() {
        done.push("is up, and nothing has to be undone".to_owned());
    }
    Ok(done)
}

async fn remove_all(engine: &Engine, name: &str, owner: &Owner) -> anyhow::Result<Vec<String>> {
    lab::remove_left(engine, name, owner).await?;
    Ok(vec!["its tool is gone; what it left behind is removed".to_owned()])
}
