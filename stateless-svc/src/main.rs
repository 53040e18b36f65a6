//! The twin that survives: sessions live in a store outside, and this process may die.

mod config;
mod token;
mod sessions;
mod store;

use std::process::ExitCode;

use config::Config;
use sessions::InStore;

// A request makes dozens of small allocations, and the system's allocator takes a tenth of its processor time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let config: Config = match shared::boot::parse() {
        Ok(config) => config,
        Err(code) => return code,
    };
    // Without this, the choice is made when a token is first signed, and a wrong build panics there.
    if jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default().is_err() {
        return shared::boot::refuse("two cryptography backends for tokens", shared::boot::EXIT_USAGE);
    }
    shared::boot::run(&config.common, async |boot| Ok(InStore::open(boot, &config.store)?.tried().await))
}
