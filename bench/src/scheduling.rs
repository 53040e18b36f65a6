//! How does the kernel place the load beside the server it asks? On one machine this decides a good part of
//! what a server costs, so everybody is raced both ways.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The scheduling policy of the load's thread (sched(7)). The servers always run as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduling {
    /// `SCHED_OTHER`, as `wrk` or any client runs: an answer wakes the client at once, and it may push the server
    /// off its processor in the middle of its work.
    Usual,
    /// `SCHED_BATCH`: a client that wakes waits for its turn, so the server works on with all that has come, as it
    /// would with clients on another machine and no processor to share.
    Batch,
}

impl Scheduling {
    /// In the order of the tables.
    pub const ALL: [Scheduling; 2] = [Scheduling::Usual, Scheduling::Batch];

    /// The word in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Scheduling::Usual => "the load as usual",
            Scheduling::Batch => "the load as a batch process",
        }
    }

    /// Runs `load` on the calling thread under this policy, and puts the thread back: what it starts inherits the
    /// policy, and servers shall not.
    ///
    /// # Errors
    /// If `chrt` (util-linux) is missing or refuses, or what `load` says.
    pub fn during<T>(self, load: impl FnOnce() -> Result<T>) -> Result<T> {
        self.apply()?;
        let outcome = load();
        Scheduling::Usual.apply()?;
        outcome
    }

    fn apply(self) -> Result<()> {
        let policy = match self {
            Scheduling::Usual => "--other",
            Scheduling::Batch => "--batch",
        };
        let thread = std::fs::read_link("/proc/thread-self").context("reading the thread's id")?;
        let thread = thread.file_name().context("the thread has no id")?;
        let chrt = Command::new("chrt").args([policy, "--pid", "0"]).arg(thread).output();
        let chrt = chrt.context("starting chrt (package util-linux)")?;
        ensure!(chrt.status.success(), "chrt: {}", String::from_utf8_lossy(&chrt.stderr).trim());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field 41 of `/proc/PID/stat` (proc(5)): 0 is `SCHED_OTHER`, 3 is `SCHED_BATCH`.
    fn policy(of: &str) -> String {
        let stat = std::fs::read_to_string(of).unwrap();
        let (_, after_the_name) = stat.rsplit_once(") ").unwrap();
        after_the_name.split_whitespace().nth(41 - 3).unwrap().to_owned()
    }

    #[test]
    fn the_load_has_its_policy_and_what_is_started_later_does_not() {
        for (scheduling, number) in [(Scheduling::Batch, "3"), (Scheduling::Usual, "0")] {
            let during = scheduling.during(|| Ok(policy("/proc/thread-self/stat"))).unwrap();
            assert_eq!(during, number);
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            assert_eq!(policy(&format!("/proc/{}/stat", child.id())), "0");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
