//! Can a lab run in containers here? Nobody needs to: without an engine everything else works, so nothing
//! here is worse than poor.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bollard::Docker as Engine;
use tokio::process::Command;

use super::finding::{Finding, good, poor};
use crate::driver::docker::compose::Compose;
use crate::driver::docker::engine::{self, Unreachable};
use crate::driver::docker::{find, program};
use crate::driver::local::ports;

/// What the boxes of one lab may use together, with room for the engine; see the limits in the compose file.
const MEMORY_NEEDED_MIB: u64 = 600;

/// How long a Compose may take to say its version. The first one is a Python program and takes a second.
const SAYS_ITS_VERSION_WITHIN: Duration = Duration::from_secs(10);

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
    let mut findings = vec![version(&engine).await, compose_program().await, memory(&engine).await];
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
async fn compose_program() -> Finding {
    let Some(program) = program::find() else {
        return poor(
            "there is no Compose: `make up` cannot run, `chaos up --driver docker` can",
            "apt install docker-compose (or docker-compose-plugin)",
        );
    };
    let (called, at) = (program.called, program.path.display());
    match version_of(&program.path).await {
        Some(version) => good(format!("{called} {version} is at {at}")),
        None => poor(
            format!("{called} at {at} does not say its version: `make up` cannot run"),
            "install it again",
        ),
    }
}

/// What a Compose says of itself, which is the only way to know; `None` if it does not say.
async fn version_of(compose: &Path) -> Option<String> {
    let asked = Command::new(compose).args(["version", "--short"]).kill_on_drop(true).output();
    let output = tokio::time::timeout(SAYS_ITS_VERSION_WITHIN, asked).await.ok()?.ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let version = said.trim().trim_start_matches('v');
    let is_one = version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains(char::is_whitespace);
    (output.status.success() && is_one).then(|| version.to_owned())
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
    let a_strangers = taken.iter().find(|port| !labs.iter().any(|lab| lab.publishes(&[**port])));
    let lab = labs.iter().find(|lab| lab.publishes(&taken)).map(|lab| &lab.name);
    let what = format!("{} of the {} ports of docker-compose.yml are in use", taken.len(), all().count());
    match (a_strangers, lab) {
        (Some(port), _) => {
            let cure = "end what uses them, or set the port's variable in .env";
            poor(format!("{what}, {port} by something that is no lab"), cure)
        }
        (None, Some(lab)) => good(format!("{what}, by the lab {lab:?}")),
        (None, None) => good(format!("the {} ports of docker-compose.yml are free", all().count())),
    }
}

async fn image(engine: &Engine, name: &str) -> Finding {
    match engine.inspect_image(name).await {
        Ok(image) => good(format!("the image {name} is here, {} MiB", image.size.unwrap_or(0) >> 20)),
        Err(_) => poor(format!("the image {name} is not here"), "make images"),
    }
}
