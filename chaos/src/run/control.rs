//! What is it like when nothing happens? Every promise must be kept, or nothing that a fault does later
//! means anything; and what a request costs undisturbed is what the promise costs.

use super::judge::{Judged, judge};
use super::route::Route;
use super::{play, predicted_as};
use crate::client::record::Exchange;
use crate::draws::Draws;
use crate::driver::{Driver, Store};
use crate::flow::Flow;
use crate::predict::Predictions;
use crate::results;
use crate::service::Service;
use crate::way::Way;

/// How often an undisturbed flow is played.
const CONTROL_PLAYS: usize = 8;

/// How many of them may be late.
const LATE_PLAYS: usize = 3;

/// Plays a flow with nothing happening, and says what its requests cost. It is the control of every cell:
/// if a promise is not kept now, nothing that happens to it later means anything.
///
/// # Errors
/// If the lab itself is broken.
pub async fn control(
    driver: &Driver,
    flow: Flow,
    service: &Service,
    way: Way,
    predictions: &Predictions,
    mut draws: Draws,
) -> anyhow::Result<results::Control> {
    let prediction = predictions.control(flow, predicted_as(service, predictions), way)?;
    let mut plays = Vec::new();
    let mut late = 0;
    while plays.len() < CONTROL_PLAYS {
        let route = Route::of(driver, flow, &service.name, way, None).await?;
        let played = play(driver, flow, &service.name, &route, None, draws.branch()).await?;
        let judged = judge(&played);
        // On a busy machine a request now and then takes longer than anybody waits for it. That says
        // nothing about the promise, so such a play is repeated; but a service that hangs is found.
        if matches!(judged.reason.as_deref(), Some("timeout" | "timed_out")) && late < LATE_PLAYS {
            late += 1;
        } else {
            plays.push((judged, played));
        }
    }
    // One broken promise is enough; where all are kept alike, the last play speaks for them.
    let agrees = |judged: &Judged| judged.observed.agrees(prediction.expected, judged.reason.as_deref());
    let speaks = plays.iter().position(|(judged, _)| !agrees(judged)).unwrap_or(plays.len() - 1);
    // The first play finds caches and connections cold, so it does not count for the cost.
    let warm = || plays[1..].iter().map(|(_, played)| played);
    let requests = warm().map(|played| played.log.len()).sum::<usize>().max(1) as f64;
    let calls: Option<u64> = warm().map(|played| played.redis_calls).sum();
    let (judged, played) = &plays[speaks];
    Ok(results::Control {
        flow: flow.name(),
        service: service.name.clone(),
        way,
        predicted: prediction.expected.verdict,
        observed: judged.observed,
        as_predicted: agrees(judged),
        reason: judged.reason.clone(),
        p50_ms: median(warm().flat_map(|played| &played.log).map(Exchange::ms).collect()),
        redis_calls_per_request: calls.map(|calls| (calls as f64 / requests * 100.0).round() / 100.0),
        notes: judged.notes.clone(),
        evidence: played.log.iter().map(Exchange::evidence).collect(),
    })
}

/// How often the services have called Redis: scripts, and the `GETEX` of a look, which no script runs. What the
/// scripts do inside is not counted. `None` without a Redis.
///
/// # Errors
/// If Redis does not answer.
pub async fn redis_calls(driver: &Driver) -> anyhow::Result<Option<u64>> {
    if matches!(driver.store(), Store::Embedded { .. }) {
        return Ok(None);
    }
    let stats = driver.redis_ask(&["INFO", "commandstats"]).await?.unwrap_or_default();
    Ok(Some(calls_in(&stats)))
}

fn calls_in(stats: &str) -> u64 {
    let calls = |line: &str| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok();
    let ours = ["cmdstat_getex:", "cmdstat_evalsha:", "cmdstat_eval:"];
    stats.lines().filter(|line| ours.iter().any(|it| line.starts_with(it))).filter_map(calls).sum()
}

fn median(mut ms: Vec<f64>) -> f64 {
    ms.sort_by(f64::total_cmp);
    let middle = ms.get(ms.len() / 2).copied().unwrap_or_default();
    (middle * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_and_scripts_count_as_calls() {
        let stats = "# Commandstats\r\ncmdstat_evalsha:calls=12,usec=34\r\ncmdstat_eval:calls=3,usec=1\r\n\
             cmdstat_get:calls=40,usec=9\r\ncmdstat_getex:calls=5,usec=3\r\ncmdstat_ping:calls=5,usec=2\r\n";
        assert_eq!(calls_in(stats), 20);
        assert_eq!(calls_in(""), 0);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
