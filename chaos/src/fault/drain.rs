//! What if a replica leaves rotation before it stops? It is told to say that it is not ready, the gateway
//! notices and sends nothing more, and only then is it asked to end. This is how a deployment loses no
//! request; what the replica alone remembers it loses all the same.

use std::time::Duration;

use super::away::Away;
use super::restart::end;
use super::{Aim, Proof, Strike};
use crate::driver::Ending;
use crate::gates;

/// How long the gateway may take to notice: several times the two looks it needs.
const OUT_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    let out = leaves_rotation(&aim).await?;
    if !out.proven {
        // One that still gets requests is not stopped: that would be another fault.
        if let Some(held) = &aim.held {
            held.release().await?;
        }
        return Ok(Strike::over(None, out));
    }
    Ok(match end(aim.driver, aim.replica, Ending::Asked, aim.held.as_ref()).await? {
        Ok(ended) => Strike::away(Away { so_far: Some(out), ..Away::new(ended, Ending::Asked) }),
        Err(why) => Strike::over(None, out.and(Proof::new(false, why))),
    })
}

async fn leaves_rotation(aim: &Aim<'_>) -> anyhow::Result<Proof> {
    let replica = aim.driver.replica(aim.replica)?;
    let name = &replica.name;
    if let Err(error) = gates::rotate(replica, false).await {
        return Ok(Proof::new(false, format!("{name} cannot be taken out of rotation: {error:#}")));
    }
    Ok(match aim.driver.out_of_rotation(name, OUT_WITHIN).await? {
        Ok(standing) => Proof::new(true, format!("the gateway said {name} is {standing} before SIGTERM")),
        Err(standing) => Proof::new(
            false,
            format!(
                "{name} was taken out of rotation, and {OUT_WITHIN:?} later the gateway still sends \
                 requests there: {standing}"
            ),
        ),
    })
}
