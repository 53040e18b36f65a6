//! Which Compose is on this machine, and what does one call it? This tool makes its labs without it. `make up` does
//! not, and what compose has started only compose can complete, so a cure names the one that is here. It is looked for
//! and not run.

use std::env;
use std::path::{Path, PathBuf};

/// Where the `docker` command looks for its plugins, after the folder of whoever calls it.
const PLUGINS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// A Compose that was found.
#[derive(Debug)]
pub struct Program {
    /// Where it lies.
    pub path: PathBuf,
    /// What one types to run it.
    pub called: &'static str,
}

/// The Compose that `make up` takes: v2, a plugin of the `docker` command, before v1, a command of its own.
pub fn find() -> Option<Program> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    let own = env::var_os("DOCKER_CONFIG").map(PathBuf::from).or(home);
    let folders = own.map(|folder| folder.join("cli-plugins")).into_iter().chain(PLUGINS.map(PathBuf::from));
    let plugin = on_path("docker").and_then(|_| in_one_of(folders, "docker-compose"));
    plugin
        .map(|path| Program { path, called: "docker compose" })
        .or_else(|| on_path("docker-compose").map(|path| Program { path, called: "docker-compose" }))
}

/// What one types to run the Compose of this machine; where there is none, the one to install.
pub fn called() -> &'static str {
    find().map_or("docker compose", |program| program.called)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    in_one_of(env::split_paths(&path), name)
}

fn in_one_of(folders: impl Iterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    folders.map(|folder| folder.join(name)).find(|program: &PathBuf| Path::is_file(program))
}
