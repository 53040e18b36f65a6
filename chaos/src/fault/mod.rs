//! What can go wrong, and how do we know that it did?
//!
//! One fault is one file. Each is made of a driver's verbs, knows nothing of the workflow it disturbs, and
//! brings back a proof: without one, a cell of the matrix says nothing, however it ended.

pub mod graceful;
pub mod kill;
pub mod pause;
pub mod rolling;
pub mod drain;
pub mod kill_sibling;
pub mod redis_restart;
pub mod redis_lose;
pub mod redis_pause;
pub mod redis_down;
pub mod rotate_key;
pub mod rotate_key_hard;
mod restart;
mod away;
mod table;

use std::time::Duration;

use crate::driver::Driver;
use crate::gates::Held;
use crate::way::Way;
pub use away::Away;
pub use restart::RestartTimes;
use restart::Restarted;
pub use table::{FAULTS, FaultRow, Hits, Lasts};

/// Everything that can be done to a lab while a client works with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// See [`graceful`].
    Graceful,
    /// See [`kill`].
    Kill,
    /// See [`pause`].
    Pause,
    /// See [`rolling`].
    Rolling,
    /// See [`drain`].
    Drain,
    /// See [`kill_sibling`].
    KillSibling,
    /// See [`redis_restart`].
    RedisRestart,
    /// See [`redis_lose`].
    RedisLose,
    /// See [`redis_pause`].
    RedisPause,
    /// See [`redis_down`].
    RedisDown,
    /// See [`rotate_key`].
    RotateKey,
    /// See [`rotate_key_hard`].
    RotateKeyHard,
}

/// At what, and when, a fault is aimed.
#[derive(Debug)]
pub struct Aim<'a> {
    /// Who does it.
    pub driver: &'a Driver,
    /// The service the client talks to.
    pub service: &'a str,
    /// The replica it talks to, or the one the gateway will choose for its next request.
    pub replica: &'a str,
    /// By which way it comes: through the gateway it does not wait for a replica that is away.
    pub way: Way,
    /// The client's request, if it is held half way; [`strike`] releases it.
    pub held: Option<Held>,
    /// How long a pause lasts.
    pub pause_for: Duration,
}

/// What a fault has done.
#[derive(Debug)]
pub struct Strike {
    /// How long the replica the client talks to was away, if it was restarted.
    pub restart: Option<RestartTimes>,
    /// The boot ids of all runs of a replica that it ended and that are proven to be over.
    pub ended: Vec<String>,
    /// How we know. Final once [`undo`] has returned.
    pub proof: Proof,
    /// What is still in force, and must be undone.
    pub in_force: Option<InForce>,
}

/// How we know that a fault happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whether we do.
    pub proven: bool,
    /// What was seen.
    pub what: String,
}

/// A fault that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InForce {
    /// This replica is frozen.
    Paused {
        /// Which.
        replica: String,
    },
    /// Redis is frozen.
    RedisPaused,
    /// Redis is not there.
    RedisDown,
    /// A replica is not there.
    Away(Away),
}

/// Does it. What is over at once is over on return, with everything ready again; an outage is in force on
/// return, and [`undo`] ends it. A held request has been released, unless its replica was killed.
///
/// # Errors
/// If the lab itself is broken. A fault that could be ordered and did not happen is not an error but a
/// strike without proof. After either, [`Driver::heal`].
pub async fn strike(fault: Fault, aim: Aim<'_>) -> anyhow::Result<Strike> {
    if fault.row().hits == Hits::Redis {
        aim.driver.redis_url()?; // Says why there is none, if there is none.
    }
    match fault {
        Fault::Graceful => graceful::strike(aim).await,
        Fault::Kill => kill::strike(aim).await,
        Fault::Pause => pause::strike(aim).await,
        Fault::Rolling => rolling::strike(aim).await,
        Fault::Drain => drain::strike(aim).await,
        Fault::KillSibling => kill_sibling::strike(aim).await,
        Fault::RedisRestart => redis_restart::strike(aim).await,
        Fault::RedisLose => redis_lose::strike(aim).await,
        Fault::RedisPause => redis_pause::strike(aim).await,
        Fault::RedisDown => redis_down::strike(aim).await,
        Fault::RotateKey => rotate_key::strike(aim).await,
        Fault::RotateKeyHard => rotate_key_hard::strike(aim).await,
    }
}

/// Does it, and if it lasts, ends it after [`Aim::pause_for`]. For whoever has no request by which to measure
/// an outage.
///
/// # Errors
/// As [`strike`] and [`undo`].
pub async fn strike_for_a_while(fault: Fault, aim: Aim<'_>) -> anyhow::Result<Strike> {
    let (driver, replica, lasts) = (aim.driver, aim.replica, aim.pause_for);
    let mut strike = strike(fault, aim).await?;
    if strike.in_force.is_some() {
        // This time is what was asked for; there is no event to wait for.
        tokio::time::sleep(lasts).await;
        undo(&mut strike, driver).await?;
    }
    if fault == Fault::Pause && strike.proof.proven {
        // Whether a request was open nobody has looked, so there is none to speak of.
        strike.proof.what = format!("{replica} was {} until it was continued", driver.frozen_word());
    }
    Ok(strike)
}

/// Ends what a strike left in force, and returns when every replica it concerned is ready. Nothing happens if
/// nothing is in force. A rolling restart goes on with the next replica: then that is in force on return.
///
/// # Errors
/// What would not come back.
pub async fn undo(strike: &mut Strike, driver: &Driver) -> anyhow::Result<()> {
    match strike.in_force.take() {
        None => Ok(()),
        Some(InForce::Paused { replica }) => pause::undo(strike, driver, &replica).await,
        Some(InForce::RedisPaused) => redis_pause::undo(strike, driver).await,
        Some(InForce::RedisDown) => redis_down::undo(strike, driver).await,
        Some(InForce::Away(away)) => away::undo(strike, driver, away).await,
    }
}

impl Proof {
    fn new(proven: bool, what: String) -> Self {
        Proof { proven, what }
    }

    /// The same, unless somebody else has undone it before its time was over: then nobody knows who met it.
    fn lasted(self, what: &str, still_in_force: bool) -> Self {
        if still_in_force || !self.proven {
            return self;
        }
        self.and(Proof::new(false, format!("{what} was brought back by somebody else")))
    }

    /// Both, in words and in truth.
    fn and(self, other: Proof) -> Proof {
        Proof { proven: self.proven && other.proven, what: format!("{}; {}", self.what, other.what) }
    }
}

impl Strike {
    /// A strike that is over, and has restarted at most the one replica.
    pub fn over(restart: Option<RestartTimes>, proof: Proof) -> Self {
        let ended = restart.iter().map(|times| times.boot_before.clone()).collect();
        Strike { restart, ended, proof, in_force: None }
    }

    /// A strike that is in force until it is undone.
    fn lasting(proof: Proof, in_force: InForce) -> Self {
        Strike { restart: None, ended: Vec::new(), proof, in_force: Some(in_force) }
    }

    /// One that has restarted several, one after the other; the first is the one the client talks to.
    fn over_many(all: Vec<Restarted>, proof: Proof) -> Self {
        let times: Vec<RestartTimes> = all.into_iter().filter_map(|restarted| restarted.times).collect();
        let ended = times.iter().map(|times| times.boot_before.clone()).collect();
        Strike { restart: times.into_iter().next(), ended, proof, in_force: None }
    }
}
