//! What is told of a lab that is up, whatever it runs on?

use jiff::Timestamp;
use serde::Serialize;

/// How one lab is.
#[derive(Debug, Serialize)]
pub struct LabStatus {
    /// What it runs on.
    pub driver: &'static str,
    /// Its name.
    pub name: String,
    /// Whether nobody has to clean up after it.
    pub alive: bool,
    /// The tool that owns it; `None` if compose has started it.
    pub tool_pid: Option<i32>,
    /// When it was started.
    pub started_at: Timestamp,
    /// Where sessions live that are kept outside, and why.
    pub store: String,
    /// Where its logs are, or what shows them.
    pub logs: String,
    /// What should be there and is not.
    pub missing: Vec<String>,
    /// The same in words, and what makes it whole.
    #[serde(skip)]
    pub says_missing: Option<String>,
    /// Its processes or containers.
    pub processes: Vec<ProcessStatus>,
}

/// How one process is.
#[derive(Debug, Serialize)]
pub struct ProcessStatus {
    /// Its name.
    pub name: String,
    /// Where it answers.
    pub url: String,
    /// `up`, `frozen` or `down`.
    pub state: &'static str,
    /// Which run of it this is, if it says so.
    pub boot_id: Option<String>,
    /// Its process id, while it runs.
    pub pid: Option<i32>,
    /// For how many seconds it has been running.
    pub up_s: Option<i64>,
    /// How often it was started again, if anybody has counted.
    pub restarts: Option<u32>,
    /// When it was last started.
    #[serde(skip)]
    pub since: Option<Timestamp>,
}
