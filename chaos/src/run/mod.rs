//! What happens in one cell? Here, and only here, a flow, a fault and a driver meet: the flow plays, the
//! stage lets the fault happen at its moment, the checker reads what is left, and the judge compares.

pub mod stage;
pub mod judge;
mod route;
pub(crate) mod checker;
mod control;

use std::time::Duration;

use anyhow::{Context, anyhow};

use self::checker::Checker;
pub use self::control::{control, redis_calls};
use self::judge::{Judged, Played, judge};
use self::route::Route;
use self::stage::{Happened, Plot, Stage};
use crate::client::record::Exchange;
use crate::client::{Account, Client};
use crate::cue::Cue;
use crate::draws::Draws;
use crate::driver::{Driver, Store};
use crate::fault::{Fault, Hits};
use crate::flow::{Flow, Replicas};
use crate::moment::Moment;
use crate::predict::{Prediction, Predictions};
use crate::results::{self, Observed};
use crate::service::{Service, Twin};
use crate::way::Way;

/// A cell that takes longer than this hangs, and its lab is not to be trusted any more.
const CELL_WITHIN: Duration = Duration::from_secs(60);

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Which flow.
    pub flow: Flow,
    /// Which fault.
    pub fault: Fault,
    /// Against which service.
    pub service: Service,
    /// By which way the client's requests go.
    pub way: Way,
    /// When.
    pub moment: Moment,
    /// How long, if it is a pause.
    pub pause_for: Duration,
    /// Which replica the client talks to first; without it, the service's first.
    pub replica: Option<String>,
}

/// Tries one cell in a lab and compares it with its prediction. The lab may be left disturbed: heal it.
///
/// # Errors
/// If the lab itself is broken.
pub async fn cell(
    driver: &Driver,
    cell: &Cell,
    predictions: &Predictions,
    draws: Draws,
) -> anyhow::Result<results::Cell> {
    let (flow, name) = (cell.flow, &cell.service.name);
    let prediction = predicted(cell, predictions)?;
    if let Some(why) = not_available(driver, cell) {
        return Ok(report(cell, &prediction, Judged::not_available(why), None));
    }
    let plot = Plot { fault: cell.fault, moment: cell.moment, pause_for: cell.pause_for };
    let playing = async {
        let route = Route::of(driver, flow, name, cell.way, cell.replica.as_deref()).await?;
        play(driver, flow, name, &route, Some(plot), draws).await
    };
    let played = tokio::time::timeout(CELL_WITHIN, playing)
        .await
        .unwrap_or_else(|_| Err(anyhow!("no end after {CELL_WITHIN:?}")))
        .with_context(|| format!("trying {flow} × {} × {name}, {}", cell.fault, cell.moment))?;
    let judged = judge(&played);
    Ok(report(cell, &prediction, judged, Some(&played)))
}

/// A cell whose lab broke under it. It says nothing about the service.
///
/// # Errors
/// If nothing is predicted for it.
pub fn broken(
    cell: &Cell,
    predictions: &Predictions,
    error: &anyhow::Error,
) -> anyhow::Result<results::Cell> {
    let prediction = predicted(cell, predictions)?;
    let notes = vec![format!("the lab broke: {error:#}")];
    Ok(report(cell, &prediction, Judged { observed: Observed::Inconclusive, reason: None, notes }, None))
}

/// Plays a flow from its first step to its closing look, with a plot or without.
async fn play(
    driver: &Driver,
    flow: Flow,
    service: &str,
    route: &Route,
    plot: Option<Plot>,
    draws: Draws,
) -> anyhow::Result<Played> {
    let account = Account::fresh();
    let checker = Checker::new(account.clone(), route.first.clone());
    checker.register().await.map_err(|why| anyhow!("the account could not be made: {why}"))?;

    let client = Client::new(account, route.entries.clone(), draws);
    let (cue, cues) = Cue::new();
    let stage = Stage::new(driver, &client, service, route, plot);
    let calls_before = if plot.is_none() { redis_calls(driver).await? } else { None };
    let story = async {
        let outcome = flow.play(&client, &cue).await;
        let moves = cue.moves_made();
        // The stage listens until the cue is gone.
        drop(cue);
        (outcome, moves)
    };
    let ((outcome, moves), happened) = tokio::join!(story, stage.direct(cues));
    let happened = happened?;
    let calls_after = if plot.is_none() { redis_calls(driver).await? } else { None };
    Ok(Played {
        way: route.way,
        outcome,
        moves,
        log: client.log(),
        happened,
        held: checker.read_and_try(&client).await,
        redis_calls: calls_before.zip(calls_after).map(|(before, after)| after.saturating_sub(before)),
    })
}

fn predicted<'a>(cell: &Cell, predictions: &'a Predictions) -> anyhow::Result<Prediction<'a>> {
    let service = predicted_as(&cell.service, predictions);
    predictions.cell(cell.flow, cell.fault.name(), service, cell.way, cell.moment)
}

/// A service is predicted under its own name, if it is known by it, and else as the twin it claims to be.
fn predicted_as<'a>(service: &'a Service, predictions: &Predictions) -> &'a str {
    match service.twin {
        _ if predictions.speak_of(&service.name) => &service.name,
        Twin::Stateful => "stateful",
        Twin::Stateless => "stateless",
    }
}

/// Why this flow cannot be played against this service, by this way, in this lab.
pub fn not_playable(driver: &Driver, flow: Flow, service: &str, way: Way) -> Option<String> {
    let row = flow.row();
    match (driver.replicas(service).len(), way) {
        (0, _) => Some(format!("this lab runs no {service}")),
        (1, Way::Direct) if row.direct == Some(Replicas::InTurn) => {
            Some(format!("{flow} needs two replicas, and {service} has one"))
        }
        (_, Way::Gateway) => driver.gateway().err().map(|none| none.to_string()),
        _ => None,
    }
}

/// Why a cell cannot be tried here; never silently.
fn not_available(driver: &Driver, cell: &Cell) -> Option<String> {
    if let Some(why) = not_playable(driver, cell.flow, &cell.service.name, cell.way) {
        return Some(why);
    }
    if let (Hits::Redis, Store::Embedded { why }) = (cell.fault.row().hits, driver.store()) {
        return Some(format!("there is no Redis in this lab: {why}"));
    }
    if cell.moment.phase.in_flight() && !cell.service.gates {
        return Some(format!(
            "{} has no gates, so none of its requests can be held half way",
            cell.service.name
        ));
    }
    None
}

fn report(
    cell: &Cell,
    prediction: &Prediction<'_>,
    judged: Judged,
    played: Option<&Played>,
) -> results::Cell {
    let struck = played.and_then(|played| match &played.happened {
        Happened::Struck(struck) => Some(struck),
        Happened::Nothing | Happened::Missed(_) => None,
    });
    results::Cell {
        flow: cell.flow.name(),
        fault: cell.fault.name(),
        service: cell.service.name.clone(),
        way: cell.way,
        moment: cell.moment,
        also: cell.moment.also(cell.flow.row().steps),
        predicted: prediction.expected.verdict,
        predicted_reason: prediction.expected.reason.clone(),
        because: prediction.because.to_owned(),
        as_predicted: judged.observed.agrees(prediction.expected, judged.reason.as_deref()),
        observed: judged.observed,
        reason: judged.reason,
        tries: 1,
        notes: judged.notes,
        proof: struck.map(|struck| struck.proof.clone()),
        struck_after: struck.map(|struck| struck.after_requests),
        window: struck.map(|struck| struck.window),
        restart: struck.and_then(|struck| struck.restart.clone()),
        evidence: played
            .map(|played| played.log.iter().map(Exchange::evidence).collect())
            .unwrap_or_default(),
    }
}

impl Judged {
    fn not_available(why: String) -> Self {
        Judged { observed: Observed::NotAvailable, reason: None, notes: vec![why] }
    }
}
