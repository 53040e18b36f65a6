//! What was each flow of a load worth, and was anything lost or doubled that no restart explains? Pure
//! functions over what the clients wrote down, so that they can be tested on loads that never happen.

use serde::Serialize;

use super::outages::Outage;
use super::tour::{Tour, Visitor};
use crate::client::record::{Ack, Exchange};
use crate::history::{self, Final};
use crate::trouble::Trouble;
use crate::verdict::Verdict;

/// What one flow of a load came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The one word for it, if it is not plain survival.
    pub reason: Option<String>,
    /// Whether it needs no explanation, or has one.
    pub explained: bool,
}

/// Something that is wrong, whatever was done to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which client.
    pub client: usize,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub why: String,
}

/// The verdict of one flow. A flow that ended badly is explained if a fault that is proven explains it: its
/// session was opened by a run that ended, or one of its failed requests was open while the fault was in
/// force.
pub fn tour(tour: &Tour, log: &[Exchange], outages: &[Outage]) -> Judged {
    match (&tour.outcome, tour.moves.first()) {
        (Ok(()), None) => Judged { verdict: Verdict::Survived, reason: None, explained: true },
        (Ok(()), Some(one)) => {
            Judged { verdict: Verdict::Recovered, reason: Some(one.after.clone()), explained: true }
        }
        (Err(ending), _) => Judged {
            verdict: ending.verdict,
            reason: Some(ending.reason.clone()),
            explained: explained(tour, log, outages),
        },
    }
}

fn explained(tour: &Tour, log: &[Exchange], outages: &[Outage]) -> bool {
    let proven = || outages.iter().filter(|outage| outage.proven);
    let failed = || tour.with_lateness(log).filter(|(exchange, _)| !exchange.acknowledged());
    let met = failed().any(|(exchange, late)| {
        let replica = exchange.http.replica.as_deref();
        proven().any(|outage| outage.met(replica, exchange.sent_at_ms - late, exchange.ended_at_ms))
    });
    // A session that is refused because its run is over: the run that opened it must be one we ended.
    let refused = failed().filter(
        |(exchange, _)| matches!(&exchange.end, Err(Trouble::Told(problem)) if problem.status == 401),
    );
    let opened_by = |session: &Option<String>| {
        log.iter()
            .filter(|exchange| matches!(&exchange.end, Ok(Ack::Session(opened)) if Some(opened) == session.as_ref()))
            .find_map(|exchange| exchange.http.boot_id.clone())
    };
    let ended = |boot: &str| {
        proven().any(|outage| {
            let named = outage.restart.as_ref().is_some_and(|restart| restart.boot_before == boot);
            named || outage.replica.is_none()
        })
    };
    let mut orphaned = refused.filter_map(|(exchange, _)| opened_by(&exchange.session));
    met || orphaned.any(|boot| ended(&boot))
}

/// What the history of one client proves to be wrong: acknowledged and not stored, stored twice, alive after
/// its logout.
pub fn violations(visitor: &Visitor, held: &Final) -> Vec<Violation> {
    let log = &visitor.log;
    // A client of a load logs in for every flow, so only within a flow must it not do so twice.
    let mut findings = history::check_all_but_logins(log, held);
    for tour in &visitor.tours {
        findings.extend(history::a_session_is_not_replaced(tour.requests(log)));
    }
    let violation = |finding: history::Finding| Violation {
        client: visitor.number,
        reason: finding.reason.to_owned(),
        why: finding.why,
    };
    findings.into_iter().map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::record::{Ask, Http};
    use crate::fault::RestartTimes;
    use crate::flow::Flow;
    use crate::trouble::Problem;
    use crate::verdict::promise;

    fn exchange(at: f64, end: Result<Ack, Trouble>, boot: &str) -> Exchange {
        Exchange {
            step: "look".to_owned(),
            ask: Ask::Other,
            session: Some("s".to_owned()),
            sent_at_ms: at,
            ended_at_ms: at + 1.0,
            end,
            http: Http { boot_id: Some(boot.to_owned()), replica: Some("a-1".to_owned()), ..Http::default() },
        }
    }

    fn refused(at: f64) -> Exchange {
        let problem = Problem {
            status: 401,
            code: "session_lost".to_owned(),
            reason: Some("restart".to_owned()),
            retryable: false,
        };
        exchange(at, Err(Trouble::Told(problem)), "a-1.new")
    }

    fn outage(boot_before: &str, proven: bool) -> Outage {
        let restart = RestartTimes {
            boot_before: boot_before.to_owned(),
            boot_after: "a-1.new".to_owned(),
            stop_ms: 1.0,
            gone_ms: 1.0,
            ready_ms: 8.0,
        };
        Outage {
            fault: "kill",
            replica: Some("a-1".to_owned()),
            from_ms: 10.0,
            until_ms: 20.0,
            proven,
            proof: String::new(),
            restart: Some(restart),
        }
    }

    fn lost() -> Tour {
        Tour {
            flow: Flow::Whoami,
            outcome: promise("it is there", false),
            moves: Vec::new(),
            from: 0,
            late_ms: vec![0.0, 0.0],
        }
    }

    #[test]
    fn a_loss_is_explained_by_the_end_of_the_run_that_opened_the_session_and_by_no_other() {
        let log = [exchange(1.0, Ok(Ack::Session("s".to_owned())), "a-1.old"), refused(300.0)];
        assert!(tour(&lost(), &log, &[outage("a-1.old", true)]).explained);
        assert!(!tour(&lost(), &log, &[outage("a-1.other", true)]).explained);
        assert!(!tour(&lost(), &log, &[outage("a-1.old", false)]).explained, "not proven");
        assert!(!tour(&lost(), &log, &[]).explained);
    }

    #[test]
    fn a_lost_answer_is_explained_by_an_outage_it_was_open_in() {
        let reset = || Err(Trouble::NoAnswer(crate::http::NoAnswer::Reset));
        let log = |at| [exchange(1.0, Ok(Ack::Done), "a-1.old"), exchange(at, reset(), "a-1.old")];
        assert!(tour(&lost(), &log(15.0), &[outage("a-1.x", true)]).explained);
        assert!(!tour(&lost(), &log(40.0), &[outage("a-1.x", true)]).explained);
        let mut sibling = outage("a-1.x", true);
        sibling.replica = Some("a-2".to_owned());
        assert!(!tour(&lost(), &log(15.0), &[sibling]).explained);
    }

    #[test]
    fn a_flow_that_kept_its_promise_needs_no_explanation() {
        let kept = Tour { outcome: Ok(()), ..lost() };
        assert_eq!(tour(&kept, &[], &[]).verdict, Verdict::Survived);
    }
}
