//! What if I restart this, now, or at this step of this workflow? Here is what can be asked for. Without `--at`
//! a target of a lab that is up is restarted ([`now`]). With `--at` a flow plays, and the restart waits for
//! its step.

pub mod now;
mod sql;
pub mod swarm;

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::driver::DriverName;
use crate::duration::duration;
use crate::fault::{Fault, RestartTimes};
use crate::flow::Flow;
use crate::moment::{Moment, Phase};
use crate::names::{A_TARGET, flow_named, lab_name, step_named};

/// `chaos restart`
#[derive(Debug, Clone, Args)]
pub struct RestartArgs {
    /// stateful, stateless, one replica (stateless-2), redis or sql
    #[arg(value_parser = A_TARGET, hide_possible_values = true)]
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

    /// What the lab runs on
    #[arg(long, value_enum, default_value = "local")]
    pub driver: On,

    /// The lab that `chaos up`, compose or a swarm runs; without one, --at starts a private lab
    #[arg(long, value_name = "NAME", value_parser = lab_name)]
    pub lab: Option<String>,

    /// Fixes what is random
    #[arg(long, value_name = "N", requires = "at")]
    pub seed: Option<u64>,

    /// One JSON object on stdout instead of text
    #[arg(long)]
    pub json: bool,
}

/// What a target runs on: the drivers of a lab, and the one that lets nobody drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// Processes on this machine
    Local,
    /// Containers in the Docker engine of this machine
    Docker,
    /// Tasks of a Docker Swarm: one is replaced, or a service is rolled
    Swarm,
}

impl On {
    /// The driver of a lab, if the target is in one.
    pub fn driver(self) -> Option<DriverName> {
        match self {
            On::Local => Some(DriverName::Local),
            On::Docker => Some(DriverName::Docker),
            On::Swarm => None,
        }
    }
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
    /// One word, as in `--how`.
    pub fn word(self) -> &'static str {
        match self {
            How::Graceful => "graceful",
            How::Kill => "kill",
            How::Pause => "pause",
        }
    }

    /// The fault that does this to a replica.
    pub fn to_a_replica(self) -> Fault {
        match self {
            How::Graceful => Fault::Graceful,
            How::Kill => Fault::Kill,
            How::Pause => Fault::Pause,
        }
    }

    /// The fault that does this to Redis, where there is one; a kill is none ([`now::strike`]).
    pub fn to_redis(self) -> Option<Fault> {
        match self {
            How::Graceful => Some(Fault::RedisRestart),
            How::Pause => Some(Fault::RedisPause),
            How::Kill => None,
        }
    }
}

/// What came of a restart of one target.
#[derive(Debug, Serialize)]
pub struct Hit {
    /// A replica, `redis` or `sql`.
    pub target: String,
    /// Whether it is known that it happened.
    pub proven: bool,
    /// How that is known, or what was seen instead.
    pub proof: String,
    /// How long it was away, where that was measured.
    pub restart: Option<RestartTimes>,
}

/// All that came of a restart.
#[derive(Debug)]
pub struct Told {
    /// For people.
    pub text: String,
    /// Target by target.
    pub hits: Vec<Hit>,
}

impl Told {
    /// 0 if every target is proven to have been hit; 2 if one is not, or there is none.
    pub fn exit_code(&self) -> u8 {
        if !self.hits.is_empty() && self.hits.iter().all(|hit| hit.proven) { 0 } else { 2 }
    }
}
