//! Which labs are up, and how are they?

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::driver::docker::program;
use crate::driver::local::{control, proc};
use crate::driver::{Driver, DriverName, docker};
use crate::report::wrap::{fitted, narrow};
use crate::state::folder;
use crate::state::{Condition, LabState, ProcessState};

/// `chaos status`
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArgs {
    /// Only labs that run on this; without it all, as far as there is an engine
    #[arg(long, value_enum)]
    pub driver: Option<DriverName>,

    /// One JSON object on stdout instead of text
    #[arg(long)]
    pub json: bool,
}

/// How all labs of this user are.
#[derive(Debug, Serialize)]
struct Status {
    labs: Vec<LabStatus>,
}

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

/// Prints how every lab of this user is.
///
/// # Errors
/// If the labs' folder cannot be read.
pub async fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let mut labs = Vec::new();
    if args.driver != Some(DriverName::Docker) {
        for name in folder::names()? {
            // A lab that has just gone is no longer worth a line.
            labs.extend(look(&name).await);
        }
    }
    match (args.driver, docker::status::labs().await) {
        (Some(DriverName::Local), _) => {}
        (_, Ok(in_containers)) => labs.extend(in_containers),
        (Some(DriverName::Docker), Err(error)) => return Err(error),
        // Without an engine there is nothing in it.
        (None, Err(_)) => {}
    }
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&Status { labs })?)?;
    } else if labs.is_empty() {
        let none = "no lab is up; start one with `chaos up`, or `chaos up --driver docker`";
        writeln!(stdout(), "{}", fitted(none, 0))?;
    } else {
        labs.iter().try_for_each(|lab| write!(stdout(), "{}", text(lab)))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(name: &str) -> Option<LabStatus> {
    let path = folder::folder_of(name).ok()?;
    let (state, alive) = (LabState::load(&path).ok()?, folder::is_owned(name).ok()?);
    // Anybody can ask a replica for its boot id; but only a lab that takes orders waits for our questions.
    let driver = if control::socket_in(&path).exists() {
        Driver::attach(DriverName::Local, name).await.ok()
    } else {
        None
    };
    let mut processes = Vec::new();
    for (process, at) in &state.processes {
        let boot_id = match &driver {
            Some(driver) => driver.boot_id(process).await.ok(),
            None => None,
        };
        processes.push(status_of(&state, process, at, boot_id));
    }
    Some(LabStatus {
        driver: "local",
        name: name.to_owned(),
        alive,
        tool_pid: Some(state.tool_pid),
        started_at: state.started_at,
        store: state.store.why().to_owned(),
        logs: format!("in {}", state.logs.display()),
        missing: Vec::new(),
        processes,
    })
}

fn status_of(lab: &LabState, name: &str, at: &ProcessState, boot_id: Option<String>) -> ProcessStatus {
    let replica = lab.replicas.values().flatten().find(|replica| replica.name == name);
    let runs = at.id.is_some_and(proc::runs);
    ProcessStatus {
        name: name.to_owned(),
        url: match (replica, &lab.gateway) {
            (Some(replica), _) => replica.url.clone(),
            (None, Some(gateway)) if name == "gateway" => format!("{}/stats", gateway.stats),
            (None, _) => lab.store.url().unwrap_or_default().to_owned(),
        },
        state: match at.condition {
            _ if !runs => "down",
            Condition::Frozen => "frozen",
            Condition::Up | Condition::Down => "up",
        },
        boot_id,
        pid: at.id.map(|id| id.pid).filter(|_| runs),
        up_s: runs.then(|| Timestamp::now().duration_since(at.started_at).as_secs()),
        restarts: Some(at.restarts),
        since: Some(at.started_at),
    }
}

fn text(lab: &LabStatus) -> String {
    let owner = match lab.tool_pid {
        None => "up, started by compose".to_owned(),
        Some(pid) if lab.alive => format!("up, owned by chaos with pid {pid}"),
        Some(pid) => format!("left behind by chaos with pid {pid}, which is gone: `chaos heal` removes it"),
    };
    let place = if lab.driver == "docker" { " in containers" } else { "" };
    let head = fitted(&format!("lab {:?}{place}: {owner}", lab.name), 2);
    let mut text = format!("{head}\n{}\n", fitted(&lab.store, 0));
    let width = |of: fn(&ProcessStatus) -> usize| lab.processes.iter().map(of).max().unwrap_or(0);
    // Columns only where they have room; elsewhere a line is broken as any other.
    let columns = |of| if narrow() { 0 } else { width(of) };
    let (name_width, url_width) = (columns(|p| p.name.len()), columns(|p| p.url.len()));
    for process in &lab.processes {
        let up = process.up_s.map_or_else(String::new, |seconds| format!("for {seconds} s, "));
        let boot = process.boot_id.as_deref().map_or_else(String::new, |id| format!("  boot {id}"));
        let restarts = process.restarts.map_or_else(String::new, |times| format!("restarted {times} times"));
        let line = format!("{} {up}{restarts}{boot}", process.state);
        let line = line.trim_end_matches(", ");
        let line = format!("  {:name_width$}  {:url_width$}  {line}", process.name, process.url);
        text.push_str(&format!("{}\n", fitted(&line, 4)));
    }
    for missing in &lab.missing {
        let compose = program::called();
        let line = format!("  {missing} is not there: {compose} -p {} up -d makes it", lab.name);
        text.push_str(&format!("{}\n", fitted(&line, 4)));
    }
    text.push_str(&format!("{}\n\n", fitted(&format!("logs: {}", lab.logs), 2)));
    text
}
