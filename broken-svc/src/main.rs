//! Would our checks notice? Each `--bug` makes a service that is wrong in one way that has been shipped
//! by somebody, somewhere. The matrix and the contract must catch every one of them, with the right
//! words; and with `--bug none` they must find nothing.

mod bug;
mod sessions;
mod record;
mod orders;
mod readiness;
mod yes;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use shared::config::Common;
use shared::identity::Identity;

use bug::Bug;
use sessions::InFile;

/// Keeps sessions in a file, correctly but for one bug
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_override_self = true)]
struct Config {
    #[command(flatten)]
    common: Common,

    /// The file sessions live in; all replicas share it
    #[arg(long, env = "LAB_STORE", value_name = "PATH")]
    store: PathBuf,

    /// What is wrong
    #[arg(long, value_enum)]
    bug: Bug,
}

fn main() -> ExitCode {
    let config: Config = match shared::boot::parse() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let (bug, replica) = (config.bug, &config.common.replica);
    if bug == Bug::YesToEverything {
        return yes::run(&config.common);
    }
    let identity = match bug {
        Bug::HiddenRestart => Identity::pretended(replica, "0000000000000000"),
        _ => Identity::draw(replica),
    };
    let store = config.store;
    shared::boot::run_as(
        &config.common,
        identity,
        async |boot| InFile::open(store, bug, &boot),
        |app, routes| match bug {
            Bug::OrderWithoutKey => orders::without_key(app, routes),
            Bug::AlwaysReady => readiness::always(routes),
            _ => routes,
        },
    )
}
