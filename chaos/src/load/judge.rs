//! What was each flow of a load worth, and was anything lost or doubled that no restart explains? Pure
//! functions over what the clients wrote down, so that they can be tested on loads that never happen.

use serde::Serialize;

use super::excuse::excused;
use super::outages::Outage;
use super::tour::{Tour, Visitor};
use crate::client::record::Exchange;
use crate::history::{self, Final};
use crate::service::Service;
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

/// The verdict of one flow. One that ended badly is explained if a proven fault excuses the request that it
/// ended with. A broken promise, or a thing that happened twice, has no such request, and no excuse.
pub fn tour(tour: &Tour, log: &[Exchange], service: &Service, outages: &[Outage]) -> Judged {
    match (&tour.outcome, tour.moves.first()) {
        (Ok(()), None) => Judged { verdict: Verdict::Survived, reason: None, explained: true },
        (Ok(()), Some(one)) => {
            Judged { verdict: Verdict::Recovered, reason: Some(one.after.clone()), explained: true }
        }
        (Err(ending), _) => {
            let gave_the_reason = |exchange: &&Exchange| {
                exchange.end.as_ref().is_err_and(|trouble| trouble.word() == ending.reason)
            };
            let decided = tour.requests(log).iter().rfind(gave_the_reason);
            let explained = decided.is_some_and(|failed| excused(failed, log, service, outages));
            Judged { verdict: ending.verdict, reason: Some(ending.reason.clone()), explained }
        }
    }
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
    use crate::fault::Fault;
    use crate::flow::Flow;
    use crate::http::NoAnswer;
    use crate::load::pace::Appointment;
    use crate::service;
    use crate::trouble::Trouble;
    use crate::verdict::{Ending, promise};

    /// A request whose answer was lost while the fault was in force.
    fn log() -> [Exchange; 1] {
        [Exchange {
            step: "look".to_owned(),
            ask: Ask::Other,
            session: Some("s".to_owned()),
            sent_at_ms: 15.0,
            ended_at_ms: 16.0,
            end: Err(Trouble::NoAnswer(NoAnswer::Reset)),
            http: Http::default(),
        }]
    }

    fn kill() -> Outage {
        Outage {
            fault: Fault::Kill,
            replica: Some("a-1".to_owned()),
            from_ms: 10.0,
            until_ms: 20.0,
            proven: true,
            proof: String::new(),
            restart: None,
            ended: Vec::new(),
        }
    }

    fn ended(outcome: Result<(), Ending>) -> Judged {
        let appointed = vec![Appointment { due_ms: 15.0, behind: false }];
        let one = Tour { flow: Flow::Whoami, outcome, moves: Vec::new(), from: 0, appointed };
        tour(&one, &log(), &service::stateful(), &[kill()])
    }

    #[test]
    fn a_flow_is_explained_by_the_request_it_ended_with_and_by_no_other_that_failed() {
        assert!(ended(Err(Trouble::NoAnswer(NoAnswer::Reset).into())).explained);
        assert!(!ended(Err(Trouble::NoAnswer(NoAnswer::TimedOut).into())).explained);
        assert!(!ended(promise("it is there", false)).explained, "a broken promise");
    }

    #[test]
    fn a_flow_that_kept_its_promise_needs_no_explanation() {
        assert_eq!(ended(Ok(())).verdict, Verdict::Survived);
        assert!(ended(Ok(())).explained);
    }
}
