//! Can a lab run here, and if not, what is the cure? One line each.

mod finding;
mod containers;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;

use self::finding::{Finding, Health, bad, good, poor};
use crate::driver::DriverName;
use crate::driver::local::{haproxy, ports, redis_server};
use crate::files;
use crate::plan::{FILES_A_LAB, PORTS_A_LAB, default_jobs};
use crate::report::say;
use crate::report::wrap::fitted;
use crate::service;
use crate::state::folder;

/// Disk space a full matrix uses, logs included, with room to spare.
const SPACE_NEEDED_MIB: u64 = 200;

/// `chaos doctor`
#[derive(Debug, Clone, Default, Args)]
pub struct DoctorArgs {
    /// One JSON object on stdout instead of text
    #[arg(long)]
    pub json: bool,
}

/// Looks at everything a lab needs and prints it; exit 3 if a lab cannot run.
///
/// # Errors
/// If it cannot be printed.
pub async fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut findings = binaries();
    findings.extend([
        redis(),
        gateway(),
        port_range(),
        system_ports(),
        temp_folder(),
        space(),
        cores(),
        open_files(),
        leftovers(),
    ]);
    findings.extend(containers::look().await);
    if args.json {
        say(&format!("{}\n", serde_json::json!({ "findings": findings })))?;
    } else {
        findings.iter().try_for_each(|finding| say(&format!("{}\n", fitted(&finding.to_string(), 5))))?;
    }
    let sick = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(ExitCode::from(if sick { 3 } else { 0 }))
}

/// The services' binaries, each in a line of its own.
fn binaries() -> Vec<Finding> {
    let twins = service::twins();
    let look = |service: &service::Service| match service.program() {
        Ok(program) => good(format!("{} is at {}", service.command, program.display())),
        Err(error) => bad(format!("{error:#}"), "cargo build"),
    };
    twins.iter().map(look).collect()
}

fn redis() -> Finding {
    match redis_server::find() {
        Some(redis) => good(format!("{} is installed at {}", redis.version, redis.program.display())),
        None => poor(
            "no redis-server and no valkey-server on the PATH: sessions are kept in a file instead, and the \
             faults on Redis are not available",
            "apt install redis-server",
        ),
    }
}

fn gateway() -> Finding {
    match haproxy::find() {
        Some(found) => good(format!("{} is installed at {}", found.version, found.program.display())),
        None => poor(
            "no haproxy on the PATH: labs have no gateway, and what goes through one is not available",
            "apt install haproxy",
        ),
    }
}

fn port_range() -> Finding {
    let (free, all) = (ports::free(), ports::RANGE.len());
    let needed = default_jobs(DriverName::Local) * PORTS_A_LAB;
    let what =
        format!("{free} of the {all} ports from {} to {} are free", ports::RANGE.start(), ports::RANGE.end());
    match free {
        ..PORTS_A_LAB => bad(what, "chaos heal, or end what uses them"),
        _ if free < needed => poor(what, "chaos heal, or run the matrix with fewer --jobs"),
        _ => good(what),
    }
}

/// A port that the system hands to clients can be gone when its replica comes back.
fn system_ports() -> Finding {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_whitespace().filter_map(|number| number.parse::<u16>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(low), Some(high)) if low <= *ports::RANGE.end() && high >= *ports::RANGE.start() => poor(
            format!("the system gives ports {low} to {high} to clients, and some of them are the labs'"),
            "sysctl net.ipv4.ip_local_port_range='32768 60999'",
        ),
        (Some(low), Some(high)) => good(format!("the system gives its clients other ports, {low} to {high}")),
        _ => poor("the system does not say which ports it gives to clients", "mount /proc"),
    }
}

fn temp_folder() -> Finding {
    let tried = folder::labs().and_then(|labs| {
        let probe = labs.join(format!(".probe-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe))?;
        Ok(labs)
    });
    match tried {
        Ok(labs) => good(format!("labs keep their things in {}", labs.display())),
        Err(error) => bad(format!("{error:#}"), "set TMPDIR to a folder you can write to"),
    }
}

fn space() -> Finding {
    let folder = std::env::temp_dir();
    match free_mib(&folder) {
        Some(free) if free < SPACE_NEEDED_MIB => bad(
            format!("{} has {free} MiB free; a full matrix uses up to {SPACE_NEEDED_MIB}", folder.display()),
            "make room, or set TMPDIR to another folder",
        ),
        Some(free) => good(format!("{} has {free} MiB free", folder.display())),
        None => poor(format!("nobody says how much room {} has", folder.display()), "set TMPDIR"),
    }
}

fn free_mib(folder: &Path) -> Option<u64> {
    let disk = statvfs(folder).ok()?;
    Some(disk.blocks_available() * disk.fragment_size() / (1024 * 1024))
}

fn cores() -> Finding {
    match std::thread::available_parallelism().map_or(1, usize::from) {
        1 => poor("there is one core: everything works, and the matrix takes twice as long", "more cores"),
        cores => good(format!("there are {cores} cores")),
    }
}

fn open_files() -> Finding {
    let labs = default_jobs(DriverName::Local) as u64;
    let (one, all) = (files::needed(FILES_A_LAB), files::needed(labs * FILES_A_LAB));
    match getrlimit(Resource::RLIMIT_NOFILE) {
        // Up to the hard limit the tool takes what it needs by itself.
        Ok((_, hard)) if hard < one => bad(
            format!("{hard} files may be open; a lab opens up to {one}"),
            &format!("ulimit -Hn {all} (as root)"),
        ),
        Ok((_, hard)) if hard < all => poor(
            format!("{hard} files may be open; a full matrix opens up to {all}, in {labs} labs at once"),
            &format!("ulimit -Hn {all} (as root), or fewer --jobs"),
        ),
        Ok((_, hard)) => good(format!("{hard} files may be open")),
        Err(error) => {
            poor(format!("the system does not say how many files may be open ({error})"), "ulimit -n")
        }
    }
}

fn leftovers() -> Finding {
    let names = folder::names().unwrap_or_default();
    let dead: Vec<String> =
        names.into_iter().filter(|name| !folder::is_owned(name).unwrap_or(true)).collect();
    match dead.as_slice() {
        [] => good("no dead lab has left anything behind"),
        dead => poor(format!("dead labs have left something behind: {}", dead.join(", ")), "chaos heal"),
    }
}
