//! How is a load told to people? In numbers, and what they come to in one sentence.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::conclusion::Conclusion;
use super::report::LoadReport;
use super::service_report::ServiceReport;
use super::tally::Latency;
use crate::report::paint::Paint;
use crate::report::wrap::{fitted, narrow, wrapped};
use crate::results::Observed;
use crate::verdict::Verdict;

/// How many violations and unexplained losses are told in full.
const TOLD_AT_MOST: usize = 5;

impl LoadReport {
    /// What came of it, for people.
    pub fn text(&self, paint: Paint) -> String {
        let mut out = format!("{}\nseed {}\n", fitted(&self.store, 0), self.seed);
        for one in &self.services {
            one.write(&mut out, paint);
        }
        let words = self.conclusion.words();
        let last = match self.conclusion {
            Conclusion::Explained => wrapped(words, 0),
            Conclusion::Wrong => paint.alarm(&format!("{words}; see above")),
            Conclusion::TooMany | Conclusion::NothingProven => paint.alarm(&wrapped(words, 0)),
        };
        let _ = writeln!(out, "\n{last}");
        out
    }
}

impl ServiceReport {
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

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = words.collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}
