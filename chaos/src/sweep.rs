//! How are many cells tried at once, without one of them disturbing another? Each job has a lab of its own,
//! heals it after every cell, and replaces it if it does not heal. Where no other can be had, what was tried is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::draws::Draws;
use crate::driver::Driver;
use crate::plan::{Plan, lab};
use crate::predict::Predictions;
use crate::report::progress::Progress;
use crate::report::story;
use crate::results::{self, Observed};
use crate::run;

/// How many cells are tried again. If more than these say nothing, that is no accident.
const AGAIN_AT_MOST: usize = 20;

/// Tries every cell, in several labs at once, and returns them in the order of the schedule.
pub(crate) async fn sweep(
    plan: &Plan,
    first: Driver,
    predictions: Arc<Predictions>,
    progress: &Progress,
) -> anyhow::Result<Vec<results::Cell>> {
    let plan = Arc::new(plan.clone());
    let next = Arc::new(AtomicUsize::new(0));
    let (tried, mut results) = mpsc::channel(64);
    let mut jobs = JoinSet::new();
    let mut ready_made = Some(first);
    let jobs_wanted = if plan.lab.is_some() { 1 } else { plan.jobs };
    for number in 1..=jobs_wanted.clamp(1, plan.cells.len().max(1)) {
        let job = Job {
            number,
            plan: Arc::clone(&plan),
            next: Arc::clone(&next),
            predictions: Arc::clone(&predictions),
            tried: tried.clone(),
        };
        jobs.spawn(job.work(ready_made.take()));
    }
    drop(tried);

    let mut cells: Vec<Option<results::Cell>> = vec![None; plan.cells.len()];
    let mut so_far = 0;
    while let Some((at, cell)) = results.recv().await {
        so_far += 1;
        progress.count(so_far, plan.cells.len(), &cell);
        cells[at] = Some(cell);
    }
    // A job without a lab ends, and the others take its cells.
    let mut gave_up = None;
    while let Some(ended) = jobs.join_next().await {
        if let Err(error) = ended.context("waiting for a job")? {
            progress.note(&format!("one job less: {error:#}"));
            gave_up = Some(error);
        }
    }
    let mut whole = Vec::new();
    for (cell, planned) in cells.into_iter().zip(&plan.cells) {
        whole.push(match (cell, &gave_up) {
            (Some(cell), _) => cell,
            // What was tried is worth something, even if the rest could not be.
            (None, Some(error)) if so_far > 0 => run::broken(planned, &predictions, error)?,
            (None, _) => return Err(gave_up.unwrap_or_else(|| anyhow!("a cell was never tried"))),
        });
    }
    once_more(&plan, &mut whole, &predictions, progress).await?;
    Ok(whole)
}

/// Tries the cells that say nothing once more, alone. Late is not wrong: on a busy machine a request now and then
/// takes longer than anybody waits for it, or meets its fault too early. A service that hangs is late again. A promise
/// that was broken is wrong at any speed, and is never tried again.
async fn once_more(
    plan: &Plan,
    cells: &mut [results::Cell],
    predictions: &Predictions,
    progress: &Progress,
) -> anyhow::Result<()> {
    let open: Vec<usize> = (0..cells.len()).filter(|at| says_nothing(&cells[*at])).collect();
    if open.is_empty() || open.len() > AGAIN_AT_MOST {
        return Ok(());
    }
    let mut driver = None;
    for at in open {
        progress.say(&format!("once more, alone: {}", story::title(&cells[at])));
        let ready = match driver.take() {
            Some(ready) => Ok(ready),
            None => lab(plan, 1).await,
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => {
                progress.note(&format!("not tried once more: {error:#}"));
                return Ok(());
            }
        };
        let (mut again, sound) = attempt(&ready, plan, at, predictions).await?;
        driver = kept(ready, sound).await;
        if driver.is_none() && again.observed == Observed::Inconclusive {
            continue; // What was seen at first says more than that the lab broke.
        }
        let first = &cells[at];
        let how = [first.observed.word()].into_iter().chain(first.notes.iter().map(String::as_str));
        again.tries = 2;
        again.notes.push(format!("tried once more, alone; at first: {}", how.collect::<Vec<_>>().join(", ")));
        cells[at] = again;
    }
    if let Some(driver) = driver {
        driver.stop().await;
    }
    Ok(())
}

/// Whether a cell proves nothing, or only that somebody took too long.
fn says_nothing(cell: &results::Cell) -> bool {
    let too_long = matches!(cell.reason.as_deref(), Some("timeout" | "timed_out"));
    !cell.as_predicted && (cell.observed == Observed::Inconclusive || too_long)
}

/// Tries one cell, and heals the lab. False: the lab broke, or did not heal.
async fn attempt(
    driver: &Driver,
    plan: &Plan,
    at: usize,
    predictions: &Predictions,
) -> anyhow::Result<(results::Cell, bool)> {
    let cell = &plan.cells[at];
    let draws = Draws::of_part(plan.seed, at as u64);
    let outcome = run::cell(driver, cell, predictions, draws).await;
    // The next cell must find everything whole.
    let healed = driver.heal().await;
    let sound = outcome.is_ok() && healed.is_ok();
    let tried = match outcome {
        Ok(tried) => tried,
        Err(error) => run::broken(cell, predictions, &error)?,
    };
    Ok((tried, sound))
}

/// The lab, if it is fit for another cell; if not, it is ended.
async fn kept(driver: Driver, sound: bool) -> Option<Driver> {
    if sound {
        return Some(driver);
    }
    driver.stop().await;
    None
}

/// One worker with one lab.
struct Job {
    number: usize,
    plan: Arc<Plan>,
    next: Arc<AtomicUsize>,
    predictions: Arc<Predictions>,
    tried: mpsc::Sender<(usize, results::Cell)>,
}

impl Job {
    async fn work(self, mut ready_made: Option<Driver>) -> anyhow::Result<()> {
        while self.next.load(Ordering::Relaxed) < self.plan.cells.len() {
            let driver = match ready_made.take() {
                Some(driver) => driver,
                None => lab(&self.plan, self.number).await?,
            };
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            if at >= self.plan.cells.len() {
                ready_made = Some(driver); // Another job was quicker.
                break;
            }
            let (tried, sound) = attempt(&driver, &self.plan, at, &self.predictions).await?;
            // The receiver is gone only when the whole matrix is given up.
            let _ = self.tried.send((at, tried)).await;
            ready_made = kept(driver, sound).await;
        }
        if let Some(driver) = ready_made {
            driver.stop().await;
        }
        Ok(())
    }
}
