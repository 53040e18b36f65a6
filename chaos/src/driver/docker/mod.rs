//! How is a lab made of containers? Through the engine's API, from the compose file, which is the only
//! description of the boxes.
//!
//! A lab here is a compose project. The tool finds one that compose has started as well as one of its own,
//! by labels; what carries none of them is never touched. Read [`compose`], [`boxes`], [`lab`] for how it
//! comes up, `obey.rs` for what is done to it, [`ours`] for how it ends.

pub mod engine;
pub mod program;
pub mod labels;
pub mod interpolate;
pub mod compose;
pub mod publish;
pub mod boxes;
pub mod make;
pub mod find;
pub mod project;
pub mod lab;
mod wait;
mod obey;
mod ring;
mod anew;
pub mod logs;
pub mod ours;
pub mod remove;
pub mod heal;
pub mod attach;
pub mod status;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::LabSpec;
use super::local::haproxy;
use crate::state::LabState;
use ours::Ours;
use project::Project;

/// A lab made of containers.
#[derive(Debug)]
pub struct Docker {
    project: Project,
    lab: LabState,
    // If this tool has made the lab.
    ours: Option<Ours>,
    // Where the logs go of a lab that is not ours, from when on.
    keep_logs: Option<(PathBuf, Timestamp)>,
}

impl Docker {
    /// Starts a lab; returns when every box answers.
    ///
    /// # Errors
    /// What did not start, with its last words; nothing is left behind then.
    pub async fn start(spec: &LabSpec) -> anyhow::Result<Docker> {
        lab::start(spec).await
    }

    /// A lab of this tool's own.
    fn ours(project: Project, lab: LabState, ours: Ours) -> Docker {
        Docker { project, lab, ours: Some(ours), keep_logs: None }
    }

    /// The lab, as far as it does not change while it is up.
    pub fn lab(&self) -> &LabState {
        &self.lab
    }

    /// Its containers.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The box with the database of accounts and orders, if the lab has one.
    pub fn sql(&self) -> Option<&str> {
        let mut boxes = self.project.boxes.iter();
        boxes.find(|(_, boxed)| boxed.role == labels::Role::Postgres).map(|(name, _)| name.as_str())
    }

    /// Why there is no gateway in this lab.
    pub fn why_no_gateway(&self) -> String {
        match self.lab.replicas.values().next().map_or(0, Vec::len) {
            haproxy::REPLICAS => "it was started without one".to_owned(),
            replicas => {
                format!("it knows {} replicas of each service, and here are {replicas}", haproxy::REPLICAS)
            }
        }
    }

    /// From now on the logs of a lab that is not ours are kept too, when it is left.
    pub fn keep_logs_in(&mut self, folder: &Path) {
        if self.ours.is_none() {
            self.keep_logs = Some((folder.to_owned(), Timestamp::now()));
        }
    }

    /// Ends the lab if it is ours, and leaves it as it is if not.
    pub async fn stop(self) {
        if let Some((folder, since)) = &self.keep_logs
            && let Ok(Some(found)) = find::project(&self.project.engine, &self.project.name).await
        {
            logs::collect(&self.project.engine, &found, folder, Some(*since)).await;
        }
        if let Some(ours) = &self.ours {
            ours.end(&self.project.engine).await;
        }
    }
}
