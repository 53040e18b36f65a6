//! How is a target of a lab that is up restarted at once, and how long is it down?

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, bail};

use super::{How, RestartArgs, sql};
use crate::cli::usage;
use crate::driver::{Driver, DriverName, EXIT_WITHIN, READY_WITHIN, Target};
use crate::fault::{self, Aim, Fault, Strike};
use crate::way::Way;

/// Restarts a target of a lab that is up, and says how that went. False: it is not proven.
///
/// # Errors
/// If no lab is up, it has no such target, or it broke.
pub async fn restart(driver: DriverName, args: &RestartArgs) -> anyhow::Result<(String, bool)> {
    let name = Driver::lab_that_is_up(driver, args.lab.as_deref()).await?;
    let name = name.with_context(|| {
        let up = match driver {
            DriverName::Local => "chaos up",
            DriverName::Docker => "chaos up --driver docker",
        };
        format!("no lab is up: start one with `{up}`, or restart at a step of a flow with --at cart:put-pen")
    })?;
    let lab = Driver::attach(driver, &name).await?;
    let target = lab.target(&args.target).map_err(|error| usage(error.to_string()))?;
    let mut told = String::new();
    let mut proven = true;
    for (target, strike) in strike(&lab, target, args).await? {
        proven &= strike.proof.proven;
        tell(&mut told, &target, args.how, &strike);
    }
    Ok((told, proven))
}

async fn strike(lab: &Driver, target: Target, args: &RestartArgs) -> anyhow::Result<Vec<(String, Strike)>> {
    let mut strikes = Vec::new();
    match target {
        Target::Redis => strikes.push(("redis".to_owned(), redis(lab, args).await?)),
        Target::Sql(name) => {
            let strike = sql::restart(lab, &name, args.how, args.pause_for).await?;
            strikes.push((name, strike));
        }
        Target::Replica { service, replica } => {
            let strike = hit(lab, args.how.to_a_replica(), &service, &replica, args.pause_for).await?;
            strikes.push((replica, strike));
        }
        // One after the other, each ready before the next, as a rolling restart does.
        Target::Service(service) => {
            for replica in lab.replicas(&service).to_vec() {
                let strike =
                    hit(lab, args.how.to_a_replica(), &service, &replica.name, args.pause_for).await?;
                strikes.push((replica.name, strike));
            }
        }
    }
    Ok(strikes)
}

async fn hit(
    lab: &Driver,
    fault: Fault,
    service: &str,
    replica: &str,
    pause_for: Duration,
) -> anyhow::Result<Strike> {
    let aim = Aim { driver: lab, service, replica, way: Way::Direct, held: None, pause_for };
    let mut strike = fault::strike_for_a_while(fault, aim).await?;
    if fault == Fault::Pause {
        // No client is at work here, so there is no request to speak of.
        strike.proof.what = format!("{replica} was {} until it was continued", lab.frozen_word());
    }
    Ok(strike)
}

async fn redis(lab: &Driver, args: &RestartArgs) -> anyhow::Result<Strike> {
    if let Some(fault) = args.how.to_redis() {
        return hit(lab, fault, "", "", args.pause_for).await;
    }
    // Killed, but its disk is kept: what its append-only file had not yet written is gone, and no more.
    let run_before = lab.redis_run_id().await?;
    lab.kill("redis").await?;
    if !lab.gone("redis", EXIT_WITHIN).await? {
        bail!("redis outlived SIGKILL");
    }
    lab.start_again("redis").await?;
    lab.all_ready(READY_WITHIN).await?;
    let run_after = lab.redis_run_id().await?;
    let (proven, what) = (run_before != run_after, format!("new run_id {run_after} after {run_before}"));
    Ok(Strike::over(None, fault::Proof { proven, what }))
}

fn tell(out: &mut String, target: &str, how: How, strike: &Strike) {
    let did = match how {
        How::Graceful => "restarted gracefully",
        How::Kill => "killed and started again",
        How::Pause => "paused and continued",
    };
    let _ = writeln!(out, "{target} {did}");
    let proof = if strike.proof.proven { "proof" } else { "not proven" };
    let _ = writeln!(out, "  {proof}: {}", strike.proof.what);
    if let Some(times) = &strike.restart {
        let _ = writeln!(out, "  {times}");
    }
}
