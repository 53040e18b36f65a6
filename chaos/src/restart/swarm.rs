//! How is something restarted that a Docker Swarm keeps alive? One task is replaced, or a whole service rolled.

use std::fmt::Write;
use std::time::Duration;

use super::{Hit, How, RestartArgs, Told};
use crate::driver::Ending;
use crate::driver::swarm::{Replaced, Rolled, Seen, Stack};
use crate::fault::RestartTimes;
use crate::usage::usage;

/// Restarts a replica or a service of a stack, and says how that went.
///
/// # Errors
/// If there is no such stack or target, or the swarm gave up.
pub async fn restart(args: &RestartArgs) -> anyhow::Result<Told> {
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
            let how = if how == How::Kill { Ending::Killed } else { Ending::Asked };
            Ok(replaced(&args.target, how, &stack.replace(&args.target, how).await?))
        }
    }
}

fn rolled(service: &str, rolled: &Rolled) -> Told {
    let seconds = rolled.took.as_secs_f64();
    let mut text = format!("{service} rolled by the swarm in {seconds:.1} s\n");
    let mut hits = Vec::new();
    for (name, seen) in &rolled.replicas {
        let (proven, proof) = match seen {
            Seen::Restarted { before, after } => (true, format!("new boot id {after} after {before}")),
            Seen::Same(boot) => (false, format!("it says the same boot id as before, {boot}")),
            Seen::Unasked => {
                (false, "it runs on another machine, or did; only this one's are asked".to_owned())
            }
        };
        let _ = writeln!(text, "  {}: {name}: {proof}", if proven { "proof" } else { "not proven" });
        hits.push(Hit { target: name.clone(), proven, proof, restart: None });
    }
    if hits.is_empty() {
        text.push_str("  not proven: the swarm runs no task of it\n");
    }
    Told { text, hits }
}

fn replaced(replica: &str, how: Ending, replaced: &Replaced) -> Told {
    let did = match how {
        Ending::Asked => "asked to end (SIGTERM)",
        Ending::Killed => "killed",
    };
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let times = RestartTimes {
        boot_before: replaced.boot_before.clone(),
        boot_after: replaced.boot_after.clone(),
        stop_ms: ms(replaced.stop),
        gone_ms: ms(replaced.gone),
        ready_ms: ms(replaced.ready),
    };
    let proven = times.boot_before != times.boot_after;
    let proof = format!("boot id {} after {}", times.boot_after, times.boot_before);
    let word = if proven { "proof" } else { "not proven" };
    let text = format!("{replica} {did}, and replaced by the swarm\n  {word}: {proof}\n  {times}\n");
    let hit = Hit { target: replica.to_owned(), proven, proof, restart: Some(times) };
    Told { text, hits: vec![hit] }
}
