//! What can be told to this twin?

use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use shared::config::Common;

/// Keeps sessions outside: a signed token with the client, a record in a store. Survives its own restart.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_override_self = true)]
pub struct Config {
    /// What both twins can be told.
    #[command(flatten)]
    pub common: Common,

    /// Where session records live: redis://HOST:PORT, or sqlite:PATH where there is no Redis
    #[arg(long, env = "LAB_STORE", value_name = "URL", hide_env_values = true)]
    pub store: StoreAt,
}

/// Where session records live.
#[derive(Debug, Clone)]
pub enum StoreAt {
    /// A Redis or Valkey server, version 7 or newer.
    Redis(ConnectionInfo),
    /// A file that all replicas of this service open.
    Sqlite(PathBuf),
}

impl FromStr for StoreAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("sqlite: needs a path".to_owned())
            } else {
                Ok(Self::Sqlite(path.into()))
            };
        }
        if !text.starts_with("redis://") {
            return Err("write redis://HOST:PORT or sqlite:PATH".to_owned());
        }
        // The library's own words could repeat a password.
        let info =
            text.into_connection_info().map_err(|_| "not a Redis address: redis://HOST:PORT".to_owned())?;
        match info.addr() {
            ConnectionAddr::Tcp(..) => Ok(Self::Redis(info)),
            _ => Err("only redis://HOST:PORT is built in".to_owned()),
        }
    }
}
