//! How fast is fast enough? The promises, as data, and whether what was measured keeps them.

use crate::calls::Calls;
use crate::contender::Contender::{
    self, ActixRedis, Bare, PromisesMemory, PromisesRedis, Stateful, Stateless, TowerMemory, TowerRedis,
};
use crate::memory::Memory;
use crate::outage::Waits;
use crate::race::Operation::{self, Read, Write};
use crate::race::{Row, Turn};
use crate::restart::Restarts;
use crate::scheduling::Scheduling::{self, Batch, Usual};

/// A service against a rival at one operation.
const RACE: [(Contender, Contender, Operation, f64); 7] = [
    (Stateful, Bare, Read, 0.90),
    (Stateful, TowerMemory, Read, 1.0),
    (Stateful, TowerMemory, Write, 1.0),
    (Stateless, TowerRedis, Read, 1.3),
    (Stateless, TowerRedis, Write, 1.3),
    (Stateless, ActixRedis, Read, 1.2),
    (Stateless, ActixRedis, Write, 1.2),
];

/// Most bytes a live session of `stateful-svc` takes.
const SESSION_BYTES: f64 = 1024.0;
/// Half of the restarts take less, from signal to ready.
const RESTART_P50_MS: f64 = 100.0;
/// None takes more.
const RESTART_MAX_MS: f64 = 1000.0;
/// 99 of 100 answers come sooner while Redis does not answer.
const OUTAGE_P99_MS: f64 = 300.0;

/// One promise and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What was promised.
    pub promise: String,
    /// What was measured.
    pub measured: String,
    /// The bar it had to reach.
    pub bar: String,
    /// What else is worth knowing.
    pub beside: String,
    /// Was it kept?
    pub met: bool,
}

/// Judges the race by processor time a request, server and Redis together, beside the usual load; how it comes
/// out beside a batch load is said, too. An invalid row meets no bar.
pub fn race(rows: &[Row]) -> Vec<Verdict> {
    RACE.iter()
        .filter_map(|&(ours, theirs, operation, bar)| {
            let usual = Duel::find(rows, ours, theirs, operation, Usual)?;
            let batch = Duel::find(rows, ours, theirs, operation, Batch);
            let mut beside = format!("throughput {:.2}×", usual.throughput());
            if let Some(batch) = batch {
                beside = format!("beside a batch load {:.2}×; {beside}", batch.ratio());
            }
            Some(Verdict {
                promise: format!("{} against {}, {}", ours.name(), theirs.name(), operation.word()),
                measured: format!("{:.2}×", usual.ratio()),
                bar: format!("≥ {bar:.2}×"),
                beside,
                met: usual.meets(bar),
            })
        })
        .collect()
}

/// A service and a rival at the same operation, beside the same kind of load.
struct Duel<'a> {
    ours: &'a Row,
    theirs: &'a Row,
}

impl<'a> Duel<'a> {
    fn find(
        rows: &'a [Row],
        ours: Contender,
        theirs: Contender,
        operation: Operation,
        scheduling: Scheduling,
    ) -> Option<Self> {
        let find = |who| find(rows, who, operation, scheduling);
        Some(Duel { ours: find(ours)?, theirs: find(theirs)? })
    }

    fn ratio(&self) -> f64 {
        self.theirs.median(Turn::total_us) / self.ours.median(Turn::total_us)
    }

    fn throughput(&self) -> f64 {
        let a_second = |row: &Row| row.median(|turn| turn.requests_per_s);
        a_second(self.ours) / a_second(self.theirs)
    }

    fn meets(&self, bar: f64) -> bool {
        self.ours.is_valid() && self.theirs.is_valid() && self.ratio() >= bar
    }
}

fn find(rows: &[Row], who: Contender, operation: Operation, scheduling: Scheduling) -> Option<&Row> {
    rows.iter().find(|row| (row.contender, row.operation, row.scheduling) == (who, operation, scheduling))
}

/// What a bar that is not reached asks for, beside what the same promises cost at least, as a sentence each. If the
/// floor too lies above, nothing can be taken from the service that would reach the bar. What the service undercuts
/// is no floor, and shows nothing.
pub fn limits(rows: &[Row]) -> Vec<String> {
    let limit = |scheduling| RACE.iter().filter_map(move |duel| limit(rows, *duel, scheduling));
    Scheduling::ALL.into_iter().flat_map(limit).collect()
}

fn limit(
    rows: &[Row],
    (ours, theirs, operation, bar): (Contender, Contender, Operation, f64),
    scheduling: Scheduling,
) -> Option<String> {
    let duel = Duel::find(rows, ours, theirs, operation, scheduling)?;
    if duel.meets(bar) {
        return None;
    }
    let floor = match ours {
        Stateful => PromisesMemory,
        _ => PromisesRedis,
    };
    let floor_us = find(rows, floor, operation, scheduling)?.median(Turn::total_us);
    let (ours_us, theirs_us) = (duel.ours.median(Turn::total_us), duel.theirs.median(Turn::total_us));
    let asked_us = theirs_us / bar;
    let said = match floor_us > asked_us && floor_us <= ours_us {
        true => "The limit is shown",
        false => "The limit is not shown",
    };
    Some(format!(
        "{}, {}, {}: the bar of {bar:.2}× against {} asks for {asked_us:.1} µs. \
         The floor of what the service promises costs {floor_us:.1} µs, the service {ours_us:.1} µs. {said}.",
        ours.name(),
        operation.word(),
        scheduling.word(),
        theirs.name(),
    ))
}

/// Judges what a session of `stateful-svc` weighs, with something in its cart.
pub fn memory(measured: &[Memory]) -> Vec<Verdict> {
    let stateful = measured.iter().find(|memory| memory.contender == Stateful);
    let verdict = |memory: &Memory| Verdict {
        promise: format!("{}, a live session with a book in its cart", Stateful.name()),
        measured: format!("{:.0} bytes", memory.with_a_book.total()),
        bar: format!("≤ {SESSION_BYTES:.0} bytes"),
        beside: format!("empty cart {:.0} bytes", memory.empty.total()),
        met: memory.with_a_book.total() <= SESSION_BYTES,
    };
    stateful.map(verdict).into_iter().collect()
}

/// Judges the restarts.
pub fn restarts(measured: &[Restarts]) -> Vec<Verdict> {
    let verdict = |restarts: &Restarts| {
        let (p50, max) = (restarts.percentile_ms(0.5), restarts.percentile_ms(1.0));
        Verdict {
            promise: format!("{}, graceful restart, p50 and longest", restarts.contender.name()),
            measured: format!("{p50:.1} and {max:.1} ms"),
            bar: format!("< {RESTART_P50_MS:.0} and ≤ {RESTART_MAX_MS:.0} ms"),
            beside: format!("{} restarts", restarts.away_ms.len()),
            met: p50 < RESTART_P50_MS && max <= RESTART_MAX_MS,
        }
    };
    measured.iter().map(verdict).collect()
}

/// Judges how long clients wait while Redis does not answer.
pub fn outages(measured: &[Waits]) -> Vec<Verdict> {
    let verdict = |waits: &Waits| Verdict {
        promise: format!("{}, p99 of a 503 with Redis {}", Stateless.name(), waits.outage.word()),
        measured: format!("{:.1} ms", waits.p99_ms),
        bar: format!("< {OUTAGE_P99_MS:.0} ms"),
        beside: match &waits.first_error {
            Some(error) => format!("INVALID: {} answers were no 503, the first: {error}", waits.errors),
            None => format!("longest {:.1} ms", waits.max_ms),
        },
        met: waits.is_valid() && waits.p99_ms < OUTAGE_P99_MS,
    };
    measured.iter().map(verdict).collect()
}

/// Judges the calls of the store.
pub fn calls(measured: &[Calls]) -> Vec<Verdict> {
    let verdict = |calls: &Calls| Verdict {
        promise: format!("{}, Redis calls of a {}", Stateless.name(), calls.request),
        measured: calls.calls.to_string(),
        bar: format!("= {}", calls.promised),
        beside: String::new(),
        met: calls.calls == calls.promised,
    };
    measured.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(contender: Contender, us: f64, errors: u64) -> Row {
        let turns = vec![Turn { service_us: us, requests_per_s: 1.0, ..Turn::default() }];
        Row { contender, operation: Read, scheduling: Usual, turns, errors, first_error: None }
    }

    fn against_bare(ours_us: f64, theirs_us: f64, errors: u64) -> bool {
        let rows = [row(Stateful, ours_us, errors), row(Bare, theirs_us, 0)];
        Duel::find(&rows, Stateful, Bare, Read, Usual).unwrap().meets(0.90)
    }

    #[test]
    fn a_bar_is_met_by_those_who_reach_it() {
        assert!(against_bare(10.0, 9.0, 0));
        assert!(!against_bare(10.0, 8.9, 0));
    }

    #[test]
    fn one_error_and_no_bar_is_met() {
        assert!(!against_bare(1.0, 9.0, 1));
    }

    #[test]
    fn a_bar_is_judged_beside_the_usual_load_and_never_beside_the_other() {
        let beside_batch = |who, us| Row { scheduling: Batch, ..row(who, us, 0) };
        let rows = [
            row(Stateful, 10.0, 0),
            row(Bare, 8.0, 0),
            beside_batch(Stateful, 10.0),
            beside_batch(Bare, 20.0),
        ];
        let [verdict] = &race(&rows)[..] else { panic!("one duel is in these rows") };
        assert!(!verdict.met);
        assert_eq!(verdict.measured, "0.80×");
        assert!(verdict.beside.contains("beside a batch load 2.00×"), "{}", verdict.beside);
    }

    fn limit_with_a_floor_of(floor_us: f64) -> Option<String> {
        let rows = [row(Stateful, 10.0, 0), row(Bare, 8.1, 0), row(PromisesMemory, floor_us, 0)];
        limit(&rows, (Stateful, Bare, Read, 0.90), Usual)
    }

    #[test]
    fn a_floor_above_what_the_bar_asks_for_shows_the_limit() {
        assert!(limit_with_a_floor_of(9.1).unwrap().ends_with("The limit is shown."));
        assert!(limit_with_a_floor_of(8.9).unwrap().ends_with("The limit is not shown."));
        assert!(limit_with_a_floor_of(10.1).unwrap().ends_with("The limit is not shown."), "no floor at all");
    }

    #[test]
    fn a_bar_that_is_met_needs_no_excuse() {
        let rows = [row(Stateful, 9.0, 0), row(Bare, 8.2, 0), row(PromisesMemory, 9.0, 0)];
        assert_eq!(limit(&rows, (Stateful, Bare, Read, 0.90), Usual), None);
    }

    #[test]
    fn a_call_more_than_promised_is_a_promise_broken() {
        let calls = |calls| Calls { request: "read", calls, promised: 1 };
        assert!(super::calls(&[calls(1)])[0].met);
        assert!(!super::calls(&[calls(2)])[0].met);
    }
}
