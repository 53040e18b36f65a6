//! What does a load come to? It is decided here once: the exit code, the text and the page say the same.

use serde::{Deserialize, Serialize};

use super::service_report::ServiceReport;

/// What a load comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Every loss has its fault, and nothing is wrong.
    Explained,
    /// A loss has none, or something is wrong that no fault excuses.
    Wrong,
    /// Nothing is proven: clients were turned away because there were too many.
    TooMany,
    /// Nothing is proven.
    NothingProven,
}

impl Conclusion {
    /// What was seen of all services comes to this.
    pub fn of(services: &[ServiceReport]) -> Conclusion {
        let wrong = |one: &ServiceReport| {
            !one.violations.is_empty() || one.unexplained.iter().any(|loss| !loss.too_many)
        };
        let proves_nothing = |one: &ServiceReport| {
            let struck = !one.outages.is_empty() && one.outages.iter().all(|outage| outage.proven);
            // Requests that met no outage say nothing about outages.
            !struck || one.tally.during.requests == 0 || !one.unread.is_empty()
        };
        match () {
            () if services.iter().any(wrong) => Conclusion::Wrong,
            () if services.iter().any(|one| !one.unexplained.is_empty()) => Conclusion::TooMany,
            () if services.is_empty() || services.iter().any(proves_nothing) => Conclusion::NothingProven,
            () => Conclusion::Explained,
        }
    }

    /// 0: every loss is explained and nothing is wrong. 1: something is. 2: nothing is proven.
    pub fn exit_code(self) -> u8 {
        match self {
            Conclusion::Explained => 0,
            Conclusion::Wrong => 1,
            Conclusion::TooMany | Conclusion::NothingProven => 2,
        }
    }

    /// The same in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Conclusion::Explained => {
                "every loss is explained by a fault; beyond that nothing acknowledged is missing, nothing is there \
                 twice, and no session came back after its end"
            }
            Conclusion::Wrong => "not everything is as it must be",
            Conclusion::TooMany => {
                "this proves nothing: more was due than this machine can do; try fewer --clients, or a longer --pace"
            }
            Conclusion::NothingProven => {
                "this proves nothing: a fault was not proven, no request met one (more --clients meet more), or a final \
                 state could not be read"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::outages::Outage;
    use super::super::service_report::{Unexplained, turned_away};
    use super::super::tally::{Latency, Tally};
    use super::*;
    use crate::fault::Fault;
    use crate::verdict::Verdict;

    /// A service whose fault is proven, and from which one client got lost for this reason.
    fn lost(reason: &str, unsent: usize) -> ServiceReport {
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
        ServiceReport {
            service: "stateful".to_owned(),
            lasted_ms: 1.0,
            outages: vec![outage],
            tally,
            flows: BTreeMap::new(),
            unexplained: vec![loss],
            violations: Vec::new(),
            unread: Vec::new(),
            requests: Vec::new(),
        }
    }

    #[test]
    fn more_clients_than_the_machine_can_serve_prove_nothing_and_excuse_only_that_they_were_turned_away() {
        let of = |reason, unsent| Conclusion::of(&[lost(reason, unsent)]);
        assert_eq!(of("login_busy", 300), Conclusion::TooMany);
        assert_eq!(of("login_busy", 0), Conclusion::Wrong, "a service that is busy with nothing");
        assert_eq!(
            of("timed_out", 300),
            Conclusion::Wrong,
            "a service that hangs lets things be unsent, too"
        );
        assert_eq!(of("session_unknown", 300), Conclusion::Wrong);
    }

    #[test]
    fn without_a_service_a_fault_a_proof_a_request_that_met_one_or_a_final_state_nothing_is_proven() {
        let but = |change: fn(&mut ServiceReport)| {
            let mut one = lost("", 0);
            one.unexplained.clear();
            change(&mut one);
            Conclusion::of(&[one])
        };
        assert_eq!(but(|_| ()), Conclusion::Explained);
        assert_eq!(but(|one| one.outages.clear()), Conclusion::NothingProven);
        assert_eq!(but(|one| one.outages[0].proven = false), Conclusion::NothingProven);
        assert_eq!(but(|one| one.tally.during.requests = 0), Conclusion::NothingProven);
        assert_eq!(but(|one| one.unread.push("down".to_owned())), Conclusion::NothingProven);
        assert_eq!(Conclusion::of(&[]), Conclusion::NothingProven);
    }
}
