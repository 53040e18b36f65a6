//! What can be told to this twin?

use clap::Parser;
use shared::config::Common;

/// Keeps sessions in its own memory: fast, simple, and gone after a restart.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_override_self = true)]
pub struct Config {
    /// What both twins can be told.
    #[command(flatten)]
    pub common: Common,

    /// Most live sessions this process holds; the next login is answered 503
    #[arg(long, env = "LAB_MAX_SESSIONS", default_value_t = 1_000_000, value_name = "N")]
    pub max_sessions: usize,
}
