//! How does a lab that this tool has made come to its end? Whatever happens, a Ctrl-C, a panic, a box that
//! does not start: its logs are kept if they are wanted, and nothing of it is left.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use bollard::Docker as Engine;

use super::{engine, find, logs, remove};
use crate::driver::local::ports::Port;

/// What the engine was asked for and had not yet answered may still appear, for so long.
const LATE_FOR: Duration = Duration::from_secs(1);

/// A lab of our own. Dropping it removes the lab.
#[derive(Debug)]
pub struct Ours {
    project: String,
    files: PathBuf,
    keep_logs_in: Option<PathBuf>,
    // Whether everything that was asked for has been answered.
    settled: AtomicBool,
    gone: AtomicBool,
    _ports: Vec<Port>,
}

impl Ours {
    /// Takes the end of a lab upon itself, before anything of it has been made.
    pub fn new(project: &str, files: PathBuf, keep_logs_in: Option<PathBuf>, ports: Vec<Port>) -> Ours {
        let (settled, gone) = (AtomicBool::new(false), AtomicBool::new(false));
        Ours { project: project.to_owned(), files, keep_logs_in, settled, gone, _ports: ports }
    }

    /// Where the files lie that are mounted into its boxes.
    pub fn files(&self) -> &Path {
        &self.files
    }

    /// Where its boxes' logs are kept, if they are.
    pub fn keeps_logs_in(&self) -> Option<&Path> {
        self.keep_logs_in.as_deref()
    }

    /// Everything that the engine was asked to make is made.
    pub fn settled(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    /// Ends the lab.
    pub async fn end(&self, engine: &Engine) {
        // What cannot be removed now, `chaos heal` removes when this tool is gone.
        if let Err(error) = self.remove(engine).await {
            eprintln!(
                "chaos: the lab {:?} is not all gone: {error:#}; `chaos heal` removes it",
                self.project
            );
        }
    }

    async fn remove(&self, engine: &Engine) -> anyhow::Result<()> {
        if self.gone.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        if let (Some(folder), Ok(Some(found))) =
            (&self.keep_logs_in, find::project(engine, &self.project).await)
        {
            logs::collect(engine, &found, folder, None).await;
        }
        remove::all_of(engine, &self.project).await?;
        let start = Instant::now();
        while !self.settled.load(Ordering::Relaxed) && start.elapsed() < LATE_FOR {
            tokio::time::sleep(LATE_FOR / 10).await;
            remove::all_of(engine, &self.project).await?;
        }
        remove::files(&self.files)
    }

    /// As [`Ours::end`], from where nobody can wait: while a panic unwinds, or a command is given up.
    fn raze(&self) {
        if self.gone.load(Ordering::Relaxed) {
            return;
        }
        let end = || -> anyhow::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("waiting for the engine")?;
            runtime.block_on(async {
                let engine = engine::open().await?;
                self.end(&engine).await;
                Ok(())
            })
        };
        // A thread of its own, because a runtime cannot be entered from within another.
        std::thread::scope(|scope| {
            if let Ok(Err(error)) = scope.spawn(end).join() {
                eprintln!(
                    "chaos: the lab {:?} is not gone: {error:#}; `chaos heal` removes it",
                    self.project
                );
            }
        });
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.raze();
    }
}
