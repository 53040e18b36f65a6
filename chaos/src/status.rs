//! Which labs are up, and how are they?

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::driver::Driver;
use crate::driver::local::{control, proc};
use crate::state::folder;
use crate::state::{Condition, LabState, ProcessState};

/// `chaos status`
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArgs {
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
struct LabStatus {
    name: String,
    alive: bool,
    tool_pid: i32,
    started_at: Timestamp,
    store: String,
    logs: String,
    processes: Vec<ProcessStatus>,
}

/// How one process is.
#[derive(Debug, Serialize)]
struct ProcessStatus {
    name: String,
    url: String,
    state: &'static str,
    boot_id: Option<String>,
    pid: Option<i32>,
    up_s: Option<i64>,
    restarts: u32,
}

/// Prints how every lab of this user is.
///
/// # Errors
/// If the labs' folder cannot be read.
pub async fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let mut labs = Vec::new();
    for name in folder::names()? {
        // A lab that has just gone is no longer worth a line.
        labs.extend(look(&name).await);
    }
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&Status { labs })?)?;
    } else if labs.is_empty() {
        writeln!(stdout(), "no lab is up; start one with `chaos up`")?;
    } else {
        labs.iter().try_for_each(|lab| write!(stdout(), "{}", text(lab)))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(name: &str) -> Option<LabStatus> {
    let path = folder::folder_of(name).ok()?;
    let (state, alive) = (LabState::load(&path).ok()?, folder::is_owned(name).ok()?);
    // Anybody can ask a replica for its boot id; but only a lab that takes orders waits for our questions.
    let driver = if control::socket_in(&path).exists() { Driver::attach(name).await.ok() } else { None };
    let mut processes = Vec::new();
    for (process, at) in &state.processes {
        let boot_id = match &driver {
            Some(driver) => driver.boot_id(process).await.ok(),
            None => None,
        };
        processes.push(status_of(&state, process, at, boot_id));
    }
    Some(LabStatus {
        name: name.to_owned(),
        alive,
        tool_pid: state.tool_pid,
        started_at: state.started_at,
        store: state.store.why().to_owned(),
        logs: state.logs.display().to_string(),
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
        restarts: at.restarts,
    }
}

fn text(lab: &LabStatus) -> String {
    let owner = if lab.alive {
        format!("up, owned by chaos with pid {}", lab.tool_pid)
    } else {
        format!("left behind by chaos with pid {}, which is gone: `chaos heal` removes it", lab.tool_pid)
    };
    let mut text = format!("lab {:?}: {owner}\n{}\n", lab.name, lab.store);
    let width = |of: fn(&ProcessStatus) -> usize| lab.processes.iter().map(of).max().unwrap_or(0);
    let (name_width, url_width) = (width(|p| p.name.len()), width(|p| p.url.len()));
    for process in &lab.processes {
        let up = process.up_s.map_or_else(String::new, |seconds| format!("for {seconds} s, "));
        let boot = process.boot_id.as_deref().map_or_else(String::new, |id| format!("  boot {id}"));
        text.push_str(&format!(
            "  {:name_width$}  {:url_width$}  {} {up}restarted {} times{boot}\n",
            process.name, process.url, process.state, process.restarts,
        ));
    }
    text.push_str(&format!("logs are in {}\n\n", lab.logs));
    text
}
