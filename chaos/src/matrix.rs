//! Which workflows survive what? Every flow × fault × moment × service, each compared with its prediction.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use jiff::Timestamp;

use crate::draws::Draws;
use crate::driver::{Driver, LabSpec};
use crate::predict::Predictions;
use crate::report::progress::Progress;
use crate::results::{self, Observed, Results, Summary};
use crate::run::{self, Cell};
use crate::schedule::Only;
use crate::service::Service;
use crate::sweep::sweep;

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

/// Starts a lab for this plan, or joins the one that it names.
///
/// # Errors
/// If it does not start.
pub(crate) async fn lab(plan: &Plan, number: usize) -> anyhow::Result<Driver> {
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

/// Whether this cell asks for a second look: it deviated, or proves nothing.
pub fn stands_out(cell: &results::Cell) -> bool {
    !cell.as_predicted && cell.observed != Observed::NotAvailable
}
