//! What if all replicas are restarted, one after the other, so that one is always there? The replica the
//! client talks to goes first, then its siblings; each is ready before the next one ends, and through the
//! gateway also in rotation again.

use super::away::leave;
use super::restart::{Restarted, restart};
use super::{Aim, Proof, Strike};
use crate::driver::Ending;
use crate::way::Way;

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    if aim.way == Way::Gateway {
        return leave(&aim, Ending::Asked, siblings(&aim)).await;
    }
    let all = every_replica(&aim).await?;
    let Some(proof) = all.iter().map(|restarted| restarted.proof.clone()).reduce(Proof::and) else {
        anyhow::bail!("the lab runs no replica of {}", aim.service);
    };
    Ok(Strike::over_many(all, proof))
}

/// Restarts every replica of the service, the aimed one first; ends with the first that is not back.
pub(super) async fn every_replica(aim: &Aim<'_>) -> anyhow::Result<Vec<Restarted>> {
    let mut done = vec![restart(aim.driver, aim.replica, Ending::Asked, aim.held.as_ref()).await?];
    for sibling in siblings(aim) {
        if done.iter().any(|restarted| !restarted.proof.proven) {
            break; // The last one that serves must not go as well.
        }
        done.push(restart(aim.driver, &sibling, Ending::Asked, None).await?);
    }
    Ok(done)
}

fn siblings(aim: &Aim<'_>) -> Vec<String> {
    let all = aim.driver.replicas(aim.service).iter().map(|replica| replica.name.clone());
    all.filter(|name| name != aim.replica).collect()
}
