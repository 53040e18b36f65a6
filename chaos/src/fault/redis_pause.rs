//! What if Redis takes connections and answers nobody? A service that waits for it hangs with it; one that
//! gives up in time must say that the effect is not known, for Redis may yet do what it was sent.

use std::time::Duration;

use super::{Aim, InForce, Proof, Strike};
use crate::driver::redis::NoReply;
use crate::driver::{Driver, READY_WITHIN};

/// How long nobody must answer for it to count as a pause. A Redis that runs answers in under 1 ms.
const SILENT_FOR: Duration = Duration::from_millis(50);

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    aim.driver.freeze("redis").await?;
    let proof = match aim.driver.redis_probe(SILENT_FOR).await? {
        Err(NoReply::Silent) => Proof::new(true, format!("redis left a PING unanswered for {SILENT_FOR:?}")),
        Err(other) => Proof::new(false, format!("redis should have been silent, and a PING met: {other}")),
        Ok(()) => Proof::new(false, "redis should have been silent, and answered a PING".to_owned()),
    };
    if let Some(held) = &aim.held {
        held.release().await?;
    }
    Ok(Strike::lasting(proof, InForce::RedisPaused))
}

pub(super) async fn undo(strike: &mut Strike, driver: &Driver) -> anyhow::Result<()> {
    let frozen = driver.is_frozen("redis").await;
    driver.thaw("redis").await?;
    strike.proof = strike.proof.clone().lasted("redis", frozen?);
    driver.all_ready(READY_WITHIN).await
}
