//! What comes of a load? One object: `load.json` holds it (`schema/load.schema.json` describes it), the text and the
//! picture are made of it.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::conclusion::Conclusion;
use super::judge::{self, Judged, Violation};
use super::outages::Outage;
use super::pace::Appointment;
use super::tally::{Tally, tally};
use super::thin::{Kind, thinned};
use super::{LoadArgs, Played, tour};
use crate::client::record::{Exchange, hundredths};
use crate::verdict::Verdict;

/// How many requests of a service are kept one by one; the numbers above count all of them.
const KEPT_AT_MOST: usize = 5_000;

/// All that came of a load.
#[derive(Debug, Serialize)]
pub struct LoadReport {
    /// The same seed draws the same flows for each client.
    pub seed: u64,
    /// What drove the lab.
    pub driver: &'static str,
    /// Where sessions of the services that keep them outside lived, and why there.
    pub store: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How many clients each service had.
    pub clients: u16,
    /// How much time was between two requests of one client.
    pub pace_ms: u64,
    /// How long a client waited before it repeated a request.
    pub retry_after_ms: u64,
    /// How often the fault struck.
    pub every_ms: u64,
    /// What it comes to.
    pub conclusion: Conclusion,
    /// What came of it for each service.
    pub services: Vec<ServiceReport>,
}

/// What came of it for one service.
#[derive(Debug, Serialize)]
pub struct ServiceReport {
    /// Which.
    pub service: String,
    /// How long its clients worked, in milliseconds.
    pub lasted_ms: f64,
    /// Every time the fault struck.
    pub outages: Vec<Outage>,
    /// The numbers.
    pub tally: Tally,
    /// How many flows came to which verdict, and with which reason.
    pub flows: BTreeMap<&'static str, BTreeMap<String, usize>>,
    /// Losses that no fault explains.
    pub unexplained: Vec<Unexplained>,
    /// What the history proves to be wrong.
    pub violations: Vec<Violation>,
    /// Final states that could not be read.
    pub unread: Vec<String>,
    /// Requests one by one, in the order of their times: all that nobody answered or that a 5xx did, and of the
    /// others as many as there is room for.
    pub requests: Vec<Mark>,
}

/// A flow that ended badly, and nothing that was done explains it.
#[derive(Debug, Serialize)]
pub struct Unexplained {
    /// Which client.
    pub client: usize,
    /// Which flow.
    pub flow: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// One word.
    pub reason: String,
    /// Whether the service said that it had too much to do, where more was due than this machine could do: then it
    /// says something about the load, and nothing about the faults.
    pub too_many: bool,
}

/// One request, as the picture shows it.
#[derive(Debug, Serialize)]
pub struct Mark {
    /// Which client.
    pub client: usize,
    /// Which flow.
    pub flow: &'static str,
    /// Which step of it.
    pub step: String,
    /// Request method.
    pub method: String,
    /// Request path.
    pub path: String,
    /// Its appointed time, in milliseconds since the load began.
    pub at_ms: f64,
    /// From then to its end.
    pub ms: f64,
    /// Answer status; null if no answer came.
    pub status: Option<u16>,
    /// How it ended where it did not succeed.
    pub failure: Option<String>,
    /// The reason of a problem that has one.
    pub failure_reason: Option<String>,
    /// Who answered, or was asked.
    pub replica: Option<String>,
    /// Which run of that replica answered.
    pub boot_id: Option<String>,
}

impl LoadReport {
    /// Judges and counts everything.
    ///
    /// # Errors
    /// If a histogram cannot be made.
    pub fn new(
        args: &LoadArgs,
        seed: u64,
        started_at: Timestamp,
        driver: &'static str,
        store: &str,
        played: &[Played],
    ) -> anyhow::Result<Self> {
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let services = played.iter().map(service).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(LoadReport {
            seed,
            driver,
            store: store.to_owned(),
            started_at,
            clients: args.clients,
            pace_ms: ms(args.pace),
            retry_after_ms: ms(args.retry_after),
            every_ms: ms(args.every),
            conclusion: Conclusion::of(&services),
            services,
        })
    }

    /// The object, as `--json` prints it.
    ///
    /// # Errors
    /// Never for what this tool fills in.
    pub fn to_json(&self) -> anyhow::Result<String> {
        serde_json::to_string_pretty(self).context("putting the load into JSON")
    }
}

/// In these words a service says that it has too much to do, and that nothing was done.
const BUSY: [&str; 2] = ["login_busy", "database_busy"];

/// Whether a client was turned away because there were too many: the service said so, and a tenth of what was due was
/// never sent.
pub(super) fn turned_away(reason: &str, tally: &Tally) -> bool {
    BUSY.contains(&reason) && tally.unsent * 10 > tally.requests + tally.unsent
}

fn service(played: &Played) -> anyhow::Result<ServiceReport> {
    let tally = tally(played)?;
    let mut flows: BTreeMap<&'static str, BTreeMap<String, usize>> = BTreeMap::new();
    let (mut unexplained, mut violations, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for (visitor, held) in played.visitors.iter().zip(&played.held) {
        for tour in &visitor.tours {
            let Judged { verdict, reason, explained } =
                judge::tour(tour, &visitor.log, &played.service, &played.outages);
            let name = match &reason {
                Some(reason) => format!("{verdict} ({reason})"),
                None => verdict.to_string(),
            };
            *flows.entry(tour.flow.name()).or_default().entry(name).or_default() += 1;
            if !explained {
                let (client, flow) = (visitor.number, tour.flow.name());
                let reason = reason.unwrap_or_default();
                let too_many = turned_away(&reason, &tally);
                unexplained.push(Unexplained { client, flow, verdict, reason, too_many });
            }
        }
        match held {
            Ok(held) => violations.extend(judge::violations(visitor, held)),
            Err(why) => unread.push(why.clone()),
        }
    }
    Ok(ServiceReport {
        service: played.service.name.clone(),
        lasted_ms: hundredths(played.lasted_ms),
        outages: played.outages.clone(),
        tally,
        flows,
        unexplained,
        violations,
        unread,
        requests: marks(played),
    })
}

/// The requests that are kept.
fn marks(played: &Played) -> Vec<Mark> {
    let mut marks: Vec<Mark> = played.visitors.iter().flat_map(marks_of).collect();
    marks.sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    thinned(marks, KEPT_AT_MOST, |mark| Kind::of(mark.status.map(u64::from), mark.failure.is_none()))
}

fn marks_of(visitor: &tour::Visitor) -> Vec<Mark> {
    let one = |tour: &tour::Tour| {
        let mark = |(exchange, appointed): (&Exchange, Appointment)| {
            let evidence = exchange.evidence();
            Mark {
                client: visitor.number,
                flow: tour.flow.name(),
                step: evidence.step,
                method: evidence.method,
                path: evidence.path,
                at_ms: hundredths(appointed.due_ms),
                ms: hundredths(exchange.ended_at_ms - appointed.due_ms),
                status: evidence.status,
                failure: evidence.failure,
                failure_reason: evidence.failure_reason,
                replica: evidence.replica,
                boot_id: evidence.boot_id,
            }
        };
        tour.with_appointments(&visitor.log).map(mark).collect::<Vec<_>>()
    };
    visitor.tours.iter().flat_map(one).collect()
}
