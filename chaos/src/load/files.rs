//! May this process open as many connections as a load has clients? If not, its own clients fail, and it would
//! look as if the service had failed them.

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What is open beside the clients' connections: logs, pipes to the lab's processes, those that check.
const BESIDE: u64 = 128;

/// Takes what the system allows, where so many clients need more than this shell was given.
///
/// # Errors
/// If the system does not allow as many: how many, and what helps.
pub fn enough_for(clients: u64) -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("asking how many files may be open")?;
    let needed = clients + BESIDE;
    if hard < needed {
        bail!(
            "{clients} clients need {needed} open files, and {hard} are allowed: ask for fewer --clients, or let \
             the system allow more (ulimit -Hn {needed}, as root)"
        );
    }
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard).context("asking for more open files")?;
    }
    Ok(())
}
