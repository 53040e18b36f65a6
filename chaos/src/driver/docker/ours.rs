//! How does a lab that this tool has made come to its end? Whatever happens, a Ctrl-C, a panic, a box that
//! does not start: its logs are kept if they are wanted, and nothing of it is left.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context;
use bollard::Docker as Engine;
use tokio::sync::oneshot;

use super::labels::Owner;
use super::project::lock;
use super::{engine, find, logs, remove};
use crate::driver::local::ports::Port;

/// A lab of our own. Dropping it removes the lab.
#[derive(Debug)]
pub struct Ours {
    project: String,
    files: PathBuf,
    keep_logs_in: Option<PathBuf>,
    // Makes the lab; see [`Ours::make`].
    maker: Mutex<Option<JoinHandle<()>>>,
    logs_are_kept: AtomicBool,
    gone: AtomicBool,
    _ports: Vec<Port>,
}

impl Ours {
    /// Takes the end of a lab upon itself, before anything of it has been made.
    pub fn new(project: &str, files: PathBuf, keep_logs_in: Option<PathBuf>, ports: Vec<Port>) -> Ours {
        let (logs_are_kept, gone) = (AtomicBool::new(false), AtomicBool::new(false));
        let maker = Mutex::new(None);
        Ours { project: project.to_owned(), files, keep_logs_in, maker, logs_are_kept, gone, _ports: ports }
    }

    /// Where the files lie that are mounted into its boxes.
    pub fn files(&self) -> &Path {
        &self.files
    }

    /// Where its boxes' logs are kept, if they are.
    pub fn keeps_logs_in(&self) -> Option<&Path> {
        self.keep_logs_in.as_deref()
    }

    /// Lets the lab's things be made, in a thread of their own. If nobody waits for them any more they are made
    /// all the same: what the engine was asked for appears, whether or not anybody listens, and only then can
    /// it be removed.
    ///
    /// # Errors
    /// What could not be made.
    pub async fn make(
        &self,
        make: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> anyhow::Result<()> {
        let (done, made) = oneshot::channel();
        let maker = std::thread::spawn(move || {
            // Whoever waited may be gone.
            let _ = done.send(block_on(make));
        });
        *lock(&self.maker) = Some(maker);
        made.await.context("the thread that makes a lab is gone")?.flatten()
    }

    /// Ends the lab.
    pub async fn end(&self, engine: &Engine) {
        if self.gone.load(Ordering::Relaxed) {
            return;
        }
        // What cannot be removed now, `chaos heal` removes when this tool is gone.
        if let Err(error) = self.remove(engine).await {
            eprintln!(
                "chaos: the lab {:?} is not all gone: {error:#}; `chaos heal` removes it",
                self.project
            );
        }
        // Not before: whoever is interrupted meanwhile has not ended it, and dropping does.
        self.gone.store(true, Ordering::Relaxed);
    }

    async fn remove(&self, engine: &Engine) -> anyhow::Result<()> {
        let kept = self.logs_are_kept.load(Ordering::Relaxed);
        if let (Some(folder), false, Ok(Some(found))) =
            (&self.keep_logs_in, kept, find::project(engine, &self.project).await)
        {
            logs::collect(engine, &found, folder, None).await;
            self.logs_are_kept.store(true, Ordering::Relaxed);
        }
        remove::all_of(engine, &self.project, Some(&Owner::me())).await?;
        remove::files(&self.files)
    }

    /// As [`Ours::end`], from where nobody can wait: while a panic unwinds, or a command is given up.
    fn raze(&self) {
        if self.gone.load(Ordering::Relaxed) {
            return;
        }
        if let Some(maker) = lock(&self.maker).take() {
            // If it panicked, it makes nothing more.
            let _ = maker.join();
        }
        let end = || {
            block_on(async {
                let engine = engine::open().await?;
                self.end(&engine).await;
                anyhow::Ok(())
            })
            .flatten()
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

fn block_on<T>(task: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("waiting for the engine")?.block_on(task))
}
