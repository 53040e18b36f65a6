//! How often does one request ask Redis? The growth of its count of looks and of scripts; commands inside a script
//! travel nowhere.

use std::path::Path;

use anyhow::{Context, Result};

use crate::contender::{Binaries, Contender, Running};
use crate::http::{self, request};

/// One kind of request and what it cost.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// What was asked.
    pub request: &'static str,
    /// Looks and scripts that Redis was asked for.
    pub calls: u64,
    /// What the design promises.
    pub promised: u64,
}

/// Sends each kind of request once to a warm `stateless-svc`.
///
/// # Errors
/// If one is refused.
pub fn measure(binaries: &Binaries, folder: &Path) -> Result<Vec<Calls>> {
    let running = Running::start(Contender::Stateless, binaries, folder)?;
    let redis = running.redis.as_ref().context("stateless-svc runs without Redis")?;
    running.register(1)?;
    // Once to load the scripts; it is not counted.
    walk(&running, |_, _| Ok(()))?;
    let mut counted = Vec::new();
    let mut before = redis.calls()?;
    walk(&running, |request, promised| {
        let now = redis.calls()?;
        counted.push(Calls { request, calls: now - before, promised });
        before = now;
        Ok(())
    })?;
    Ok(counted)
}

/// A client's life: log in, read, write, renew, log out. `after` is told each step and its promise.
fn walk(running: &Running, mut after: impl FnMut(&'static str, u64) -> Result<()>) -> Result<()> {
    let ask = |request: &[u8]| http::ask(running.address, request)?.success();
    let old = ask(&running.login(0))?.credential()?;
    after("login", 1)?;
    ask(&running.contender.read(&old))?;
    after("read", 1)?;
    ask(&running.contender.write(&old, 2))?;
    after("write", 1)?;
    let new = ask(&request("POST", "/session/renew", &old, None))?.credential()?;
    after("renew", 1)?;
    ask(&request("DELETE", "/session", &new, None))?;
    after("logout", 1)?;
    ask(&request("GET", "/prime/97", "", None))?;
    after("prime", 0)
}
