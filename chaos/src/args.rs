//! What do several commands take?

use clap::Args;

use crate::driver::DriverName;
use crate::names::lab_name;

/// What the tool does, in one line.
pub const ABOUT: &str =
    "Restarts a backend while a client is half way through its work, and says what the client sees";

/// What is common to `run` and `matrix`.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// What the lab runs on
    #[arg(long, value_enum, default_value = "local")]
    pub driver: DriverName,

    /// A lab that `chaos up` or compose runs, instead of a private one
    #[arg(long, value_name = "NAME", value_parser = lab_name)]
    pub lab: Option<String>,

    /// Fixes the order and the data; drawn and printed if not given
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// One JSON object on stdout, and nothing else there
    #[arg(long)]
    pub json: bool,
}
