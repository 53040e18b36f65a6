//! How long does a client wait for an answer while Redis is paused or gone, and how soon is all well once
//! it is back?

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use crate::contender::{Binaries, Contender, Running};
use crate::http;
use crate::load::{self, Load};
use crate::process::PATIENCE;
use crate::race::CONNECTIONS;

/// What is done to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Stopped (SIGSTOP): connections stay open, nothing is answered.
    Paused,
    /// Killed: connections are refused. It comes back empty.
    Down,
}

impl Outage {
    /// The word in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Outage::Paused => "paused",
            Outage::Down => "down",
        }
    }
}

/// What the clients saw.
#[derive(Debug, Clone)]
pub struct Waits {
    /// During what.
    pub outage: Outage,
    /// How many answers were measured.
    pub answers: usize,
    /// Latency of the answers.
    pub p50_ms: f64,
    /// The same.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// From the moment Redis answers again to the first answer that is no 503.
    pub recovered_ms: f64,
    /// Answers that were no 503, and broken connections.
    pub errors: u64,
    /// What the first of them was.
    pub first_error: Option<String>,
}

impl Waits {
    /// Does it count?
    pub fn is_valid(&self) -> bool {
        self.errors == 0 && self.answers > 0
    }
}

/// Takes Redis away from `stateless-svc` under load and gives it back.
///
/// # Errors
/// If the service does not come up, or does not recover.
pub fn measure(outage: Outage, window: Duration, binaries: &Binaries, folder: &Path) -> Result<Waits> {
    eprintln!("outage: Redis {}", outage.word());
    let mut running = Running::start(Contender::Stateless, binaries, folder)?;
    running.register(CONNECTIONS)?;
    let credentials = running.log_in(0..CONNECTIONS)?;
    let read = |credential: &String| vec![running.contender.read(credential)];
    let connections: Vec<_> = credentials.iter().map(read).collect();
    let load = Load {
        address: running.address,
        connections: &connections,
        warm: Duration::ZERO,
        window,
        expected: |status| status == 503,
    };
    let Some(redis) = &mut running.redis else { bail!("stateless-svc runs without Redis") };
    match outage {
        Outage::Paused => redis.process.signal(Signal::SIGSTOP)?,
        Outage::Down => redis.kill()?,
    }
    let seen = load::run(&load, || Ok(()))?;
    match outage {
        Outage::Paused => redis.process.signal(Signal::SIGCONT)?,
        Outage::Down => redis.start_again(folder)?,
    }
    let back = Instant::now();
    while http::ask(running.address, &connections[0][0])?.status == 503 {
        if back.elapsed() > PATIENCE {
            bail!("still 503, {PATIENCE:?} after Redis was back");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Waits {
        outage,
        answers: seen.latencies_us.len(),
        p50_ms: seen.percentile_ms(0.5),
        p99_ms: seen.percentile_ms(0.99),
        max_ms: seen.percentile_ms(1.0),
        recovered_ms: back.elapsed().as_secs_f64() * 1e3,
        errors: seen.errors,
        first_error: seen.first_error,
    })
}
