//! How is a replica restarted, so that each part of its down time can be told?

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Proof;
use crate::driver::{Driver, EXIT_WITHIN, Ending, READY_WITHIN, Ready};
use crate::gates::Held;

/// How long a replica was away, part by part, and which runs of it the restart lies between. The parts
/// follow each other: their sum is the time from the signal to ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestartTimes {
    /// The boot id it had.
    pub boot_before: String,
    /// The boot id it has.
    pub boot_after: String,
    /// From the signal until it refused connections.
    pub stop_ms: f64,
    /// From then until it had exited.
    pub gone_ms: f64,
    /// From then until it was ready again. It is started at once, or, where the client comes through the
    /// gateway, after one request of the client.
    pub ready_ms: f64,
}

impl RestartTimes {
    /// From the signal to ready.
    pub fn down_ms(&self) -> f64 {
        self.stop_ms + self.gone_ms + self.ready_ms
    }
}

impl fmt::Display for RestartTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RestartTimes { stop_ms: stop, gone_ms: gone, ready_ms: ready, .. } = self;
        write!(f, "down {:.0} ms: stop {stop:.1}, gone {gone:.1}, ready {ready:.1}", self.down_ms())
    }
}

/// What a restart came to.
#[derive(Debug)]
pub(super) struct Restarted {
    /// What it says now; `None` if it is not back.
    pub now: Option<Ready>,
    /// How long that took; `None` if it is not back.
    pub times: Option<RestartTimes>,
    /// How we know.
    pub proof: Proof,
}

/// A replica that has ended and has not been started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub replica: String,
    boot_before: String,
    signalled: Instant,
    stopped: Instant,
    exited: Instant,
}

/// Restarts a replica and waits until it is ready. A held request is released when the replica drains.
pub(super) async fn restart(
    driver: &Driver,
    replica: &str,
    how: Ending,
    held: Option<&Held>,
) -> anyhow::Result<Restarted> {
    match end(driver, replica, how, held).await? {
        Ok(ended) => bring_back(driver, ended).await,
        Err(why) => Ok(Restarted::not_proven(why)),
    }
}

/// Ends a replica and waits until it has exited. The inner error says why there is no proof that it did.
pub(super) async fn end(
    driver: &Driver,
    replica: &str,
    how: Ending,
    held: Option<&Held>,
) -> anyhow::Result<Result<Ended, String>> {
    let boot_before = driver.boot_id(replica).await?;
    let signalled = Instant::now();
    match how {
        Ending::Asked => driver.terminate(replica).await?,
        Ending::Killed => driver.kill(replica).await?,
    }
    // A process that has exited refuses as well, and its exit is announced; refusal must be looked for.
    let stopped = tokio::select! {
        refuses = driver.refuses(replica, EXIT_WITHIN) => refuses?,
        gone = driver.gone(replica, EXIT_WITHIN) => gone?,
    };
    if !stopped {
        return Ok(Err(format!("{replica} still took connections {EXIT_WITHIN:?} after the signal")));
    }
    let stopped = Instant::now();
    if let (Ending::Asked, Some(held)) = (how, held) {
        let released = match held.draining(EXIT_WITHIN).await {
            Ok(true) => held.release().await,
            Ok(false) => {
                return Ok(Err(format!("{replica} took the signal and never said that it drains")));
            }
            Err(error) => Err(error),
        };
        // It may end and let the request fall, before or after it says that it drains: no fault of the
        // lab's, and its client will say what it cost.
        if let Err(error) = released
            && !driver.gone(replica, EXIT_WITHIN).await?
        {
            return Err(error);
        }
    }
    if !driver.gone(replica, EXIT_WITHIN).await? {
        return Ok(Err(format!("{replica} had not exited {EXIT_WITHIN:?} after the signal")));
    }
    let (replica, exited) = (replica.to_owned(), Instant::now());
    Ok(Ok(Ended { replica, boot_before, signalled, stopped, exited }))
}

/// Starts a replica again and waits until it is ready.
pub(super) async fn bring_back(driver: &Driver, ended: Ended) -> anyhow::Result<Restarted> {
    let Ended { replica, boot_before, signalled, stopped, exited } = ended;
    let back = async {
        let was_away = driver.start_again(&replica).await?;
        anyhow::Ok((was_away, driver.ready(&replica, READY_WITHIN).await?))
    };
    let (was_away, now) = match back.await {
        Ok(back) => back,
        Err(error) => return Ok(Restarted::not_proven(format!("{replica} is not back: {error:#}"))),
    };
    let ready = Instant::now();

    let boot_after = now.boot_id.clone();
    let proof = if boot_before == boot_after {
        Proof::new(false, format!("{replica} says the same boot id as before, {boot_after}"))
    } else {
        let how = driver.who_brought_it_back();
        let proof = Proof::new(true, format!("new boot id {boot_after} after {boot_before}{how}"));
        proof.lasted(&replica, was_away)
    };
    let times = RestartTimes {
        boot_before,
        boot_after,
        stop_ms: ms(stopped - signalled),
        gone_ms: ms(exited - stopped),
        ready_ms: ms(ready - exited),
    };
    Ok(Restarted { now: Some(now), times: Some(times), proof })
}

impl Restarted {
    fn not_proven(why: String) -> Self {
        Restarted { now: None, times: None, proof: Proof::new(false, why) }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
