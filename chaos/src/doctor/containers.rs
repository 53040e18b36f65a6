//! Can a lab run in containers here? Nobody needs to: without an engine everything else works, so nothing
//! here is worse than poor.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use bollard::Docker as Engine;
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::finding::{Finding, good, poor};
use crate::driver::docker::compose::Compose;
use crate::driver::docker::engine::{self, Unreachable};
use crate::driver::docker::find;
use crate::driver::local::ports;

/// What the boxes of one lab may use together, with room for the engine; see the limits in the compose file.
const MEMORY_NEEDED_MIB: u64 = 600;

/// Where compose lies if it came with the engine's own packages.
const PLUGINS: [&str; 4] = [
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
];

/// One line for each thing that a lab in containers needs.
pub(super) async fn look() -> Vec<Finding> {
    let engine = match engine::open().await {
        Ok(engine) => engine,
        Err(error) => return vec![no_engine(&error)],
    };
    // Any value will do for what the file leaves to the environment; ports and images have defaults.
    let variable = |name: &str| match name.starts_with("LAB_KEYS_") || name == "POSTGRES_PASSWORD" {
        true => Some("any".to_owned()),
        false => std::env::var(name).ok(),
    };
    let compose = match Compose::builtin(&variable) {
        Ok(compose) => compose,
        Err(error) => return vec![poor(format!("{error:#}"), "correct the variable")],
    };
    let mut findings = vec![version(&engine).await, compose_program(&engine).await, memory(&engine).await];
    findings.push(published(&engine, &compose).await);
    let images: BTreeSet<&str> = compose.services.values().map(|one| one.image.as_str()).collect();
    for name in images {
        findings.push(image(&engine, name).await);
    }
    findings
}

fn no_engine(error: &anyhow::Error) -> Finding {
    match error.downcast_ref::<Unreachable>() {
        Some(why) => poor(format!("{}: no lab in containers", why.what), &why.cure),
        None => poor(format!("{error:#}: no lab in containers"), "see docs.docker.com/engine"),
    }
}

async fn version(engine: &Engine) -> Finding {
    let socket = engine::socket().unwrap_or_default();
    match engine.version().await {
        Ok(it) => good(format!(
            "the Docker engine {} (API {}) answers at {socket}",
            it.version.unwrap_or_default(),
            it.api_version.unwrap_or_default()
        )),
        Err(error) => {
            poor(format!("the engine at {socket} does not say its version: {error}"), "start it again")
        }
    }
}

/// Compose is not needed by this tool, but `make up` is a command of it.
async fn compose_program(engine: &Engine) -> Finding {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker/cli-plugins"));
    let folders = std::env::split_paths(&path).chain(home).chain(PLUGINS.map(PathBuf::from));
    let Some(program) = folders.map(|folder| folder.join("docker-compose")).find(|program| program.is_file())
    else {
        return poor(
            "there is no docker-compose: `make up` cannot run, `chaos up --driver docker` can",
            "apt install docker-compose (or docker-compose-plugin)",
        );
    };
    // It writes its version on what it makes; asking it would mean to run it.
    let made = engine.list_containers(Some(ListContainersOptionsBuilder::default().all(true).build())).await;
    let version = made.unwrap_or_default().into_iter().find_map(|container| {
        let labels = container.labels?;
        // What this tool has made is not compose's.
        (!labels.contains_key("amnesia.owner")).then(|| labels.get("com.docker.compose.version").cloned())?
    });
    let version = version.map_or_else(String::new, |version| format!(", version {version}"));
    good(format!("docker-compose is at {}{version}", program.display()))
}

async fn memory(engine: &Engine) -> Finding {
    let total = engine.info().await.ok().and_then(|info| info.mem_total);
    let total_mib = total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0) >> 20;
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let free_mib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let free_mib = free_mib.map_or(total_mib, |kib| kib >> 10);
    let what = format!("the engine has {total_mib} MiB of memory, {free_mib} MiB are free");
    match free_mib {
        0..MEMORY_NEEDED_MIB => {
            poor(format!("{what}; a lab needs {MEMORY_NEEDED_MIB}"), "end something else")
        }
        _ => good(what),
    }
}

/// Ports that are taken by a lab are as they should be.
async fn published(engine: &Engine, compose: &Compose) -> Finding {
    let all = || compose.services.values().flat_map(|one| &one.ports).map(|port| port.host);
    let taken: Vec<u16> = all().filter(|port| !ports::is_free(*port)).collect();
    let labs = find::all(engine).await.unwrap_or_default();
    let labs: Vec<String> =
        labs.into_iter().filter(|lab| lab.publishes(&taken)).map(|lab| lab.name).collect();
    let what = format!("{} of the {} ports of docker-compose.yml are in use", taken.len(), all().count());
    match (taken.as_slice(), labs.as_slice()) {
        ([], _) => good(format!("the {} ports of docker-compose.yml are free", all().count())),
        (_, [lab, ..]) => good(format!("{what}, by the lab {lab:?}")),
        ([first, ..], []) => {
            poor(format!("{what}, {first} for one"), "end what uses them, or set the port's variable in .env")
        }
    }
}

async fn image(engine: &Engine, name: &str) -> Finding {
    match engine.inspect_image(name).await {
        Ok(image) => good(format!("the image {name} is here, {} MiB", image.size.unwrap_or(0) >> 20)),
        Err(_) => poor(format!("the image {name} is not here"), "make images"),
    }
}
