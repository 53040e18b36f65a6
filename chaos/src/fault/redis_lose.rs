//! What if Redis comes back empty? It does after a restart without persistence, or when its disk is gone.
//! The services notice by the store's id, which the first call into an empty Redis draws.

use super::redis_restart::new_run_id;
use super::{Aim, Proof, Strike};
use crate::driver::{Driver, EXIT_WITHIN, READY_WITHIN};

/// Where the services keep the id of the store.
const STORE_ID: &str = "lab:store_id";

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    let driver = aim.driver;
    let (run_before, store_before) = (driver.redis_run_id().await?, store_id(driver).await?);
    driver.kill("redis").await?;
    if !driver.gone("redis", EXIT_WITHIN).await? {
        return Ok(Strike::over(None, Proof::new(false, "redis outlived SIGKILL".to_owned())));
    }
    driver.wipe_redis().await?;
    driver.start_again("redis").await?;
    driver.all_ready(READY_WITHIN).await?;
    let store_after = store_id(driver).await?;
    let proof = new_run_id(driver, &run_before).await?.and(new_store(&store_before, &store_after));
    if let Some(held) = &aim.held {
        held.release().await?;
    }
    Ok(Strike::over(None, proof))
}

fn new_store(before: &Option<String>, after: &Option<String>) -> Proof {
    match (before, after) {
        (_, None) => Proof::new(true, "it holds no store id".to_owned()),
        (None, Some(after)) => Proof::new(true, format!("it holds store id {after}, and held none before")),
        (Some(before), Some(after)) => {
            Proof::new(before != after, format!("it holds store id {after}, before that {before}"))
        }
    }
}

async fn store_id(driver: &Driver) -> anyhow::Result<Option<String>> {
    driver.redis_ask(&["GET", STORE_ID]).await
}
