//! How are cells tried? The matrix tries them, and what came of them is kept in a folder with its picture.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::args::CommonArgs;
use crate::draws::fresh_seed;
use crate::driver::DriverName;
use crate::matrix::matrix;
use crate::plan::Plan;
use crate::report::progress::Progress;
use crate::report::{html, say};
use crate::results::{self, Results};
use crate::run::Cell;
use crate::schedule::Only;
use crate::service::Service;

/// Tries cells. What came of them, and the folder in which it is kept, or why it is not: it is told all the same.
pub async fn carry_out(
    cells: Vec<Cell>,
    only: Only,
    services: Vec<Service>,
    jobs: usize,
    common: &CommonArgs,
) -> anyhow::Result<(Results, anyhow::Result<PathBuf>)> {
    let seed = common.seed.unwrap_or_else(fresh_seed);
    let folder = results::folder(Timestamp::now(), seed);
    let (driver, lab) = (common.driver, common.lab.clone());
    let plan = Plan { driver, cells, only, services, seed, jobs, lab, folder: folder.clone() };
    let progress = Progress::on_stderr();
    let results = matrix(plan, &progress).await?;
    let json = results.to_json()?;
    let page = html::page(&json)?;
    let kept = html::keep(&folder, results::FILE, &json, &page, &progress);
    if common.json {
        say(&format!("{json}\n"))?;
    } else if let Ok(page) = &kept {
        progress.note(&format!("results and logs: {}\nthe picture: {}", folder.display(), page.display()));
    }
    Ok((results, kept.map(|_| folder)))
}

/// Tries a few cells for somebody else to tell, each service once in the lab.
pub async fn try_out(
    cells: Vec<Cell>,
    seed: Option<u64>,
) -> anyhow::Result<(Results, anyhow::Result<PathBuf>)> {
    let (only, services) = just(&cells);
    let common = CommonArgs { driver: DriverName::Local, lab: None, seed, json: false };
    carry_out(cells, only, services, 1, &common).await
}

/// What these cells need and no more.
pub fn just(cells: &[Cell]) -> (Only, Vec<Service>) {
    let mut only = Only::default();
    let mut services: Vec<Service> = Vec::new();
    for cell in cells {
        only = only.and(Only::one(cell.flow, cell.fault, &cell.service.name, cell.way));
        if !services.iter().any(|known| known.name == cell.service.name) {
            services.push(cell.service.clone());
        }
    }
    (only, services)
}
