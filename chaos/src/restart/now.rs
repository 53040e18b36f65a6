//! How is a target of a lab that is up restarted at once, and how long is it down?

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use super::{Hit, How, RestartArgs, Told, sql};
use crate::driver::{Driver, DriverName, EXIT_WITHIN, READY_WITHIN, Replica, Target};
use crate::fault::{self, Aim, Fault, Strike, redis_restart};
use crate::report::wrap::fitted;
use crate::usage::usage;
use crate::way::Way;

/// Restarts a target of a lab that is up, and says how that went.
///
/// # Errors
/// If no lab is up, it has no such target, or it broke.
pub async fn restart(driver: DriverName, args: &RestartArgs) -> anyhow::Result<Told> {
    let name = args.lab.as_deref().with_context(|| {
        let up = match driver {
            DriverName::Local => "chaos up",
            DriverName::Docker => "chaos up --driver docker",
        };
        format!("no lab is up: start one with `{up}`, or restart at a step of a flow with --at cart:put-pen")
    })?;
    let lab = Driver::attach(driver, name).await?;
    let target = lab.target(&args.target).map_err(|error| usage(error.to_string()))?;
    let mut told = Told { text: String::new(), hits: Vec::new() };
    for target in each_of(&lab, target) {
        // Others may be at work in this lab, so what may be left is theirs to heal who know that.
        let cure = format!("`chaos heal --driver {} --lab {name}` undoes what may be left", driver.word());
        let struck = strike(&lab, &target, args.how, args.pause_for).await;
        let Strike { restart, proof, .. } = struck.map_err(|error| anyhow!("{error:#}; {cure}"))?;
        let target = target.name().to_owned();
        let hit = Hit { target, proven: proof.proven, proof: proof.what, restart };
        tell(&mut told.text, args.how, &hit);
        if !hit.proven {
            let _ = writeln!(told.text, "{}", fitted(&format!("  {cure}"), 4));
        }
        told.hits.push(hit);
    }
    Ok(told)
}

/// The single targets that one stands for: those of a service are its replicas, which are hit one after the other,
/// each ready before the next, as a rolling restart does.
fn each_of(lab: &Driver, target: Target) -> Vec<Target> {
    let Target::Service(service) = target else { return vec![target] };
    let one = |replica: &Replica| Target::Replica { service: service.clone(), replica: replica.name.clone() };
    lab.replicas(&service).iter().map(one).collect()
}

/// Does this to a single target, and returns when everything is ready again: here, and behind a button of the
/// live page.
///
/// # Errors
/// If the lab broke, or the target is a whole service.
pub async fn strike(lab: &Driver, target: &Target, how: How, pause_for: Duration) -> anyhow::Result<Strike> {
    match target {
        Target::Replica { service, replica } => {
            hit(lab, how.to_a_replica(), service, replica, pause_for).await
        }
        Target::Redis => match how.to_redis() {
            Some(fault) => hit(lab, fault, "", "", pause_for).await,
            None => kill_redis(lab).await,
        },
        Target::Sql(name) => sql::restart(lab, name, how, pause_for).await,
        Target::Service(name) => bail!("{name} is a whole service; one replica of it can be hit"),
    }
}

async fn hit(
    lab: &Driver,
    fault: Fault,
    service: &str,
    replica: &str,
    pause_for: Duration,
) -> anyhow::Result<Strike> {
    let aim = Aim { driver: lab, service, replica, way: Way::Direct, held: None, pause_for };
    fault::strike_for_a_while(fault, aim).await
}

/// Kills Redis and starts it again with what it has on disk. It is no fault of the matrix, because a step decides
/// nothing about it: a change is in the file before its client hears of it, and then this is `redis-restart`,
/// unless the disk is busy just then; Redis waits for that up to two seconds and answers meanwhile.
async fn kill_redis(lab: &Driver) -> anyhow::Result<Strike> {
    let run_before = lab.redis_run_id().await?;
    lab.kill("redis").await?;
    if !lab.gone("redis", EXIT_WITHIN).await? {
        bail!("redis outlived SIGKILL");
    }
    lab.start_again("redis").await?;
    lab.all_ready(READY_WITHIN).await?;
    Ok(Strike::over(None, redis_restart::new_run_id(lab, &run_before).await?))
}

fn tell(out: &mut String, how: How, hit: &Hit) {
    let did = match how {
        How::Graceful => "restarted gracefully",
        How::Kill => "killed and started again",
        How::Pause => "paused and continued",
    };
    let _ = writeln!(out, "{} {did}", hit.target);
    let proof = if hit.proven { "proof" } else { "not proven" };
    let _ = writeln!(out, "{}", fitted(&format!("  {proof}: {}", hit.proof), 4));
    if let Some(times) = &hit.restart {
        let _ = writeln!(out, "{}", fitted(&format!("  {times}"), 4));
    }
}
