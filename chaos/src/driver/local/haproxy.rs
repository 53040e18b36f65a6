//! Which gateway does a lab run, and how? HAProxy, by the same file as the containers' gateway: only the
//! addresses differ, and they come by the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Recipe;
use super::redis_server::Installed;
use crate::driver::Replica;
use crate::http;
use crate::state::{Entries, Gateway};

/// What it does and why; to be read.
pub const CONFIG: &str = include_str!("../../../../deploy/haproxy.cfg");

/// The services it has entries for.
pub const SERVICES: [&str; 2] = ["stateful", "stateless"];

/// How many replicas of each it knows.
pub const REPLICAS: usize = 2;

/// Nobody listens there: the address of a replica that this lab does not run.
const NOWHERE: &str = "127.0.0.1:1";

/// Looks for HAProxy on the `PATH`, and in the `sbin` beside each `bin`: Debian puts it there, where not
/// everybody looks.
pub fn find() -> Option<Installed> {
    let path = std::env::var_os("PATH")?;
    let beside = |bin: &PathBuf| bin.ends_with("bin").then(|| bin.with_file_name("sbin"));
    let folders = std::env::split_paths(&path).flat_map(|bin| [beside(&bin), Some(bin)]).flatten();
    let program = folders.map(|folder| folder.join("haproxy")).find(|program| program.is_file())?;
    let said = Command::new(&program).arg("-v").output().ok()?;
    // "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/"
    let said = String::from_utf8_lossy(&said.stdout);
    let number = said.split_whitespace().nth(2).unwrap_or("unknown");
    Some(Installed { version: format!("haproxy {number}"), program })
}

/// Why a lab with so many replicas of each service has no gateway, in half a sentence.
pub fn why_none(replicas: usize) -> String {
    if replicas != REPLICAS {
        format!("it knows {REPLICAS} replicas of each service, and here are {replicas}")
    } else if find().is_none() {
        "there is no haproxy on the PATH (apt install haproxy)".to_owned()
    } else {
        "it was started without one".to_owned()
    }
}

/// Where the gateway of a lab with these replicas answers, and the environment that makes it so. `take_port`
/// gives it its ports.
///
/// # Errors
/// If there is no port left.
pub fn addresses(
    replicas: &BTreeMap<String, Vec<Replica>>,
    mut take_port: impl FnMut() -> anyhow::Result<u16>,
) -> anyhow::Result<(Gateway, Vec<(String, String)>)> {
    let mut address = || Ok::<_, anyhow::Error>(format!("127.0.0.1:{}", take_port()?));
    let (mut entries, mut env) = (BTreeMap::new(), Vec::new());
    for service in SERVICES {
        let name = service.to_uppercase();
        let (round_robin, sticky, here) = (address()?, address()?, replicas.get(service));
        for number in 1..=REPLICAS {
            let replica = here.and_then(|replicas| replicas.get(number - 1));
            let address = replica.map_or(NOWHERE, |replica| http::authority(&replica.url));
            env.push((format!("LAB_{name}_{number}"), address.to_owned()));
        }
        // A service that this lab does not run has its entries all the same; they lead nowhere, and nobody
        // is told of them.
        if here.is_some() {
            let url = |address: &String| format!("http://{address}");
            let both = Entries { round_robin: url(&round_robin), sticky: url(&sticky) };
            entries.insert(service.to_owned(), both);
        }
        env.push((format!("LAB_GATEWAY_{name}"), round_robin));
        env.push((format!("LAB_GATEWAY_{name}_STICKY"), sticky));
    }
    let stats = address()?;
    env.push(("LAB_GATEWAY_STATS".to_owned(), stats.clone()));
    Ok((Gateway { stats: format!("http://{stats}"), entries }, env))
}

/// How the lab's own gateway is started; `config` is the file with its configuration.
pub fn recipe(program: &Path, config: &Path, env: Vec<(String, String)>, log: PathBuf) -> Recipe {
    Recipe {
        name: "gateway".to_owned(),
        program: program.to_owned(),
        // In the foreground and one process: it must die with the tool.
        args: ["-db", "-f"].map(str::to_owned).into_iter().chain([config.display().to_string()]).collect(),
        env,
        log,
    }
}
