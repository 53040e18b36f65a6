//! How many bytes is a live session? Many logins, and what the memory of process and Redis grew by.

use std::path::Path;

use anyhow::Result;

use crate::contender::{Binaries, Contender, Running};

/// Logins that are made before anything is measured.
const FIRST: usize = 100;

/// What sessions cost one contender.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Who.
    pub contender: Contender,
    /// Bytes a session whose cart is empty.
    pub empty: Bytes,
    /// Bytes a session with one line in its cart.
    pub with_a_book: Bytes,
}

/// Bytes a session.
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// Growth of the server's resident memory, a session.
    pub process: f64,
    /// Growth of Redis's `used_memory`, a session.
    pub redis: f64,
}

impl Bytes {
    /// Both.
    pub fn total(&self) -> f64 {
        self.process + self.redis
    }
}

/// Measures one contender with this many sessions.
///
/// # Errors
/// If it does not come up or refuses a login.
pub fn measure(contender: Contender, sessions: usize, binaries: &Binaries, folder: &Path) -> Result<Memory> {
    eprintln!("memory: {} sessions in {}", sessions, contender.name().trim_matches('*'));
    let running = Running::start(contender, binaries, folder)?;
    running.register(sessions + FIRST)?;
    // The first logins also pay for what a process allocates once: threads, buffers, statements.
    running.log_in(sessions..sessions + FIRST)?;
    let before = Usage::of(&running)?;
    let credentials = running.log_in(0..sessions)?;
    let empty = Usage::of(&running)?.growth_since(before, sessions);
    running.put_a_book_in_each_cart(&credentials)?;
    let with_a_book = Usage::of(&running)?.growth_since(before, sessions);
    Ok(Memory { contender, empty, with_a_book })
}

#[derive(Debug, Clone, Copy)]
struct Usage {
    process_bytes: u64,
    redis_bytes: u64,
}

impl Usage {
    fn of(running: &Running) -> Result<Self> {
        let redis = running.redis.as_ref().map(|redis| redis.info("memory", "used_memory:"));
        Ok(Usage {
            process_bytes: running.process.resident_bytes()?,
            redis_bytes: redis.transpose()?.unwrap_or_default(),
        })
    }

    fn growth_since(self, before: Usage, sessions: usize) -> Bytes {
        let each = |before: u64, now: u64| (now as f64 - before as f64) / sessions as f64;
        Bytes {
            process: each(before.process_bytes, self.process_bytes),
            redis: each(before.redis_bytes, self.redis_bytes),
        }
    }
}
