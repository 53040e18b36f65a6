//! What does a load come to for one of its services: what is lost, what is wrong, and which requests are kept?

use std::collections::BTreeMap;

use serde::Serialize;

use super::judge::{self, Judged, Violation};
use super::outages::Outage;
use super::pace::Appointment;
use super::tally::{Tally, tally};
use super::thin::{Kind, thinned};
use super::{Played, tour};
use crate::client::record::{Exchange, hundredths};
use crate::verdict::Verdict;

/// How many requests of a service are kept one by one; the numbers above count all of them.
const KEPT_AT_MOST: usize = 5_000;

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

impl ServiceReport {
    /// Judges and counts what its clients did.
    ///
    /// # Errors
    /// If a histogram cannot be made.
    pub fn new(played: &Played) -> anyhow::Result<ServiceReport> {
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
}

/// In these words a service says that it has too much to do, and that nothing was done.
const BUSY: [&str; 2] = ["login_busy", "database_busy"];

/// Whether a client was turned away because there were too many: the service said so, and a tenth of what was due was
/// never sent.
pub(super) fn turned_away(reason: &str, tally: &Tally) -> bool {
    BUSY.contains(&reason) && tally.unsent * 10 > tally.requests + tally.unsent
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
