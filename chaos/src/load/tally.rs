//! How did the load go, in numbers? How many requests were answered, and how long their clients waited,
//! during an outage and outside of all of them.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Played;
use crate::client::record::{Exchange, hundredths};
use crate::trouble::Trouble;

/// The longest wait that is told apart from longer ones: an hour, in microseconds.
const LONGEST_US: u64 = 3_600_000_000;

/// The numbers of one service.
#[derive(Debug, Clone, Serialize)]
pub struct Tally {
    /// How many requests were sent.
    pub requests: usize,
    /// How many more should have been sent, and were not, because until the end their clients waited for others.
    pub unsent: usize,
    /// How many were sent a second.
    pub per_second: f64,
    /// The share of all that should have been sent that was answered, be it with a refusal: neither unanswered
    /// nor a 5xx.
    pub availability: f64,
    /// What clients waited whose request met no fault.
    pub outside: Latency,
    /// What clients waited whose request met one: it was open while the fault was in force, or its client was kept
    /// from sending it by a request that was.
    pub during: Latency,
}

/// How long clients waited, from the appointed time of a request to its end, in milliseconds. Of one that was never
/// sent, to when its client went home: it waited no less.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// How many requests.
    pub requests: u64,
    /// Half of them took less.
    pub p50_ms: f64,
    /// 90 of 100 took less.
    pub p90_ms: f64,
    /// 99 of 100 took less.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Counts.
///
/// # Errors
/// If a histogram cannot be made.
pub fn tally(played: &Played) -> anyhow::Result<Tally> {
    let new = || Histogram::<u64>::new_with_bounds(1, LONGEST_US, 3);
    let (mut during, mut outside) = (new()?, new()?);
    let mut wait = |met: bool, from_ms: f64, until_ms: f64| {
        let waited_us = ((until_ms - from_ms) * 1000.0) as u64;
        if met { &mut during } else { &mut outside }.saturating_record(waited_us);
    };
    let (mut requests, mut unsent, mut answered) = (0, 0, 0);
    for visitor in &played.visitors {
        // Whether a fault holds this client up: it is what each request has from the one before it.
        let mut held_up = false;
        for (exchange, appointed) in
            visitor.tours.iter().flat_map(|tour| tour.with_appointments(&visitor.log))
        {
            requests += 1;
            answered += usize::from(was_answered(exchange));
            let (replica, ended_ms) = (exchange.http.replica.as_deref(), exchange.ended_at_ms);
            let met = played.outages.iter().any(|outage| outage.met(replica, appointed.due_ms, ended_ms));
            held_up = met || (appointed.behind && held_up);
            wait(held_up, appointed.due_ms, ended_ms);
        }
        for due_ms in &visitor.unsent_due_ms {
            unsent += 1;
            wait(held_up, *due_ms, visitor.left_ms);
        }
    }
    Ok(Tally {
        requests,
        unsent,
        per_second: hundredths(requests as f64 / (played.lasted_ms / 1000.0)),
        availability: answered as f64 / ((requests + unsent) as f64).max(1.0),
        outside: latency(&outside),
        during: latency(&during),
    })
}

/// Whether the client was told something it can act on.
fn was_answered(exchange: &Exchange) -> bool {
    match &exchange.end {
        Ok(_) => true,
        Err(Trouble::Told(problem)) => problem.status < 500,
        Err(Trouble::NoAnswer(_) | Trouble::Gateway(_) | Trouble::Nonsense(_)) => false,
    }
}

fn latency(histogram: &Histogram<u64>) -> Latency {
    let at = |quantile| hundredths(histogram.value_at_quantile(quantile) as f64 / 1000.0);
    Latency {
        requests: histogram.len(),
        p50_ms: at(0.5),
        p90_ms: at(0.9),
        p99_ms: at(0.99),
        max_ms: hundredths(histogram.max() as f64 / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::client::record::{Ack, Ask, Http};
    use crate::draws::Draws;
    use crate::fault::Fault;
    use crate::flow::Flow;
    use crate::load::outages::Outage;
    use crate::load::pace::Appointment;
    use crate::load::tour::{Tour, Visitor};
    use crate::service;
    use crate::state::Replica;

    /// A request that was due, sent and answered then, in milliseconds. Late is who waited for the one before.
    fn request(due_ms: f64, sent_at_ms: f64, ended_at_ms: f64) -> (Exchange, Appointment) {
        let exchange = Exchange {
            step: "look".to_owned(),
            ask: Ask::Other,
            session: None,
            sent_at_ms,
            ended_at_ms,
            end: Ok(Ack::Done),
            http: Http { replica: Some("a-1".to_owned()), ..Http::default() },
        };
        (exchange, Appointment { due_ms, behind: sent_at_ms > due_ms })
    }

    /// One client that has done this while its replica stood still for the first second.
    fn told(requests: Vec<(Exchange, Appointment)>, unsent_due_ms: Vec<f64>, left_ms: f64) -> Tally {
        let (name, url) = ("a-1".to_owned(), "http://127.0.0.1:9".to_owned());
        let replica = Replica { name, service: "a".to_owned(), url, gates: None };
        let mut visitor = Visitor::new(0, &replica, Instant::now(), Draws::new(1));
        let (log, appointed) = requests.into_iter().unzip();
        let tour = Tour { flow: Flow::Whoami, outcome: Ok(()), moves: Vec::new(), from: 0, appointed };
        (visitor.log, visitor.tours) = (log, vec![tour]);
        (visitor.unsent_due_ms, visitor.left_ms) = (unsent_due_ms, left_ms);
        let outage = Outage {
            fault: Fault::Pause,
            replica: Some("a-1".to_owned()),
            from_ms: 0.0,
            until_ms: 1_000.0,
            proven: true,
            proof: String::new(),
            restart: None,
            ended: Vec::new(),
        };
        let (service, visitors) = (service::stateful(), vec![visitor]);
        let (held, outages) = (Vec::new(), vec![outage]);
        tally(&Played { service, visitors, held, outages, lasted_ms: 2_000.0 }).unwrap()
    }

    #[test]
    fn a_service_that_stands_still_makes_all_wait_that_should_have_been_asked_of_it() {
        // One request every 100 ms. The first meets the pause; thirteen stand behind it, three of them due when it
        // is already over, and are done one after the other, 30 ms each. Then all is well.
        let due = |number: u32| f64::from(number) * 100.0;
        let queued = |number: u32| 970.0 + f64::from(number) * 30.0;
        let mut requests = vec![request(0.0, 0.0, 1_000.0)];
        requests.extend((1..14).map(|number| request(due(number), queued(number), queued(number) + 30.0)));
        requests.extend((14..20).map(|number| request(due(number), due(number), due(number) + 1.0)));
        let tally = told(requests, Vec::new(), 2_000.0);
        assert_eq!((tally.during.requests, tally.outside.requests), (14, 6), "{tally:?}");
        // Measured from when they were sent, all but one would have waited 30 ms.
        assert!((400.0..=600.0).contains(&tally.during.p50_ms), "{tally:?}");
        assert!((999.0..=1_001.0).contains(&tally.during.max_ms), "{tally:?}");
        assert!(tally.outside.max_ms <= 2.0, "{tally:?}");
    }

    #[test]
    fn what_a_client_was_kept_from_sending_until_the_end_has_waited_too_and_nobody_answered_it() {
        let tally = told(vec![request(0.0, 0.0, 900.0)], vec![100.0, 200.0, 300.0], 900.0);
        assert_eq!((tally.requests, tally.unsent, tally.during.requests), (1, 3, 4), "{tally:?}");
        assert!((599.0..=701.0).contains(&tally.during.p50_ms), "{tally:?}");
        assert_eq!(tally.availability, 0.25);
    }
}
