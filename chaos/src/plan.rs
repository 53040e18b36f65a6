//! What is a matrix made of? Its cells, their data, and the labs they are tried in.

use std::path::PathBuf;

use anyhow::Context;

use crate::driver::{Driver, DriverName, LabSpec};
use crate::fault::Hits;
use crate::run::Cell;
use crate::schedule::Only;
use crate::service::Service;
use crate::way::Way;

/// What a matrix is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What its labs run on.
    pub driver: DriverName,
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

/// Ports that a whole lab on this machine takes: six replicas with two each, Redis, and a gateway with five.
pub const PORTS_A_LAB: usize = 18;

/// Files that this tool has open for one: a lock a port, a pipe and a log a process, what its client asks.
pub const FILES_A_LAB: u64 = 56;

/// How many labs work at the same time if nobody says otherwise. A cell mostly waits for processes to
/// start and end, so a core can look after several; the engine does most of its work one thing at a time.
pub fn default_jobs(driver: DriverName) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match driver {
        DriverName::Local => cores * 4,
        DriverName::Docker => cores,
    }
}

/// Starts a lab for this plan, or joins the one that it names.
///
/// # Errors
/// If it does not start.
pub async fn lab(plan: &Plan, number: usize) -> anyhow::Result<Driver> {
    let mut spec = LabSpec::new(plan.services.clone());
    spec.driver = plan.driver;
    spec.redis = plan.cells.iter().any(|cell| cell.fault.row().hits == Hits::Redis);
    spec.gateway = plan.cells.iter().any(|cell| cell.way == Way::Gateway);
    // One that is joined is always the first, however often it is joined again.
    let number = if plan.lab.is_some() { 1 } else { number };
    spec.keep_logs_in = Some(plan.folder.join(format!("lab-{number}")));
    let lab = Driver::join_or_start(plan.lab.as_deref(), &spec).await;
    match &plan.lab {
        Some(_) => lab,
        None => lab.with_context(|| format!("starting lab {number}")),
    }
}
