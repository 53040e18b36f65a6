//! When does somebody want the tool to end?

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when Ctrl-C is pressed, the terminal is closed, or the tool is asked to end (SIGTERM).
///
/// # Errors
/// If the system does not let us listen for signals.
pub async fn interrupted() -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("listening for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
