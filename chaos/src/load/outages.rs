//! How does a fault strike again and again, and what is written down each time?

use std::time::{Duration, Instant};

use serde::Serialize;

use super::LoadArgs;
use crate::client::record::hundredths;
use crate::driver::Driver;
use crate::fault::{self, Aim, Fault, Hits, RestartTimes};
use crate::way::Way;

/// One time a fault struck.
#[derive(Debug, Clone, Serialize)]
pub struct Outage {
    /// Which fault.
    pub fault: Fault,
    /// The replica it was aimed at; null if it hits Redis or every replica.
    pub replica: Option<String>,
    /// When it was ordered, in milliseconds since the load began; as each request's time.
    pub from_ms: f64,
    /// When everything it hit was ready again.
    pub until_ms: f64,
    /// Whether it is proven.
    pub proven: bool,
    /// What was seen of it.
    pub proof: String,
    /// How long the replica was away, if one was restarted.
    pub restart: Option<RestartTimes>,
    /// The boot ids of all runs of a replica that it ended.
    pub ended: Vec<String>,
}

impl Outage {
    /// Whether a request to this replica that was open from `from_ms` to `until_ms` met it.
    pub fn met(&self, replica: Option<&str>, from_ms: f64, until_ms: f64) -> bool {
        let here = self.replica.is_none() || replica.is_none() || self.replica.as_deref() == replica;
        here && from_ms <= self.until_ms && until_ms >= self.from_ms
    }
}

/// Strikes at every appointed time while the load lasts; the replicas take turns, and so do the faults.
/// Returns what happened to each service; times count from `start`.
///
/// # Errors
/// If the lab itself is broken.
pub(super) async fn strike_again_and_again(
    driver: &Driver,
    services: &[&str],
    args: &LoadArgs,
    start: Instant,
    began: Instant,
) -> anyhow::Result<Vec<Vec<Outage>>> {
    let mut outages: Vec<Vec<Outage>> = services.iter().map(|_| Vec::new()).collect();
    for number in 0.. {
        let at = args.every * (number as u32 + 1);
        // The last one must be over while clients still work, or nobody meets it. A fault that takes longer than
        // the time between two makes the next one late, so the appointed time alone does not say when to stop.
        if at.max(began.elapsed()) + args.every / 2 > args.lasts {
            break;
        }
        tokio::time::sleep_until((began + at).into()).await;
        let fault = args.fault[number % args.fault.len()];
        let strike = |service| strike(driver, service, fault, number, args.outage, start);
        if fault.row().hits == Hits::Redis {
            // There is one Redis for all, and it is not hit twice.
            let outage = strike(services[0]).await?;
            outages.iter_mut().for_each(|of_service| of_service.push(outage.clone()));
            continue;
        }
        let struck =
            futures_util::future::try_join_all(services.iter().map(|service| strike(service))).await?;
        outages.iter_mut().zip(struck).for_each(|(of_service, outage)| of_service.push(outage));
    }
    Ok(outages)
}

async fn strike(
    driver: &Driver,
    service: &str,
    fault: Fault,
    number: usize,
    lasts: Duration,
    start: Instant,
) -> anyhow::Result<Outage> {
    let now_ms = || hundredths(start.elapsed().as_secs_f64() * 1000.0);
    let replicas = driver.replicas(service);
    let replica = &replicas[number % replicas.len()].name;
    let from_ms = now_ms();
    let aim = Aim { driver, service, replica, way: Way::Direct, held: None, pause_for: lasts };
    let strike = fault::strike_for_a_while(fault, aim).await?;
    Ok(Outage {
        fault,
        replica: (fault.row().hits == Hits::Replica).then(|| replica.to_owned()),
        from_ms,
        until_ms: now_ms(),
        proven: strike.proof.proven,
        proof: strike.proof.what,
        restart: strike.restart,
        ended: strike.ended,
    })
}
