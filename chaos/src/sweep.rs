//! How are many cells tried at once, without one of them disturbing another? Each job has a lab of its own,
//! heals it after every cell, and replaces it if it does not heal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
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

/// How many late cells are tried again. If more than these are late, that is no accident.
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
    while let Some(ended) = jobs.join_next().await {
        ended.context("waiting for a job")??;
    }
    let mut cells = cells.into_iter().collect::<Option<Vec<_>>>().context("a cell was never tried")?;
    once_more(&plan, &mut cells, &predictions, progress).await?;
    Ok(cells)
}

/// Tries the cells that were late once more, alone. Late is not wrong: on a busy machine a request now and
/// then takes longer than anybody waits for it. A service that hangs is late again. What was lost or
/// doubled is wrong at any speed, and is never tried again.
async fn once_more(
    plan: &Plan,
    cells: &mut [results::Cell],
    predictions: &Predictions,
    progress: &Progress,
) -> anyhow::Result<()> {
    let late: Vec<usize> = (0..cells.len()).filter(|at| is_late(&cells[*at])).collect();
    if late.is_empty() || late.len() > AGAIN_AT_MOST {
        return Ok(());
    }
    let driver = lab(plan, 1).await?;
    for at in late {
        progress.say(&format!("once more, alone: {}", story::title(&cells[at])));
        let draws = Draws::of_part(plan.seed, at as u64);
        let mut again = run::cell(&driver, &plan.cells[at], predictions, draws).await?;
        driver.heal().await?;
        let first = &cells[at];
        let how = [first.observed.word()].into_iter().chain(first.notes.iter().map(String::as_str));
        again.tries = 2;
        again.notes.push(format!("tried once more, alone; at first: {}", how.collect::<Vec<_>>().join(", ")));
        cells[at] = again;
    }
    driver.stop().await;
    Ok(())
}

/// Whether something took too long for this cell to say anything.
fn is_late(cell: &results::Cell) -> bool {
    let too_long = matches!(cell.reason.as_deref(), Some("timeout" | "timed_out"));
    !cell.as_predicted && (cell.observed == Observed::Inconclusive || too_long)
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
    async fn work(self, ready_made: Option<Driver>) -> anyhow::Result<()> {
        let mut driver = match ready_made {
            Some(driver) => driver,
            None => lab(&self.plan, self.number).await?,
        };
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = self.plan.cells.get(at) else { break };
            let draws = Draws::of_part(self.plan.seed, at as u64);
            let outcome = run::cell(&driver, cell, &self.predictions, draws).await;
            // The next cell must find everything whole. A lab that cannot be healed is replaced.
            let healed = driver.heal().await;
            let sound = outcome.is_ok() && healed.is_ok();
            let tried = match outcome {
                Ok(tried) => tried,
                Err(error) => run::broken(cell, &self.predictions, &error)?,
            };
            // The receiver is gone only when the whole matrix is given up.
            let _ = self.tried.send((at, tried)).await;
            if !sound {
                driver.stop().await;
                driver = lab(&self.plan, self.number).await?;
            }
        }
        driver.stop().await;
        Ok(())
    }
}
