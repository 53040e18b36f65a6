//! Which labs are up in the engine, and how are their boxes?

use bollard::Docker as Engine;
use jiff::Timestamp;

use super::find::Found;
use super::project::Project;
use super::{Docker, attach, engine, find, logs};
use crate::driver::Driver;
use crate::driver::status::{LabStatus, ProcessStatus};

/// Every lab in the engine.
///
/// # Errors
/// If there is no engine, or it does not answer.
pub async fn labs() -> anyhow::Result<Vec<LabStatus>> {
    let engine = engine::open().await?;
    let mut labs = Vec::new();
    for found in find::all(&engine).await? {
        // A lab that has just gone is no longer worth a line.
        labs.extend(lab(&engine, &found).await.ok());
    }
    Ok(labs)
}

async fn lab(engine: &Engine, found: &Found) -> anyhow::Result<LabStatus> {
    let docker = Docker::join(engine, found).await?;
    let (project, store) = (&docker.project, docker.lab.store.why().to_owned());
    let mut processes = Vec::new();
    for name in project.stores_first() {
        processes.push(one(project, &docker, &name).await?);
    }
    let expected = if found.private { Ok(found.clone()) } else { attach::named(engine, &found.name).await };
    let missing = expected.iter().flat_map(Found::missing).map(str::to_owned).collect();
    let says_missing = expected.iter().find_map(Found::says_missing);
    let started_at = processes.iter().filter_map(|process| process.since).min();
    Ok(LabStatus {
        driver: "docker",
        name: found.name.clone(),
        alive: found.owner.as_ref().is_none_or(|owner| owner.lives()),
        tool_pid: found.owner.as_ref().map(|owner| owner.pid()),
        started_at: started_at.unwrap_or_else(Timestamp::now),
        store,
        logs: format!("docker logs {}", super::make::container(&found.name, "BOX")),
        missing,
        says_missing,
        processes,
    })
}

async fn one(project: &Project, docker: &Docker, name: &str) -> anyhow::Result<ProcessStatus> {
    let boxed = project.boxed(name)?;
    let state = project.state_of(name).await?;
    let (runs, paused) = (state.running == Some(true), state.paused == Some(true));
    let since: Option<Timestamp> = state.started_at.and_then(|time| time.parse().ok());
    // A paused box answers nobody, and asking it would take as long as we are ready to wait.
    let replica = docker.lab.replicas.values().flatten().find(|replica| replica.name == name);
    let boot_id = match replica.filter(|_| runs && !paused) {
        Some(replica) => Driver::boot_id_of(replica).await.ok(),
        None => None,
    };
    Ok(ProcessStatus {
        name: name.to_owned(),
        url: boxed.ports.first().map_or_else(String::new, |port| format!("127.0.0.1:{}", port.host)),
        state: match (runs, paused) {
            (false, _) => "down",
            (true, true) => "frozen",
            (true, false) => "up",
        },
        boot_id,
        pid: state.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0),
        up_s: since.filter(|_| runs).map(|since| Timestamp::now().duration_since(since).as_secs()),
        restarts: logs::restarts(&project.engine, &boxed.container).await,
        since,
    })
}
