//! How did the load go, in numbers? How many requests were answered, and how long their clients waited,
//! during an outage and outside of all of them.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Played;
use crate::client::record::{Exchange, hundredths};
use crate::trouble::Trouble;

/// The longest wait that is told apart from longer ones: 60 s, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// The numbers of one service.
#[derive(Debug, Clone, Serialize)]
pub struct Tally {
    /// How many requests were sent.
    pub requests: usize,
    /// How many a second.
    pub per_second: f64,
    /// The share that was answered, be it with a refusal: neither unanswered nor a 5xx.
    pub availability: f64,
    /// What clients waited while no fault was in force.
    pub outside: Latency,
    /// What clients waited whose request was open while one was.
    pub during: Latency,
}

/// How long clients waited, from the appointed time of a request to its end, in milliseconds.
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
    let (mut requests, mut answered) = (0, 0);
    for visitor in &played.visitors {
        for tour in &visitor.tours {
            for (exchange, late_ms) in tour.with_lateness(&visitor.log) {
                requests += 1;
                answered += usize::from(was_answered(exchange));
                let from_ms = exchange.sent_at_ms - late_ms;
                let replica = exchange.http.replica.as_deref();
                let met = played.outages.iter().any(|o| o.met(replica, from_ms, exchange.ended_at_ms));
                let waited_us = ((exchange.ended_at_ms - from_ms) * 1000.0) as u64;
                if met { &mut during } else { &mut outside }.saturating_record(waited_us);
            }
        }
    }
    Ok(Tally {
        requests,
        per_second: hundredths(requests as f64 / (played.lasted_ms / 1000.0)),
        availability: answered as f64 / (requests as f64).max(1.0),
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
