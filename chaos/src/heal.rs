//! How is everything put right again, whatever has happened to the tool?
//!
//! `chaos heal` can be called at any time and as often as one likes. A lab whose tool lives is told to
//! undo what is in force. A lab whose tool died has left nothing running, if the kernel did its part; what
//! is there all the same is ended, and its folder removed.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use nix::sys::signal::Signal;

use crate::driver::Driver;
use crate::driver::local::{control, proc};
use crate::state::folder::{self, Folder};
use crate::state::{LabState, machine_boot};

/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// `chaos heal`
#[derive(Debug, Clone, Default, Args)]
pub struct HealArgs {
    /// Only the lab of this name
    #[arg(long, value_name = "NAME")]
    pub lab: Option<String>,
}

/// Heals one lab, or all of this user.
///
/// # Errors
/// If a lab cannot be healed.
pub async fn run(args: &HealArgs) -> anyhow::Result<ExitCode> {
    let mut names = folder::names()?;
    names.retain(|name| args.lab.as_ref().is_none_or(|wanted| wanted == name));
    for name in &names {
        for line in heal(name).await? {
            writeln!(stdout(), "{name}: {line}")?;
        }
    }
    folder::remove_doomed()?;
    if names.is_empty() {
        writeln!(stdout(), "nothing to heal: there is no lab")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Heals the lab of this name, alive or dead; says what was done, a line each.
///
/// # Errors
/// If it will not heal.
pub async fn heal(name: &str) -> anyhow::Result<Vec<String>> {
    if !folder::is_owned(name)? {
        return bury(name);
    }
    if !control::socket_in(&folder::folder_of(name)?).exists() {
        return Ok(vec!["is in use by a running `chaos`, which undoes what it does; left alone".to_owned()]);
    }
    let mut done = Driver::attach(name).await?.heal().await?;
    if done.is_empty() {
        done.push("is up, and nothing has to be undone".to_owned());
    }
    Ok(done)
}

/// Removes what a dead tool left of its lab; says what that was. Nothing if its owner lives.
///
/// # Errors
/// If the folder cannot be read.
pub fn bury(name: &str) -> anyhow::Result<Vec<String>> {
    let Some(folder) = Folder::inherit(name)? else { return Ok(Vec::new()) };
    let mut done = Vec::new();
    // Without a state file nothing had been started yet. After a reboot nothing runs any more, and the
    // process ids belong to others.
    let state = LabState::load(folder.path()).ok().filter(|state| state.machine_boot == machine_boot());
    for (process, id) in state.iter().flat_map(|state| &state.processes).filter_map(|(p, s)| Some((p, s.id?)))
    {
        if proc::signal(id, Signal::SIGKILL) {
            done.push(format!("{process} (pid {}) outlived its tool and was ended", id.pid));
        }
        let start = Instant::now();
        while proc::runs(id) && start.elapsed() < GONE_WITHIN {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mark = state.as_ref().map_or("", |state| &state.mark);
        match proc::end_orphans(id, mark) {
            0 => {}
            count => done.push(format!("{count} processes that {process} had started were ended")),
        }
    }
    done.push("its tool is gone; what it left behind is removed".to_owned());
    Ok(done)
}
