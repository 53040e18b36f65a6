//! What is done with what a dead tool left of its lab? Its processes are ended and its folder is removed.

use std::time::{Duration, Instant};

use anyhow::bail;
use nix::sys::signal::Signal;

use super::proc;
use crate::state::folder::Folder;
use crate::state::{LabState, machine_boot};

/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// Removes what a dead tool left of its lab; says what that was. Nothing if its owner lives.
///
/// # Errors
/// If the folder cannot be read, or a process does not end.
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
        if proc::runs(id) {
            // Its folder stays, so that the next attempt knows of it.
            folder.keep();
            bail!(
                "{process} (pid {}) outlived SIGKILL for {GONE_WITHIN:?}; `chaos heal` tries again",
                id.pid
            );
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
