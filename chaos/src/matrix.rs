//! Which workflows survive what? Every flow × fault × moment × service × way, each compared with its
//! prediction.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::draws::Draws;
use crate::driver::{Driver, DriverName};
use crate::files;
use crate::flow::Flow;
use crate::plan::{FILES_A_LAB, Plan, lab};
use crate::predict::Predictions;
use crate::report::progress::Progress;
use crate::results::{self, Results, Summary};
use crate::run;
use crate::service::Service;
use crate::sweep::sweep;
use crate::way::Way;

/// Tries the control runs and then every cell, and says what came of it.
///
/// # Errors
/// If a lab cannot be started.
pub async fn matrix(plan: Plan, progress: &Progress) -> anyhow::Result<Results> {
    let (started_at, start) = (Timestamp::now(), Instant::now());
    let predictions = Arc::new(Predictions::builtin()?);
    let labs = plan.jobs.min(plan.cells.len()) as u64;
    if plan.driver == DriverName::Local && plan.lab.is_none() {
        let (what, cure) = match labs {
            0..2 => ("a lab".to_owned(), "end what has files open"),
            many => (format!("{many} labs at once"), "try fewer --jobs"),
        };
        files::enough_for(labs * FILES_A_LAB, &what, cure)?;
    }

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
        driver: plan.driver.word(),
        lab: plan.lab.clone(),
        pause_ms: plan.cells.first().map_or(0.0, |cell| cell.pause_for.as_secs_f64() * 1000.0),
        store,
        started_at,
        duration_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        summary: Summary::of(&cells),
        control,
        cells,
    })
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
            for way in Way::ALL.into_iter().filter(|way| has_cells(plan, flow, service, *way)) {
                // Its cells say why it is not available.
                if run::not_playable(lab, flow, &service.name, way).is_some() {
                    continue;
                }
                progress.say(&format!("control: {flow} × {}, {way}", service.name));
                let draws = Draws::of_part(plan.seed, u64::MAX - controls.len() as u64);
                controls.push(run::control(lab, flow, service, way, predictions, draws).await?);
            }
        }
    }
    Ok(controls)
}

/// A control is there for the sake of its cells.
fn has_cells(plan: &Plan, flow: Flow, service: &Service, way: Way) -> bool {
    plan.cells.iter().any(|cell| cell.flow == flow && cell.way == way && cell.service.name == service.name)
}
