//! On what was it measured? Numbers without their machine mean nothing.

use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use crate::redis;

/// One line that says where, with what and when.
///
/// # Errors
/// If `rustc` or `redis-server` cannot be asked.
pub fn describe() -> Result<String> {
    let cores = available_parallelism()?;
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let redis = output("redis-server", "--version")?;
    let redis = redis.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("unknown");
    let settings = redis::SETTINGS.map(|word| if word.is_empty() { "''" } else { word }).join(" ");
    Ok(format!(
        "Measured on {} with {cores} cores ({model}), Linux {}, {}, Redis {redis} ({settings}), on {}.",
        std::env::consts::ARCH,
        kernel.trim(),
        output("rustc", "--version")?.trim(),
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
    ))
}

fn output(program: &str, flag: &str) -> Result<String> {
    let output = Command::new(program).arg(flag).output().with_context(|| format!("asking {program}"))?;
    String::from_utf8(output.stdout).with_context(|| format!("reading what {program} said"))
}
