//! Which workflows survive what? Every flow × fault × moment × service, each compared with its prediction.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::draws::Draws;
use crate::driver::{Driver, LabSpec};
use crate::predict::Predictions;
use crate::report::progress::Progress;
use crate::results::{self, Observed, Results, Summary};
use crate::run::{self, Cell};
use crate::schedule::Only;
use crate::service::Service;

/// What a matrix is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// What they are restricted to; the control runs are too.
    pub only: Only,
    /// The services in each lab.
    pub services: Vec<Service>,
    /// Determines the data of each cell.
    pub seed: u64,
    /// How many labs work at the same time.
    pub jobs: usize,
    /// A lab that is up already and is used instead of labs of its own; then there is one job.
    pub lab: Option<String>,
    /// Where the processes' logs go.
    pub folder: PathBuf,
}

/// How many labs work at the same time if nobody says otherwise. A cell mostly waits for processes to
/// start and end, so a core can look after several.
pub fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| cores.get() * 4)
}

/// Tries the control runs and then every cell, and says what came of it.
///
/// # Errors
/// If a lab cannot be started.
pub async fn matrix(plan: Plan, progress: &Progress) -> anyhow::Result<Results> {
    let (started_at, start) = (Timestamp::now(), Instant::now());
    let predictions = Arc::new(Predictions::builtin()?);

    // The control runs have the machine to themselves, because they are also the measurement.
    progress.say("starting a lab");
    let first = lab(&plan, 1).await?;
    let store = first.store().why().to_owned();
    let control = controls(&first, &plan, &predictions, progress).await?;

    let cells = if control.iter().all(|control| control.as_predicted) {
        sweep(&plan, first, predictions, progress).await?
    } else {
        first.stop().await;
        Vec::new()
    };
    progress.done();
    Ok(Results {
        seed: plan.seed,
        driver: "local",
        store,
        started_at,
        duration_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        summary: Summary::of(&cells),
        control,
        cells,
    })
}

async fn lab(plan: &Plan, number: usize) -> anyhow::Result<Driver> {
    if let Some(name) = &plan.lab {
        return Driver::attach(name).await;
    }
    let mut spec = LabSpec::new(plan.services.clone());
    spec.keep_logs_in = Some(plan.folder.join(format!("lab-{number}")));
    Driver::start(&spec).await.with_context(|| format!("starting lab {number}"))
}

async fn controls(
    lab: &Driver,
    plan: &Plan,
    predictions: &Predictions,
    progress: &Progress,
) -> anyhow::Result<Vec<results::Control>> {
    let mut controls = Vec::new();
    for flow in plan.only.flows() {
        let wanted = |service: &&Service| plan.only.has_service(&service.name);
        for service in plan.services.iter().filter(wanted) {
            // Its cells say why it is not available.
            if run::not_playable(lab, flow, &service.name).is_some() {
                continue;
            }
            progress.say(&format!("control: {flow} × {}", service.name));
            let draws = Draws::of_part(plan.seed, u64::MAX - controls.len() as u64);
            controls.push(run::control(lab, flow, service, predictions, draws).await?);
        }
    }
    Ok(controls)
}

/// Tries every cell, in several labs at once, and returns them in the order of the schedule.
async fn sweep(
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
    cells.into_iter().collect::<Option<Vec<_>>>().context("a cell was never tried")
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

/// Whether this cell asks for a second look: it deviated, or proves nothing.
pub fn stands_out(cell: &results::Cell) -> bool {
    !cell.as_predicted && cell.observed != Observed::NotAvailable
}
