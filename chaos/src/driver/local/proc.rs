//! What does the system say about a process?

use std::fs;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::state::ProcessId;

/// The part of `/proc/PID/stat` that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `R` running, `S` sleeping, `T` stopped, `Z` dead and not yet fetched by its parent, ...
    pub state: char,
    /// The process group.
    pub group: i32,
    /// When it started, in ticks since boot.
    pub start_ticks: u64,
}

/// Looks at a process; `None` if there is none with this id.
pub fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, and may hold spaces and brackets of its own.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

/// The state letter of exactly this process; `None` if it is gone, even if another has its number now.
pub fn state_of(id: ProcessId) -> Option<char> {
    stat(id.pid).filter(|stat| stat.start_ticks == id.start_ticks).map(|stat| stat.state)
}

/// Whether exactly this process still runs. One that is dead and not yet fetched does not.
pub fn runs(id: ProcessId) -> bool {
    state_of(id).is_some_and(|state| state != 'Z' && state != 'X')
}

/// Sends a signal to exactly this process and what it started, which is its group; says whether it was
/// there to get it.
pub fn signal(id: ProcessId, signal: Signal) -> bool {
    runs(id) && killpg(Pid::from_raw(id.pid), signal).is_ok()
}

/// Ends what is left of the group of a process that is gone itself. `mark` is a line of the environment
/// that only the lab's own processes have. Says how many there were.
pub fn end_orphans(id: ProcessId, mark: &str) -> usize {
    if stat(id.pid).is_some() {
        return 0; // Somebody else has the number now, or the process is not gone.
    }
    let of_group = all_pids().filter(|pid| stat(*pid).is_some_and(|stat| stat.group == id.pid));
    of_group.filter(|pid| bears(*pid, mark) && kill(Pid::from_raw(*pid), Signal::SIGKILL).is_ok()).count()
}

fn all_pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn bears(pid: i32, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|line| line == mark.as_bytes())
}
