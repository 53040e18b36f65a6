//! What if Redis is not there? A service that keeps its sessions in it must say so at once, and must not
//! pretend that a logout has happened.

use std::time::Duration;

use super::{Aim, InForce, Proof, Strike};
use crate::driver::redis::NoReply;
use crate::driver::{Driver, EXIT_WITHIN, READY_WITHIN};

const REFUSED_WITHIN: Duration = Duration::from_millis(500);

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    // Asked, not killed: what it holds must be the same afterwards.
    aim.driver.terminate("redis").await?;
    let gone = aim.driver.gone("redis", EXIT_WITHIN).await?;
    let proof = match aim.driver.redis_probe(REFUSED_WITHIN).await? {
        Err(NoReply::Refused) if gone => Proof::new(true, "redis refused a connection".to_owned()),
        Err(other) => Proof::new(false, format!("redis should have been gone, and a PING met: {other}")),
        Ok(()) => Proof::new(false, "redis should have been gone, and answered a PING".to_owned()),
    };
    if let Some(held) = &aim.held {
        held.release().await?;
    }
    Ok(Strike::lasting(proof, InForce::RedisDown))
}

pub(super) async fn undo(strike: &mut Strike, driver: &Driver) -> anyhow::Result<()> {
    let was_down = driver.start_again("redis").await?;
    strike.proof = strike.proof.clone().lasted("redis", was_down);
    driver.all_ready(READY_WITHIN).await
}
