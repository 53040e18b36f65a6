//! Which labs of this user are up on this machine, and how are their processes?

use jiff::Timestamp;

use super::{control, proc};
use crate::driver::status::{LabStatus, ProcessStatus};
use crate::driver::{Driver, DriverName};
use crate::state::folder;
use crate::state::{Condition, LabState, ProcessState};

/// Every lab of this user.
///
/// # Errors
/// If the labs' folder cannot be read.
pub async fn labs() -> anyhow::Result<Vec<LabStatus>> {
    let mut labs = Vec::new();
    for name in folder::names()? {
        // A lab that has just gone is no longer worth a line.
        labs.extend(lab(&name).await);
    }
    Ok(labs)
}

async fn lab(name: &str) -> Option<LabStatus> {
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
        processes.push(one(&state, process, at, boot_id));
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
        says_missing: None,
        processes,
    })
}

fn one(lab: &LabState, name: &str, at: &ProcessState, boot_id: Option<String>) -> ProcessStatus {
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
