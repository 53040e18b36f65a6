//! What if a replica stands still for a moment and then goes on as if nothing had been? A virtual machine
//! that is moved does that, and so does a long garbage collection. Nothing is lost; it is only late.

use super::{Aim, InForce, Proof, Strike};
use crate::driver::{Driver, READY_WITHIN};

/// With a held request the whole pause happens here. Without one the replica is frozen on return: the
/// client sends its next request into the pause, and [`undo`] ends it.
pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    aim.driver.freeze(aim.replica).await?;
    let Some(held) = aim.held else {
        let proof = Proof::new(false, format!("{} is frozen, and no request has been open yet", aim.replica));
        return Ok(Strike::lasting(proof, InForce::Paused { replica: aim.replica.to_owned() }));
    };
    let seen = seen(aim.driver, aim.replica, "while the request was held").await;
    // This time is the fault itself; there is no event to wait for.
    tokio::time::sleep(aim.pause_for).await;
    aim.driver.thaw(aim.replica).await?;
    held.release().await?;
    aim.driver.ready(aim.replica, READY_WITHIN).await?;
    Ok(Strike::over(None, seen?))
}

/// Called while the client's request is open, so what is seen here is the proof.
pub(super) async fn undo(strike: &mut Strike, driver: &Driver, replica: &str) -> anyhow::Result<()> {
    let seen = seen(driver, replica, "while the request was open").await;
    driver.thaw(replica).await?;
    strike.proof = seen?;
    driver.ready(replica, READY_WITHIN).await.map(|_| ())
}

async fn seen(driver: &Driver, replica: &str, when: &str) -> anyhow::Result<Proof> {
    Ok(match driver.is_frozen(replica).await? {
        true => Proof::new(true, format!("{replica} was {} {when}", driver.frozen_word())),
        false => Proof::new(false, format!("{replica} was not {} {when}", driver.frozen_word())),
    })
}
