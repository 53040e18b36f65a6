//! How is a load told? In numbers for people, as one object for machines (`schema/load.schema.json` describes it), and
//! as a picture.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::judge::{self, Judged, Violation};
use super::outages::Outage;
use super::pace::Appointment;
use super::tally::{Latency, Tally, tally};
use super::thin::{Kind, thinned};
use super::{LoadArgs, Played, tour};
use crate::client::record::{Exchange, hundredths};
use crate::report::paint::Paint;
use crate::report::wrap::{fitted, narrow, wrapped};
use crate::results::Observed;
use crate::verdict::Verdict;

/// How many requests of a service are kept one by one; the numbers above count all of them.
const KEPT_AT_MOST: usize = 5_000;

/// How many violations and unexplained losses are told in full.
const TOLD_AT_MOST: usize = 5;

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
        Ok(LoadReport {
            seed,
            driver,
            store: store.to_owned(),
            started_at,
            clients: args.clients,
            pace_ms: ms(args.pace),
            retry_after_ms: ms(args.retry_after),
            every_ms: ms(args.every),
            services: played.iter().map(service).collect::<anyhow::Result<_>>()?,
        })
    }

    /// 0: every loss is explained and nothing is wrong. 1: something is. 2: nothing is proven.
    pub fn exit_code(&self) -> u8 {
        let wrong = |one: &ServiceReport| {
            !one.violations.is_empty() || one.unexplained.iter().any(|loss| !loss.too_many)
        };
        let proves_nothing = |one: &ServiceReport| {
            let struck = !one.outages.is_empty() && one.outages.iter().all(|outage| outage.proven);
            // Requests that met no outage say nothing about outages.
            !struck || one.tally.during.requests == 0 || !one.unread.is_empty() || one.had_too_many()
        };
        match () {
            () if self.services.iter().any(wrong) => 1,
            () if self.services.is_empty() || self.services.iter().any(proves_nothing) => 2,
            () => 0,
        }
    }

    /// The object, as `--json` prints it.
    ///
    /// # Errors
    /// Never for what this tool fills in.
    pub fn to_json(&self) -> anyhow::Result<String> {
        serde_json::to_string_pretty(self).context("putting the load into JSON")
    }

    /// The same for people.
    pub fn text(&self, paint: Paint) -> String {
        let mut out = format!("{}\nseed {}\n", fitted(&self.store, 0), self.seed);
        for one in &self.services {
            one.write(&mut out, paint);
        }
        let last = match self.exit_code() {
            0 => wrapped(
                "every loss is explained by a fault; beyond that nothing acknowledged is missing, nothing is there \
                 twice, and no session came back after its end",
                0,
            ),
            1 => paint.alarm("not everything is as it must be; see above"),
            _ if self.services.iter().any(ServiceReport::had_too_many) => paint.alarm(&wrapped(
                "this proves nothing: more was due than this machine can do; try fewer --clients, or a longer --pace",
                0,
            )),
            _ => paint.alarm("this proves nothing: a fault was not proven, or no request met one"),
        };
        let _ = writeln!(out, "\n{last}");
        out
    }
}

impl ServiceReport {
    /// Whether clients were turned away because there were too many of them.
    fn had_too_many(&self) -> bool {
        self.unexplained.iter().any(|loss| loss.too_many)
    }

    fn write(&self, out: &mut String, paint: Paint) {
        let _ = writeln!(out, "\n{}", paint.bold(&self.service));
        let proven = self.outages.iter().filter(|outage| outage.proven).count();
        let faults: Vec<&str> = distinct(self.outages.iter().map(|outage| outage.fault.name()));
        let struck = match self.outages.len() {
            0 => "no fault struck, the time between two is too long".to_owned(),
            times => format!("{times} × {}, {proven} proven", faults.join(", ")),
        };
        let (requests, per_second) = (self.tally.requests, self.tally.per_second);
        let line = format!("  {requests} requests, {per_second:.0} a second; {struck}");
        let _ = writeln!(out, "{}", fitted(&line, 2));
        if self.tally.unsent > 0 {
            let line = format!("  {} more were due, and their clients still waited", self.tally.unsent);
            let _ = writeln!(out, "{}", fitted(&line, 2));
        }
        let _ = writeln!(out, "  answered      {:.2} %", self.tally.availability * 100.0);
        if narrow() {
            out.push_str("  waited\n");
        } else {
            let _ = writeln!(out, "  waited        {:>10}{:>10}{:>10}{:>10}", "p50", "p90", "p99", "longest");
        }
        for (name, latency) in [("no fault", &self.tally.outside), ("met one", &self.tally.during)] {
            let Latency { requests, p50_ms, p90_ms, p99_ms, max_ms } = latency;
            if narrow() {
                let _ = writeln!(
                    out,
                    "    {name}: {requests} requests\n      p50 {p50_ms:.1} ms, p90 {p90_ms:.1} ms\n      p99 {p99_ms:.1} ms, \
                     longest {max_ms:.0} ms"
                );
                continue;
            }
            let _ = writeln!(
                out,
                "    {name:<10}  {p50_ms:>7.1} ms{p90_ms:>7.1} ms{p99_ms:>7.1} ms{max_ms:>7.0} ms   {requests} requests"
            );
        }
        let mut all: BTreeMap<&str, usize> = BTreeMap::new();
        for (verdict, count) in self.flows.values().flatten() {
            *all.entry(verdict).or_default() += count;
        }
        let _ = writeln!(out, "  flows");
        for (verdict, count) in all {
            let word = verdict.split(' ').next().unwrap_or(verdict);
            let observed = Verdict::ALL.into_iter().find(|known| known.word() == word);
            let name = format!("{verdict:<28}");
            let name = observed.map_or(name.clone(), |known| paint.observed(Observed::Verdict(known), &name));
            let _ = writeln!(out, "    {name} {count:>7}");
        }
        for one in self.unexplained.iter().take(TOLD_AT_MOST) {
            let line = format!(
                "not explained: client {}, {}: {} ({})",
                one.client, one.flow, one.verdict, one.reason
            );
            let _ = writeln!(out, "  {}", paint.alarm(&line));
        }
        for one in self.violations.iter().take(TOLD_AT_MOST) {
            let line = format!("wrong: client {}, {}: {}", one.client, one.reason, one.why);
            let _ = writeln!(out, "  {}", paint.alarm(&line));
        }
        let all = self.unexplained.len() + self.violations.len();
        let told = self.unexplained.len().min(TOLD_AT_MOST) + self.violations.len().min(TOLD_AT_MOST);
        if all > told {
            let _ = writeln!(out, "  and {} more in load.json", all - told);
        }
        if let Some(why) = self.unread.first() {
            let _ = writeln!(out, "  {} final states could not be read: {why}", self.unread.len());
        }
    }
}

/// In these words a service says that it has too much to do, and that nothing was done.
const BUSY: [&str; 2] = ["login_busy", "database_busy"];

/// Whether a client was turned away because there were too many: the service said so, and a tenth of what was due was
/// never sent.
fn turned_away(reason: &str, tally: &Tally) -> bool {
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

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = words.collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    /// A load whose fault is proven, and in which one client got lost for this reason.
    fn lost(reason: &str, unsent: usize) -> LoadReport {
        let waited = Latency { requests: 5, p50_ms: 1.0, p90_ms: 1.0, p99_ms: 1.0, max_ms: 1.0 };
        let tally = Tally {
            requests: 100,
            unsent,
            per_second: 10.0,
            availability: 1.0,
            outside: waited.clone(),
            during: waited,
        };
        let outage = Outage {
            fault: Fault::Kill,
            replica: None,
            from_ms: 1.0,
            until_ms: 2.0,
            proven: true,
            proof: String::new(),
            restart: None,
            ended: Vec::new(),
        };
        let too_many = turned_away(reason, &tally);
        let loss = Unexplained {
            client: 0,
            flow: "cart",
            verdict: Verdict::Lost,
            reason: reason.to_owned(),
            too_many,
        };
        let one = ServiceReport {
            service: "stateful".to_owned(),
            lasted_ms: 1.0,
            outages: vec![outage],
            tally,
            flows: BTreeMap::new(),
            unexplained: vec![loss],
            violations: Vec::new(),
            unread: Vec::new(),
            requests: Vec::new(),
        };
        LoadReport {
            seed: 7,
            driver: "local",
            store: String::new(),
            started_at: Timestamp::UNIX_EPOCH,
            clients: 1,
            pace_ms: 1,
            retry_after_ms: 1,
            every_ms: 1,
            services: vec![one],
        }
    }

    #[test]
    fn more_clients_than_the_machine_can_serve_prove_nothing_and_excuse_only_that_they_were_turned_away() {
        assert_eq!(lost("login_busy", 300).exit_code(), 2);
        assert!(lost("login_busy", 300).text(Paint::dry()).contains("fewer --clients"));
        assert_eq!(lost("login_busy", 0).exit_code(), 1, "a service that is busy with nothing");
        assert_eq!(lost("timed_out", 300).exit_code(), 1, "a service that hangs lets things be unsent, too");
        assert_eq!(lost("session_unknown", 300).exit_code(), 1);
    }
}
