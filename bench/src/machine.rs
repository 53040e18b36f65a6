//! On what was it measured? Numbers without their machine mean nothing.

use std::process::Command;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::redis;

/// One line that says where, with what and when.
///
/// # Errors
/// If `rustc` or `redis-server` cannot be asked.
pub fn describe() -> Result<String> {
    let cores = cores();
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

/// How many processors there are.
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The processor time all processes and the kernel have used since boot. It counts in hundredths of a
/// second, which is enough to see whether somebody else was busy.
///
/// # Errors
/// If /proc cannot be read.
pub fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    // user nice system idle iowait irq softirq: all but the fourth and the fifth are work.
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
    let busy = ticks.iter().enumerate().filter(|(at, _)| matches!(at, 0..=2 | 5..=6)).map(|(_, ticks)| ticks);
    Ok(Duration::from_millis(busy.sum::<u64>() * 10))
}

fn output(program: &str, flag: &str) -> Result<String> {
    let output = Command::new(program).arg(flag).output().with_context(|| format!("asking {program}"))?;
    String::from_utf8(output.stdout).with_context(|| format!("reading what {program} said"))
}
