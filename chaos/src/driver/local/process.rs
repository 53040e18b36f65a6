//! What is one of the lab's processes, and how is it started?

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::sync::watch;

use super::proc;
use super::spawner::Spawner;
use crate::state::ProcessId;

/// All it takes to start a process, as often as needed.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Its name in the lab.
    pub name: String,
    /// What to run.
    pub program: PathBuf,
    /// With which arguments.
    pub args: Vec<String>,
    /// With what in its environment, beside this tool's own.
    pub env: Vec<(String, String)>,
    /// The file that gets what it prints.
    pub log: PathBuf,
}

/// A process that was started. Cheap to clone; it does not end when this is dropped.
#[derive(Debug, Clone)]
pub struct Running {
    /// Which process.
    pub id: ProcessId,
    exit: watch::Receiver<Option<ExitStatus>>,
    first_line: watch::Receiver<Option<String>>,
}

impl Running {
    /// Starts a process and returns at once.
    ///
    /// # Errors
    /// If the program cannot be started, or its log not be written.
    pub async fn start(recipe: &Recipe, spawner: &Spawner) -> anyhow::Result<Running> {
        let log = open_log(&recipe.log)?;
        let mut command = Command::new(&recipe.program);
        command.args(&recipe.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        // What this tool was told is not meant for the services: LAB_KEYS in the caller's shell would
        // otherwise win over the lab's own.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LAB_") {
                command.env_remove(name);
            }
        }
        command.envs(recipe.env.iter().map(|(name, value)| (name, value)));
        let starting = || format!("starting {} ({})", recipe.name, recipe.program.display());
        let mut child = spawner.spawn(command).await.with_context(starting)?;

        let pid = child.id().and_then(|id| i32::try_from(id).ok()).with_context(starting)?;
        // Nobody has waited for it yet, so the system still knows it, dead or alive.
        let start_ticks = proc::stat(pid).with_context(starting)?.start_ticks;
        let (said, first_line) = watch::channel(None);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(keep_output(stdout, said, recipe.log.clone()));
        }
        let (ended, exit) = watch::channel(None);
        tokio::spawn(async move {
            // Only a process that somebody else waited for gives no status, and nobody does.
            let status = child.wait().await.unwrap_or_default();
            let _ = ended.send(Some(status));
        });
        Ok(Running { id: ProcessId { pid, start_ticks }, exit, first_line })
    }

    /// Waits until it has printed its first line, and returns it.
    ///
    /// # Errors
    /// If it exits first, or prints nothing within `within`; with the last lines of its log.
    pub async fn announced(&self, recipe: &Recipe, within: Duration) -> anyhow::Result<String> {
        let (mut first_line, mut exit) = (self.first_line.clone(), self.exit.clone());
        let line = async { first_line.wait_for(Option::is_some).await.ok().and_then(|line| line.clone()) };
        let status = async { exit.wait_for(Option::is_some).await.ok().and_then(|status| *status) };
        let what = tokio::select! {
            Some(line) = line => return Ok(line),
            Some(status) = status => format!("ended at once ({status})"),
            () = tokio::time::sleep(within) => format!("printed nothing within {within:.1?}"),
        };
        bail!("{} {what}; the end of its log:\n{}", recipe.name, last_lines(&recipe.log, 5))
    }

    /// Waits until it has exited; false if it still runs after `within`.
    pub async fn gone(&self, within: Duration) -> bool {
        let mut exit = self.exit.clone();
        tokio::time::timeout(within, exit.wait_for(Option::is_some)).await.is_ok()
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        self.exit.borrow().is_none() && proc::runs(self.id)
    }

    /// Sends it a signal, and notes that in its log.
    ///
    /// # Errors
    /// If it no longer runs.
    pub fn signal(&self, recipe: &Recipe, signal: Signal) -> anyhow::Result<()> {
        note(&recipe.log, signal.as_str());
        if !proc::signal(self.id, signal) {
            bail!("{} does not run, so it cannot be sent {signal}", recipe.name);
        }
        Ok(())
    }
}

/// Writes what the tool does into the log of the process it does it to: a reader of the log sees why it
/// ends there.
pub fn note(log: &Path, what: &str) {
    if let Ok(mut file) = open_log(log) {
        let _ = writeln!(file, "{} chaos: {what}", Timestamp::now());
    }
}

/// The last lines of a file, each with its end cut off where it would fill a screen.
pub fn last_lines(file: &Path, count: usize) -> String {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<String> = text.lines().map(|line| line.chars().take(400).collect()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn open_log(path: &Path) -> anyhow::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("opening the log {}", path.display()))
}

/// Hands on the first line and puts everything into the log.
async fn keep_output(stdout: ChildStdout, said: watch::Sender<Option<String>>, log: PathBuf) {
    let Ok(file) = open_log(&log) else { return };
    let (mut file, mut lines) = (tokio::fs::File::from_std(file), BufReader::new(stdout).lines());
    while let Ok(Some(line)) = lines.next_line().await {
        let kept = file.write_all(format!("{line}\n").as_bytes()).await;
        said.send_if_modified(|first| {
            first.is_none() && {
                *first = Some(line);
                true
            }
        });
        if kept.is_err() || file.flush().await.is_err() {
            return; // A full disk. The process goes on; its log says so by ending here.
        }
    }
}
