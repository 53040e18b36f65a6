//! Who waits for a replica that ends? Whoever speaks to it directly does. Through the gateway nobody does: it
//! is away during one whole request of the client, and only then started, ready, and back in rotation.

use super::restart::{Ended, bring_back, end, restart};
use super::{Aim, InForce, Proof, Strike};
use crate::driver::{Driver, Ending, READY_WITHIN};
use crate::way::Way;

/// A replica that is away, and what follows when it is back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Which, and since when.
    pub(super) ended: Ended,
    /// Who ends next, each after the one before it is back.
    pub(super) siblings: Vec<String>,
    /// What is proven already.
    pub(super) so_far: Option<Proof>,
    /// Whether a request that was held meanwhile got its answer: then it is the next one that may miss it.
    pub spares_held: bool,
}

impl Away {
    /// Which replica is away.
    pub fn replica(&self) -> &str {
        &self.ended.replica
    }

    /// This one alone. Asked to end, it has answered what it held; killed, it has not.
    pub(super) fn new(ended: Ended, how: Ending) -> Self {
        Away { ended, siblings: Vec::new(), so_far: None, spares_held: how == Ending::Asked }
    }
}

impl Strike {
    /// A strike that is not over: a replica is away.
    pub(super) fn away(away: Away) -> Self {
        let proof = Proof::new(false, format!("{} is away, and has not come back", away.ended.replica));
        Strike::lasting(proof, InForce::Away(away))
    }
}

/// What `graceful` and `kill` do: the aimed replica ends. Who speaks to it directly finds it back; who comes
/// through the gateway may find it gone.
pub(super) async fn strike(aim: &Aim<'_>, how: Ending) -> anyhow::Result<Strike> {
    match aim.way {
        Way::Direct => {
            let restarted = restart(aim.driver, aim.replica, how, aim.held.as_ref()).await?;
            Ok(Strike::over(restarted.times, restarted.proof))
        }
        Way::Gateway => leave(aim, how, Vec::new()).await,
    }
}

/// Ends the aimed replica and leaves it away; then its `siblings`, one after the other.
pub(super) async fn leave(aim: &Aim<'_>, how: Ending, siblings: Vec<String>) -> anyhow::Result<Strike> {
    Ok(match end(aim.driver, aim.replica, how, aim.held.as_ref()).await? {
        Ok(ended) => Strike::away(Away { siblings, ..Away::new(ended, how) }),
        Err(why) => Strike::over(None, Proof::new(false, why)),
    })
}

/// Brings it back. If a sibling goes next, that one is away on return.
pub(super) async fn undo(strike: &mut Strike, driver: &Driver, away: Away) -> anyhow::Result<()> {
    let replica = away.ended.replica.clone();
    let back = bring_back(driver, away.ended).await?;
    let proof = match away.so_far {
        Some(so_far) => so_far.and(back.proof),
        None => back.proof,
    };
    strike.ended.extend(back.times.iter().map(|times| times.boot_before.clone()));
    // The one that the client was to meet is the one whose times are told.
    strike.restart = strike.restart.take().or(back.times);
    strike.proof = proof.clone();
    if !proof.proven {
        return Ok(()); // The last one that serves must not go as well.
    }
    driver.in_rotation(&replica, READY_WITHIN).await?;
    if let Some((next, rest)) = away.siblings.split_first() {
        // Whom the gateway favours after a return depends on whether it had missed the replica at all. What
        // must not depend on that is whether the client meets the next gap: it does, as some client will.
        driver.bring_into_step(&replica).await?;
        match end(driver, next, Ending::Asked, None).await? {
            Ok(ended) => {
                let (siblings, so_far) = (rest.to_vec(), Some(proof));
                let next = Away { siblings, so_far, ..Away::new(ended, Ending::Asked) };
                strike.in_force = Some(InForce::Away(next));
            }
            Err(why) => strike.proof = proof.and(Proof::new(false, why)),
        }
    }
    Ok(())
}
