//! What if a replica dies that the client does not use? Behind a gateway that keeps a session with its
//! replica nothing should be noticed. A held request goes on once the sibling is gone.

use super::away::Away;
use super::restart::end;
use super::{Aim, Proof, Strike};
use crate::driver::Ending;

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    let others = aim.driver.replicas(aim.service).iter().find(|other| other.name != aim.replica);
    let Some(sibling) = others else {
        anyhow::bail!("{} has no sibling in this lab", aim.replica);
    };
    let ended = end(aim.driver, &sibling.name, Ending::Killed, None).await?;
    if let Some(held) = &aim.held {
        held.release().await?;
    }
    Ok(match ended {
        // What the client's own replica held was not touched.
        Ok(ended) => Strike::away(Away { spares_held: true, ..Away::new(ended, Ending::Killed) }),
        Err(why) => Strike::over(None, Proof::new(false, why)),
    })
}
