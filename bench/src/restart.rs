//! How long is a service away when it is restarted gracefully? From SIGTERM to the first `200` of
//! `/readyz`, idle, many times.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use nix::sys::signal::Signal;

use crate::contender::{Binaries, Contender, Running};
use crate::load::percentile;

/// The restarts of one service.
#[derive(Debug, Clone)]
pub struct Restarts {
    /// Which service.
    pub contender: Contender,
    /// From signal to ready, in milliseconds, sorted.
    pub away_ms: Vec<f64>,
    /// Of that, from signal to gone.
    pub stop_ms: Vec<f64>,
}

impl Restarts {
    /// The time this share of the restarts did not exceed.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        percentile(&self.away_ms, share)
    }
}

/// Restarts a service `times` times on the same port.
///
/// # Errors
/// If it does not stop or does not come back.
pub fn measure(contender: Contender, times: usize, binaries: &Binaries, folder: &Path) -> Result<Restarts> {
    eprintln!("restart: {} times {}", times, contender.name().trim_matches('*'));
    let mut running = Running::start(contender, binaries, folder)?;
    let (mut away_ms, mut stop_ms) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let signalled = Instant::now();
        running.process.signal(Signal::SIGTERM)?;
        running.process.wait()?;
        stop_ms.push(signalled.elapsed().as_secs_f64() * 1e3);
        running.launch_again(binaries, folder)?;
        running.wait_until_ready()?;
        away_ms.push(signalled.elapsed().as_secs_f64() * 1e3);
    }
    away_ms.sort_unstable_by(f64::total_cmp);
    stop_ms.sort_unstable_by(f64::total_cmp);
    Ok(Restarts { contender, away_ms, stop_ms })
}
