//! How is a lab made of processes on this machine?
//!
//! The tool that starts the lab owns it: the processes are its children and die with it. Another tool can
//! give orders to it through the owner.

pub mod ports;
pub mod redis_server;
mod ring;
pub mod haproxy;
pub mod plan;
pub mod spawner;
pub mod process;
pub mod proc;
pub mod lab;
mod obey;
pub mod control;
pub mod bury;
pub mod status;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::task::{JoinHandle, JoinSet};

use super::{DEFAULT_LAB, Done, LabSpec, Verb};
use crate::state::LabState;
use crate::state::folder::{self, Claim, Folder};
use crate::usage::usage;
use lab::Lab;

/// A lab made of local processes.
#[derive(Debug)]
pub struct Local {
    lab: LabState,
    hands: Hands,
}

/// Whose lab it is.
#[derive(Debug)]
enum Hands {
    /// Ours.
    Own(Arc<Lab>),
    /// That of the `chaos up` whose lab lies in this folder.
    Others(PathBuf),
}

impl Local {
    /// Starts a lab; returns when every process listens.
    ///
    /// # Errors
    /// What did not start; nothing is left behind then.
    pub async fn start(spec: &LabSpec) -> anyhow::Result<Local> {
        let name = spec.name.clone().unwrap_or_else(private_name);
        let lab = Arc::new(Lab::new(spec, &name, own_folder(&name)?)?);
        // From here on whatever goes wrong, even a panic, drops `local`, which ends what was started.
        let local = Local { lab: lab.state(), hands: Hands::Own(lab.clone()) };
        let mut starting = JoinSet::new();
        for process in lab.processes().map(str::to_owned) {
            let lab = lab.clone();
            starting.spawn(async move { lab.obey(Verb::Start { process }).await });
        }
        while let Some(outcome) = starting.join_next().await {
            outcome.context("starting a process")??;
        }
        Ok(local)
    }

    /// Joins the lab that a `chaos up` of this user runs under this name.
    ///
    /// # Errors
    /// If there is none, or it does not answer.
    pub async fn attach(name: &str) -> anyhow::Result<Local> {
        if !folder::is_owned(name)? {
            bail!("no lab called {name:?} is up; start one with `chaos up`");
        }
        let folder = folder::folder_of(name)?;
        let Done::State(lab) = control::order(&folder, &Verb::Look).await? else {
            bail!("the owner of the lab {name:?} speaks another version of this tool's language");
        };
        Ok(Local { lab: *lab, hands: Hands::Others(folder) })
    }

    /// The lab as it was at the start.
    pub fn lab(&self) -> &LabState {
        &self.lab
    }

    /// Carries out one verb, or has it carried out.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub async fn obey(&self, verb: Verb) -> anyhow::Result<Done> {
        match &self.hands {
            Hands::Own(lab) => lab.obey(verb).await,
            Hands::Others(folder) => control::order(folder, &verb).await,
        }
    }

    /// Lets other tools give orders to this lab, as long as the task runs.
    ///
    /// # Errors
    /// If the lab is not ours, or the socket cannot be made.
    pub fn serve(&self) -> anyhow::Result<JoinHandle<()>> {
        match &self.hands {
            Hands::Own(lab) => control::serve(lab, lab.path()),
            Hands::Others(_) => bail!("only the owner of a lab takes orders for it"),
        }
    }

    /// Ends the lab if it is ours.
    pub async fn stop(self) {
        if let Hands::Own(lab) = &self.hands {
            lab.end_all().await;
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Hands::Own(lab) = &self.hands {
            lab.raze();
        }
    }
}

/// The lab that a `chaos up` of this user runs: the one that has the usual name, or the only one.
///
/// # Errors
/// If nobody says which of several, or the file system refuses.
pub fn the_one_that_is_up() -> anyhow::Result<Option<String>> {
    let mut up = Vec::new();
    for name in folder::names()? {
        if folder::is_owned(&name)? && control::socket_in(&folder::folder_of(&name)?).exists() {
            up.push(name);
        }
    }
    match up.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several if several.iter().any(|name| name == DEFAULT_LAB) => Ok(Some(DEFAULT_LAB.to_owned())),
        several => Err(usage(format!("which lab? Say one with --lab: {}", several.join(", ")))),
    }
}

/// A name for a lab that nobody will ask for.
fn private_name() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("private-{}-{}", std::process::id(), &random[..8])
}

fn own_folder(name: &str) -> anyhow::Result<Folder> {
    for _ in 0..3 {
        match Folder::claim(name)? {
            Claim::Ours(folder) => return Ok(folder),
            Claim::Taken => bail!("a lab called {name:?} is up already; `chaos status` shows it"),
            Claim::LeftBehind => bury::bury(name).map(|_| ())?,
        }
    }
    bail!("what a dead lab called {name:?} left behind cannot be removed")
}
