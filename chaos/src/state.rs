//! What must be known to clean up after a tool that was killed?
//!
//! Each lab has a folder with a lock, a state file, its data and its logs. The lock says whether the tool
//! that owns the lab still lives; the state file says what it started. What a fault is about to do is
//! written down *before* it is done, so that there is no moment in which nobody knows of it.

pub mod folder;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// All that is written down about one lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LabState {
    /// The lab's name.
    pub name: String,
    /// The process id of the tool that owns it, for people; the lock is what counts.
    pub tool_pid: i32,
    /// Which run of the machine this is. After a reboot the process ids below mean nothing.
    pub machine_boot: String,
    /// A line in the environment of every process of this lab, and of no other.
    pub mark: String,
    /// When the lab was started.
    pub started_at: Timestamp,
    /// Where sessions of services that keep them outside live, and why.
    pub store: Store,
    /// The folder of all logs, one a process.
    pub logs: PathBuf,
    /// The replicas of each service.
    pub replicas: BTreeMap<String, Vec<Replica>>,
    /// The load balancer in front of them, if the lab has one.
    pub gateway: Option<Gateway>,
    /// Every process the lab has started, by name.
    pub processes: BTreeMap<String, ProcessState>,
}

/// Where sessions that are kept outside do live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// In a Redis of the lab's own.
    Redis {
        /// `redis://host:port`.
        url: String,
        /// One line: which one, and why.
        why: String,
    },
    /// In a file outside the process; faults on Redis are then not available.
    Embedded {
        /// One line: why.
        why: String,
    },
}

impl Store {
    /// Redis's address, if there is Redis.
    pub fn url(&self) -> Option<&str> {
        match self {
            Store::Redis { url, .. } => Some(url),
            Store::Embedded { .. } => None,
        }
    }

    /// One line that says which store it is, and why.
    pub fn why(&self) -> &str {
        match self {
            Store::Redis { why, .. } | Store::Embedded { why } => why,
        }
    }
}

/// One running copy of a service. It keeps its name and its addresses over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// `stateless-2`.
    pub name: String,
    /// `stateless`.
    pub service: String,
    /// Where it answers.
    pub url: String,
    /// Where its requests can be held half way, if it can do that.
    pub gates: Option<String>,
}

/// The load balancer in front of the replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Where it says what it knows of the replicas: a page at `/stats`, the same for programs at
    /// `/stats;csv`.
    pub stats: String,
    /// Where each service is entered, by the service's name.
    pub entries: BTreeMap<String, Entries>,
}

/// The two entries of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// Each request goes to the next replica.
    pub round_robin: String,
    /// A client's requests go to the replica that answered it first, while that lives.
    pub sticky: String,
}

/// What is known about one process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProcessState {
    /// Its ids while it has been started; `None` before its first start.
    pub id: Option<ProcessId>,
    /// What was last done to it.
    pub condition: Condition,
    /// How often it was started again.
    pub restarts: u32,
    /// When it was last started.
    pub started_at: Timestamp,
}

/// Which process this is. A process id alone is used again by the system, sooner or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id; also its group's.
    pub pid: i32,
    /// When it started, in the kernel's ticks since boot.
    pub start_ticks: u64,
}

/// What was last done to a process, or is about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It should run.
    Up,
    /// It is stopped (SIGSTOP) and must be continued.
    Frozen,
    /// It was ended on purpose and must be started again.
    Down,
}

impl LabState {
    /// Writes the state file of the lab whose folder this is. A reader sees the old one or the new one.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let (file, fresh) = (folder.join("state.json"), folder.join("state.json.new"));
        let text = serde_json::to_vec_pretty(self).context("putting the lab's state into JSON")?;
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &file))
            .with_context(|| format!("writing {}", file.display()))
    }

    /// Reads a lab's state file.
    ///
    /// # Errors
    /// If there is none, or it is not one of ours.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("state.json");
        let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("understanding {}", file.display()))
    }
}

/// The number that identifies this run of the machine.
pub fn machine_boot() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}
