//! When does somebody want the tool to end?

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when Ctrl-C is pressed, the terminal is closed, or the tool is asked to end (SIGTERM). Under
/// `nohup` the terminal may close.
///
/// # Errors
/// If the system does not let us listen for signals.
pub async fn interrupted() -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("listening for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let wants_to_stay = is_ignored(SignalKind::hangup());
    let mut hang_up = listen(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv(), if !wants_to_stay => {}
    }
    Ok(())
}

/// Whether whoever started the tool has told the system to ignore this signal. Listening for it would
/// undo that, so it is asked first.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (kind.as_raw_value() - 1)) != 0
}
