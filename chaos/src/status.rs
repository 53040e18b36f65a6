//! Which labs are up, and how are they?

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::driver::status::{LabStatus, ProcessStatus};
use crate::driver::{DriverName, docker, local};
use crate::report::say;
use crate::report::wrap::{fitted, narrow};

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

/// Prints how every lab of this user is.
///
/// # Errors
/// If the labs' folder cannot be read.
pub async fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let mut labs = Vec::new();
    if args.driver != Some(DriverName::Docker) {
        labs.extend(local::status::labs().await?);
    }
    if args.driver != Some(DriverName::Local) {
        match docker::status::labs().await {
            Ok(in_containers) => labs.extend(in_containers),
            // Without an engine there is nothing in it.
            Err(_) if args.driver.is_none() => {}
            Err(error) => return Err(error),
        }
    }
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&Status { labs })?))?;
    } else if labs.is_empty() {
        let none = "no lab is up; start one with `chaos up`, or `chaos up --driver docker`";
        say(&format!("{}\n", fitted(none, 0)))?;
    } else {
        say(&labs.iter().map(text).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
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
    if let Some(missing) = &lab.says_missing {
        text.push_str(&format!("{}\n", fitted(&format!("  {missing}"), 4)));
    }
    text.push_str(&format!("{}\n\n", fitted(&format!("logs: {}", lab.logs), 2)));
    text
}
