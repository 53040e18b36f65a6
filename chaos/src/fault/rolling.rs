//! What if all replicas are restarted, one after the other, so that one is always there? The replica the
//! client talks to goes first, then its siblings; each is ready before the next one ends.

use super::restart::{How, Restarted, restart};
use super::{Aim, Strike};

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    let mut all = every_replica(&aim).await?.into_iter();
    let Some(first) = all.next() else {
        anyhow::bail!("the lab runs no replica of {}", aim.service);
    };
    let proof = all.fold(first.proof, |proof, next| proof.and(next.proof));
    Ok(Strike::over(first.times, proof))
}

/// Restarts every replica of the service, the aimed one first; ends with the first that is not back.
pub(super) async fn every_replica(aim: &Aim<'_>) -> anyhow::Result<Vec<Restarted>> {
    let mut done = vec![restart(aim.driver, aim.replica, How::Asked, aim.held.as_ref()).await?];
    let siblings = aim.driver.replicas(aim.service).iter().filter(|sibling| sibling.name != aim.replica);
    for sibling in siblings {
        if done.iter().any(|restarted| !restarted.proof.proven) {
            break; // The last one that serves must not go as well.
        }
        done.push(restart(aim.driver, &sibling.name, How::Asked, None).await?);
    }
    Ok(done)
}
