//! How is something restarted that a Docker Swarm keeps alive? One task is replaced, or a whole service rolled.

use std::fmt::Write;
use std::time::Duration;

use super::{How, RestartArgs};
use crate::driver::swarm::{self, Replaced, Rolled, Seen, Stack};
use crate::fault::RestartTimes;
use crate::usage::usage;

/// Restarts a replica or a service of a stack, and says how that went. False: it is not proven.
///
/// # Errors
/// If there is no such stack or target, or the swarm gave up.
pub async fn restart(args: &RestartArgs) -> anyhow::Result<(String, bool)> {
    let stack = Stack::find(args.lab.as_deref()).await?;
    let is_service = stack.services.iter().any(|(name, _)| *name == args.target);
    match (is_service, args.how) {
        (_, How::Pause) => {
            Err(usage("a swarm replaces a task that stands still; --how graceful or kill".to_owned()))
        }
        (true, How::Kill) => Err(usage(format!(
            "a service of a swarm is rolled (--how graceful); to kill, name one task, such as {}-1",
            args.target
        ))),
        (true, How::Graceful) => Ok(rolled(&args.target, &stack.roll(&args.target).await?)),
        (false, how) => {
            let how = if how == How::Kill { swarm::How::Killed } else { swarm::How::Asked };
            Ok(replaced(&args.target, how, &stack.replace(&args.target, how).await?))
        }
    }
}

fn rolled(service: &str, rolled: &Rolled) -> (String, bool) {
    let seconds = rolled.took.as_secs_f64();
    let mut told = format!("{service} rolled by the swarm in {seconds:.1} s\n");
    for (name, seen) in &rolled.replicas {
        let _ = match seen {
            Seen::Restarted { before, after } => {
                writeln!(told, "  proof: {name}: new boot id {after} after {before}")
            }
            Seen::Same(boot) => {
                writeln!(told, "  not proven: {name} says the same boot id as before, {boot}")
            }
            Seen::Unasked => {
                writeln!(
                    told,
                    "  not proven: {name} runs on another machine, or did; only this one's are asked"
                )
            }
        };
    }
    if rolled.replicas.is_empty() {
        told.push_str("  not proven: the swarm runs no task of it\n");
    }
    (told, rolled.proven())
}

fn replaced(replica: &str, how: swarm::How, replaced: &Replaced) -> (String, bool) {
    let did = match how {
        swarm::How::Asked => "asked to end (SIGTERM)",
        swarm::How::Killed => "killed",
    };
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let times = RestartTimes {
        boot_before: replaced.boot_before.clone(),
        boot_after: replaced.boot_after.clone(),
        stop_ms: ms(replaced.stop),
        gone_ms: ms(replaced.gone),
        ready_ms: ms(replaced.ready),
    };
    let RestartTimes { boot_before, boot_after, .. } = &times;
    let proven = boot_before != boot_after;
    let proof = if proven { "proof" } else { "not proven" };
    let told = format!(
        "{replica} {did}, and replaced by the swarm\n  {proof}: boot id {boot_after} after {boot_before}\n  {times}\n"
    );
    (told, proven)
}
