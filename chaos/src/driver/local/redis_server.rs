//! Which Redis does a lab run, and how?

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Recipe;

/// The programs that are Redis, in the order we look for them.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// A Redis that is installed here.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The program.
    pub program: PathBuf,
    /// Which it is, and its version.
    pub version: String,
}

/// Looks for Redis on the `PATH`.
pub fn find() -> Option<Installed> {
    let path = std::env::var_os("PATH")?;
    let program = PROGRAMS.iter().find_map(|name| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
    })?;
    let said = Command::new(&program).arg("--version").output().ok()?;
    // "Redis server v=7.0.15 sha=..."
    let said = String::from_utf8_lossy(&said.stdout);
    let number = said.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("unknown");
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Some(Installed { version: format!("{name} {number}"), program })
}

/// How the lab's own Redis is started: on loopback, with everything it has in `data`.
pub fn recipe(program: &Path, port: u16, data: &Path, log: PathBuf, mark: &(String, String)) -> Recipe {
    let settings: [(&str, &str); 12] = [
        ("--bind", "127.0.0.1"),
        ("--port", &port.to_string()),
        ("--dir", &data.display().to_string()),
        // A write is in the append-only file before its client is answered, and on the disk a second later. So a
        // killed process loses nothing and a machine without power up to that second; only while the disk is
        // slower than that does Redis answer first, and then a kill can cost up to two seconds.
        ("--appendonly", "yes"),
        ("--appendfsync", "everysec"),
        ("--save", ""),
        // Never a child process: nothing of Redis can be left over when its process is gone.
        ("--auto-aof-rewrite-percentage", "0"),
        // Evicting a session record would log somebody out; evicting a tombstone would log them in again.
        ("--maxmemory-policy", "noeviction"),
        // SIGTERM is looked at on every tick; 10 a second, the default, would make each restart 100 ms.
        ("--hz", "100"),
        ("--dynamic-hz", "no"),
        ("--daemonize", "no"),
        ("--loglevel", "notice"),
    ];
    Recipe {
        name: "redis".to_owned(),
        program: program.to_owned(),
        args: settings.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect(),
        env: vec![mark.clone()],
        log,
    }
}
