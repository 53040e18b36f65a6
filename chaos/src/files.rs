//! May this process open as many files as it needs? If not, its own clients or labs fail, and it would look as if a
//! service had failed.

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What is open beside what is asked for: logs, pipes, those that check.
const BESIDE: u64 = 128;

/// How many files are open where `many` are asked for.
pub fn needed(many: u64) -> u64 {
    many + BESIDE
}

/// Takes what the system allows, where `what` needs so many more than this shell was given.
///
/// # Errors
/// If the system does not allow as many: how many, and that `cure` helps.
pub fn enough_for(many: u64, what: &str, cure: &str) -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("asking how many files may be open")?;
    let needed = needed(many);
    if hard < needed {
        bail!(
            "{needed} open files are needed for {what}, and {hard} are allowed: {cure}, or let the system allow more \
             (ulimit -Hn {needed}, as root)"
        );
    }
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard).context("asking for more open files")?;
    }
    Ok(())
}
