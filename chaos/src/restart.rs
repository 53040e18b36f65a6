//! What if I restart this, now, or at this step of this workflow? Without `--at` a target of a lab that is
//! up is restarted, and its down time told. With `--at` a flow plays, and the restart waits for its step.

use std::fmt::Write;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::cli::{duration, usage};
use crate::driver::{Driver, EXIT_WITHIN, READY_WITHIN, Target};
use crate::fault::{self, Aim, Fault, Strike};
use crate::flow::Flow;
use crate::moment::{Moment, Phase};
use crate::names::{flow_named, step_named};
use crate::up::DEFAULT_LAB;

/// `chaos restart`
#[derive(Debug, Clone, Args)]
pub struct RestartArgs {
    /// stateful, stateless, one replica (stateless-2), redis or sql
    pub target: String,

    /// How
    #[arg(long, value_enum, default_value = "graceful")]
    pub how: How,

    /// At this step of this flow, for instance cart:put-pen
    #[arg(long, value_name = "FLOW:STEP")]
    pub at: Option<At>,

    /// Which part of the step
    #[arg(long, value_enum, requires = "at", default_value = "before")]
    pub phase: Phase,

    /// How long a pause lasts
    #[arg(long = "for", value_name = "TIME", default_value = "50ms", value_parser = duration)]
    pub pause_for: Duration,

    /// The lab that `chaos up` runs; without one, --at starts a private lab
    #[arg(long, value_name = "NAME")]
    pub lab: Option<String>,

    /// Fixes what is random
    #[arg(long, value_name = "N", requires = "at")]
    pub seed: Option<u64>,

    /// One JSON object on stdout instead of text
    #[arg(long)]
    pub json: bool,
}

/// How something is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// It is asked to end (SIGTERM), and started again
    Graceful,
    /// It is ended at once (SIGKILL), and started again
    Kill,
    /// It stands still (SIGSTOP) for a moment, and goes on
    Pause,
}

/// A step of a flow.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// The flow.
    pub flow: Flow,
    /// Its step.
    pub step: &'static str,
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (flow, step) = text.split_once(':').ok_or("write FLOW:STEP, for instance cart:put-pen")?;
        let flow = flow_named(flow)?;
        Ok(At { flow, step: step_named(flow, step)? })
    }
}

impl At {
    /// The moment of it that is meant.
    pub fn moment(self, phase: Phase) -> Moment {
        Moment::new(self.step, phase)
    }
}

impl How {
    /// The fault that does this to a replica.
    pub fn to_a_replica(self) -> Fault {
        match self {
            How::Graceful => Fault::Graceful,
            How::Kill => Fault::Kill,
            How::Pause => Fault::Pause,
        }
    }

    /// The fault that does this to Redis, where there is one.
    pub fn to_redis(self) -> Option<Fault> {
        match self {
            How::Graceful => Some(Fault::RedisRestart),
            How::Pause => Some(Fault::RedisPause),
            How::Kill => None,
        }
    }
}

/// The lab to use: the one that was named, or the usual one if it is up.
///
/// # Errors
/// If the one that was named is not up.
pub async fn up_already(named: Option<&str>) -> anyhow::Result<Option<String>> {
    match named {
        Some(name) => Driver::attach(name).await.map(|_| Some(name.to_owned())),
        None => Ok(Driver::attach_if_up(DEFAULT_LAB).await?.map(|_| DEFAULT_LAB.to_owned())),
    }
}

/// Restarts a target of a lab that is up, and says how that went. False: it is not proven.
///
/// # Errors
/// If no lab is up, it has no such target, or it broke.
pub async fn now(args: &RestartArgs) -> anyhow::Result<(String, bool)> {
    let name = args.lab.as_deref().unwrap_or(DEFAULT_LAB);
    let lab = Driver::attach_if_up(name).await?;
    let lab = lab.with_context(|| {
        format!("no lab called {name:?} is up: start one with `chaos up`, or restart at a step of a flow with --at cart:put-pen")
    })?;
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
    let aim = Aim { driver: lab, service, replica, held: None, pause_for };
    let mut strike = fault::strike(fault, aim).await?;
    if strike.in_force.is_some() {
        // This time is what was asked for; there is no event to wait for.
        tokio::time::sleep(pause_for).await;
        fault::undo(&mut strike, lab).await?;
    }
    if fault == Fault::Pause {
        // No client is at work here, so there is no request to speak of.
        strike.proof.what = format!("{replica} was in state T (stopped) until it was continued");
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
    Ok(Strike { restart: None, proof: fault::Proof { proven, what }, in_force: None })
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
        let (stop, gone, ready) = (times.stop_ms, times.gone_ms, times.ready_ms);
        let _ = writeln!(
            out,
            "  down {:.0} ms: stop {stop:.1}, gone {gone:.1}, ready {ready:.1}",
            stop + gone + ready
        );
    }
}
