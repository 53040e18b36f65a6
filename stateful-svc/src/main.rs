//! The twin that remembers: sessions live in this process's memory, and die with it.

mod config;
mod token;
mod sessions;
mod table;

use std::process::ExitCode;

use config::Config;
use sessions::InMemory;

// A request makes dozens of small allocations, and the system's allocator takes a tenth of its processor time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let config: Config = match shared::boot::parse() {
        Ok(config) => config,
        Err(code) => return code,
    };
    shared::boot::run(&config.common, async |boot| Ok(InMemory::open(boot, config.max_sessions)))
}
