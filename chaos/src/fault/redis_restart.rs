//! What if Redis is restarted and keeps what it has? It writes its append-only file out when it is asked
//! to end, and reads it when it starts.

use super::{Aim, Proof, Strike};
use crate::driver::{Driver, EXIT_WITHIN, READY_WITHIN};

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    let driver = aim.driver;
    let before = driver.redis_run_id().await?;
    driver.terminate("redis").await?;
    if !driver.gone("redis", EXIT_WITHIN).await? {
        return Ok(Strike::over(
            None,
            Proof::new(false, format!("redis had not exited {EXIT_WITHIN:?} after the signal")),
        ));
    }
    driver.start_again("redis").await?;
    driver.all_ready(READY_WITHIN).await?;
    let proof = new_run_id(driver, &before).await?;
    // Only now: released earlier, the request would race the service's new connection.
    if let Some(held) = &aim.held {
        held.release().await?;
    }
    Ok(Strike::over(None, proof))
}

/// Redis draws a `run_id` at each start.
pub(crate) async fn new_run_id(driver: &Driver, before: &str) -> anyhow::Result<Proof> {
    let after = driver.redis_run_id().await?;
    Ok(Proof::new(after != before, format!("redis has run_id {after}, before that {before}")))
}
