//! Pages of cells that nobody has played: as many as there can be, and longer than a run of the tests may last.

use std::path::PathBuf;
use std::time::Duration;

use chaos::client::record::Evidence;
use chaos::fault::RestartTimes;
use chaos::predict::{Expected, Predictions};
use chaos::report::html;
use chaos::results::{self, Observed, Results, Summary, Window};
use chaos::schedule::{Moments, Only, schedule};
use chaos::{run, service};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

/// One service is slow in everything and the other is not: given its full length, all of that is wider than the page.
pub fn wider_than_the_page() -> (TempDir, PathBuf) {
    let (planned, predictions) = (service::builtin(), Predictions::builtin().unwrap());
    let planned = schedule(&planned, Moments::Telling, &Only::default(), Duration::ZERO, 7);
    let times = [
        (
            "stateful",
            [(0.0, 20.0), (25.0, 15.0), (200.0, 10.0), (215.0, 10.0), (230.0, 10.0)],
            60.0,
            60.0,
            190.0,
        ),
        (
            "stateless",
            [(0.0, 120.0), (130.0, 90.0), (640.0, 10.0), (655.0, 10.0), (670.0, 10.0)],
            240.0,
            330.0,
            630.0,
        ),
    ];
    let cells = times.map(|(service, requests, from_ms, ready_ms, until_ms)| {
        let same = |cell: &&run::Cell| {
            cell.flow.name() == "cart" && cell.fault.name() == "kill" && cell.service.name == service
        };
        let mut cell = as_predicted(planned.iter().find(same).unwrap(), &predictions);
        for (request, (at_ms, ms)) in cell.evidence.iter_mut().zip(requests) {
            (request.at_ms, request.ms) = (at_ms, ms);
        }
        let (boot_before, boot_after) = ("a".to_owned(), "b".to_owned());
        cell.restart = Some(RestartTimes { boot_before, boot_after, stop_ms: 10.0, gone_ms: 2.0, ready_ms });
        cell.window = Some(Window { from_ms, until_ms });
        cell
    });
    page_of(cells.to_vec())
}

/// The page of a whole matrix that came as predicted: every cell there is, each with as many requests as a real one.
pub fn whole_matrix() -> (TempDir, PathBuf) {
    let (services, predictions) = (service::builtin(), Predictions::builtin().unwrap());
    let planned = schedule(&services, Moments::All, &Only::default(), Duration::ZERO, 7);
    page_of(planned.iter().map(|cell| as_predicted(cell, &predictions)).collect())
}

fn page_of(cells: Vec<results::Cell>) -> (TempDir, PathBuf) {
    let results = Results {
        lab: None,
        pause_ms: 50.0,
        seed: 7,
        driver: "local",
        store: "in a file".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        duration_ms: 1,
        summary: Summary::of(&cells),
        control: Vec::new(),
        cells,
    };
    let folder = tempfile::tempdir().unwrap();
    let page = html::write(folder.path(), &html::page(&results.to_json().unwrap()).unwrap()).unwrap();
    (folder, page)
}

fn as_predicted(cell: &run::Cell, predictions: &Predictions) -> results::Cell {
    let (service, steps) = (&cell.service.name, cell.flow.row().steps);
    let prediction = predictions.cell(cell.flow, cell.fault.name(), service, cell.way, cell.moment).unwrap();
    let Expected { verdict, reason } = prediction.expected.clone();
    // Two runs, whose ids nobody else has.
    let boot =
        |run: &str| format!("{service}-1.{}", Uuid::new_v4().simple().to_string()[..15].to_owned() + run);
    let (boot_before, boot_after) = (boot("a"), boot("b"));
    let request = |at: usize| Evidence {
        step: steps[at % steps.len()].to_owned(),
        method: "GET".to_owned(),
        path: "/session".to_owned(),
        status: Some(200),
        failure: None,
        failure_reason: None,
        at_ms: at as f64 * 12.25,
        ms: 3.5,
        replica: Some(format!("{service}-1")),
        boot_id: Some(if at < 3 { boot_before.clone() } else { boot_after.clone() }),
    };
    results::Cell {
        flow: cell.flow.name(),
        fault: cell.fault.name(),
        service: service.clone(),
        way: cell.way,
        moment: cell.moment,
        also: None,
        predicted: verdict,
        predicted_reason: reason.clone(),
        because: prediction.because.to_owned(),
        observed: Observed::Verdict(verdict),
        reason,
        as_predicted: true,
        tries: 1,
        notes: Vec::new(),
        proof: Some(format!("new boot id {boot_after} after {boot_before}")),
        struck_after: None,
        window: Some(Window { from_ms: 14.0, until_ms: 30.0 }),
        restart: None,
        evidence: (0..5).map(request).collect(),
    }
}
