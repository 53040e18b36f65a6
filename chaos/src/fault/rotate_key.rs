//! What if the key that signs tokens is replaced, the right way? Every replica gets the new key to sign
//! with and keeps the old one to verify with, until the last token it signed has expired.

use super::rolling::every_replica;
use super::{Aim, Proof, Strike};
use crate::driver::{Driver, READY_WITHIN};

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    rotate(aim, true).await
}

/// Puts a new key in front and restarts every replica with it.
pub(super) async fn rotate(aim: Aim<'_>, overlap: bool) -> anyhow::Result<Strike> {
    let kid_before = kid(aim.driver, aim.replica).await?;
    aim.driver.new_key(aim.service, overlap).await?;
    let all = every_replica(&aim).await?;
    let mut proof = Proof::new(true, format!("{} replicas restarted", all.len()));
    for restarted in &all {
        let kid_after = restarted.now.as_ref().and_then(|now| now.kid.clone());
        proof = proof.and(restarted.proof.clone()).and(new_kid(&kid_before, &kid_after));
    }
    Ok(Strike::over_many(all, proof))
}

fn new_kid(before: &Option<String>, after: &Option<String>) -> Proof {
    match (before, after) {
        (Some(before), Some(after)) if before != after => {
            Proof::new(true, format!("it signs with kid {after} after {before}"))
        }
        (_, Some(after)) => {
            Proof::new(false, format!("it signs with kid {after}, before that with {before:?}"))
        }
        (_, None) => Proof::new(false, "it does not say which key it signs with".to_owned()),
    }
}

async fn kid(driver: &Driver, replica: &str) -> anyhow::Result<Option<String>> {
    Ok(driver.ready(replica, READY_WITHIN).await?.kid)
}
