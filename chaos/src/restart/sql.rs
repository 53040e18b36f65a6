//! What if the database of accounts and orders is restarted? Only where the lab has started one, which is in
//! containers. What says that it was is the engine: when its process began.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::How;
use crate::driver::{Driver, EXIT_WITHIN, READY_WITHIN};
use crate::fault::{Proof, Strike};

/// Restarts or pauses the database, and returns when every replica is ready again.
pub(super) async fn restart(
    lab: &Driver,
    name: &str,
    how: How,
    pause_for: Duration,
) -> anyhow::Result<Strike> {
    let proof = match how {
        How::Pause => pause(lab, name, pause_for).await?,
        How::Graceful | How::Kill => {
            let before = began(lab, name).await?;
            if how == How::Kill {
                lab.kill(name).await?;
            } else {
                lab.terminate(name).await?;
            }
            if !lab.gone(name, EXIT_WITHIN).await? {
                bail!("{name} had not exited {EXIT_WITHIN:?} after the signal");
            }
            lab.start_again(name).await?;
            let after = began(lab, name).await?;
            let what = format!(
                "{name} runs since {after:.3}, before that since {before:.3}{}",
                lab.who_brought_it_back()
            );
            Proof { proven: before != after, what }
        }
    };
    lab.all_ready(READY_WITHIN).await?;
    Ok(Strike::over(None, proof))
}

async fn pause(lab: &Driver, name: &str, pause_for: Duration) -> anyhow::Result<Proof> {
    lab.freeze(name).await?;
    let frozen = lab.is_frozen(name).await;
    // This time is what was asked for; there is no event to wait for.
    tokio::time::sleep(pause_for).await;
    lab.thaw(name).await?;
    Ok(Proof { proven: frozen?, what: format!("{name} was {} until it was continued", lab.frozen_word()) })
}

async fn began(lab: &Driver, name: &str) -> anyhow::Result<Timestamp> {
    let state = lab.look().await?;
    state
        .processes
        .get(name)
        .map(|process| process.started_at)
        .with_context(|| format!("{name} is not there"))
}
