//! Which facts go into the page, and how do they fit? Texts are said once and named by number; the pictures
//! of the cells that matter most go in first, until the page is full.

use std::collections::HashSet;

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use super::words::Words;
use crate::client::record::hundredths;
use crate::fault::FAULTS;
use crate::flow::FLOWS;
use crate::service;
use crate::verdict::Verdict;

/// As much of a `result.json` as the page shows; `schema/result.schema.json` describes all of it.
#[derive(Debug, Deserialize)]
struct File {
    seed: u64,
    driver: String,
    store: String,
    started_at: String,
    summary: Value,
    cells: Vec<Cell>,
}

#[derive(Debug, Deserialize)]
struct Cell {
    flow: String,
    fault: String,
    service: String,
    #[serde(default)]
    way: Option<String>,
    moment: Moment,
    predicted: String,
    predicted_reason: Option<String>,
    because: String,
    observed: String,
    reason: Option<String>,
    as_predicted: bool,
    notes: Vec<String>,
    proof: Option<String>,
    window: Option<Window>,
    restart: Option<Restart>,
    evidence: Vec<Request>,
}

#[derive(Debug, Deserialize)]
struct Moment {
    step: String,
    phase: String,
}

#[derive(Debug, Deserialize)]
struct Window {
    from_ms: f64,
    until_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Restart {
    stop_ms: f64,
    gone_ms: f64,
    ready_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Request {
    step: String,
    method: String,
    path: String,
    status: Option<u16>,
    failure: Option<String>,
    failure_reason: Option<String>,
    at_ms: f64,
    ms: f64,
    replica: Option<String>,
    boot_id: Option<String>,
}

/// The facts as JSON that can stand inside a script element, at most `room` bytes if the cells' own lines
/// allow it, with at most `marks` requests.
pub(super) fn facts(result: &str, room: usize, marks: usize) -> anyhow::Result<String> {
    let file: File = serde_json::from_str(result).context("understanding the results")?;
    let mut words = Words::default();
    let mut cells: Vec<Value> = file.cells.iter().map(|cell| line(cell, &mut words)).collect();
    let mut page = json!({
        "seed": file.seed,
        "driver": file.driver,
        "store": file.store,
        "started_at": file.started_at,
        "summary": file.summary,
        "flows": FLOWS.iter().map(|row| json!({ "name": row.name, "promise": row.promise, "steps": row.steps })).collect::<Vec<_>>(),
        "faults": FAULTS.iter().map(|row| json!({ "name": row.name, "what": row.what })).collect::<Vec<_>>(),
        "services": service::builtin().iter().map(|service| service.name.clone()).collect::<Vec<_>>(),
        "meanings": meanings(),
        "cap": null,
    });

    // A sentence about the cap and the commas between the cells need some room as well.
    let lines: usize = cells.iter().map(|cell| cell.to_string().len() + 1).sum();
    let fixed = page.to_string().len() + lines + words.bytes();
    let mut left = room.saturating_sub(fixed + 1024);
    let (mut shown, all) = (0, file.cells.iter().map(|cell| cell.evidence.len()).sum::<usize>());
    for index in most_telling_first(&file.cells) {
        let requests = &file.cells[index].evidence;
        let (before, known) = (words.bytes(), words.count());
        let detail = detail(&file.cells[index], &mut words);
        let bytes = detail.to_string().len() + words.bytes() - before + 1;
        if bytes > left || shown + requests.len() > marks {
            // Nor is there room for its words, which nobody else has said: most are boot ids.
            words.shorten(known);
            continue;
        }
        left -= bytes;
        shown += requests.len();
        if let Value::Array(line) = &mut cells[index] {
            line.push(detail);
        }
    }
    if shown < all {
        page["cap"] = json!(format!(
            "This page draws {shown} of {all} requests, those of the most telling moments first; \
             all of them are in result.json."
        ));
    }
    page["words"] = words.list();
    page["cells"] = Value::from(cells);
    Ok(super::for_a_script(&page))
}

/// What the matrix shows of a cell, as a row; `page.js` takes it apart again. Rows, because a full matrix
/// has thousands of cells.
fn line(cell: &Cell, words: &mut Words) -> Value {
    let column = match cell.way.as_deref() {
        Some("gateway") => format!("{} via gateway", cell.service),
        _ => cell.service.clone(),
    };
    json!([
        words.number(&cell.flow),
        words.number(&cell.fault),
        words.number(&column),
        words.number(&cell.moment.step),
        words.number(&cell.moment.phase),
        words.number(&cell.predicted),
        words.maybe(cell.predicted_reason.as_ref()),
        words.number(&cell.because),
        words.number(&cell.observed),
        words.maybe(cell.reason.as_ref()),
        u8::from(cell.as_predicted),
    ])
}

/// What the picture shows of a cell: how we know, when, and every request.
fn detail(cell: &Cell, words: &mut Words) -> Value {
    let window = cell.window.as_ref().map(|window| [window.from_ms, window.until_ms]);
    let restart = cell.restart.as_ref();
    let restart = restart.map(|times| [times.stop_ms, times.gone_ms, times.ready_ms].map(hundredths));
    let requests: Vec<Value> = cell.evidence.iter().map(|request| packed(request, words)).collect();
    json!({
        "proof": cell.proof,
        "notes": cell.notes,
        "window": window,
        "restart": restart,
        "requests": requests,
    })
}

/// One request as a row of numbers; `page.js` takes it apart again.
fn packed(request: &Request, words: &mut Words) -> Value {
    json!([
        words.number(&request.step),
        words.number(&request.method),
        words.number(&request.path),
        request.status,
        words.maybe(request.failure.as_ref()),
        words.maybe(request.failure_reason.as_ref()),
        request.at_ms,
        request.ms,
        words.maybe(request.replica.as_ref()),
        words.maybe(request.boot_id.as_ref()),
    ])
}

fn meanings() -> Value {
    let mut meanings: serde_json::Map<String, Value> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict.word().to_owned(), json!(format!("the client {}", verdict.meaning()))))
        .collect();
    meanings.insert("Inconclusive".to_owned(), json!("this proves nothing"));
    meanings.insert("NotAvailable".to_owned(), json!("this was not tried"));
    meanings.into()
}

/// What stands out comes first; then the worst moment of each square, which is the one that opens when the
/// square is chosen; then the rest.
fn most_telling_first(cells: &[Cell]) -> Vec<usize> {
    let severity = |cell: &Cell| Verdict::ALL.iter().position(|verdict| verdict.word() == cell.observed);
    let mut by_severity: Vec<usize> = (0..cells.len()).collect();
    by_severity.sort_by_key(|index| std::cmp::Reverse(severity(&cells[*index])));
    let mut seen = HashSet::new();
    let deciding: HashSet<usize> = by_severity
        .into_iter()
        .filter(|index| {
            let cell = &cells[*index];
            seen.insert((&cell.flow, &cell.fault, &cell.service, &cell.way))
        })
        .collect();
    // The picture shows the same moment of every service, so those must come along.
    let moment =
        |cell: &Cell| format!("{} {} {} {}", cell.flow, cell.fault, cell.moment.step, cell.moment.phase);
    let opened: HashSet<String> = deciding.iter().map(|index| moment(&cells[*index])).collect();
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|index| {
        let cell = &cells[*index];
        match () {
            () if !cell.as_predicted => 0,
            () if opened.contains(&moment(cell)) => 1,
            () => 2,
        }
    });
    order
}
