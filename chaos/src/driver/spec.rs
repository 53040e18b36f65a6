//! What does one ask of a driver? A lab made of this, and then that something happens to a part of it.

use std::path::PathBuf;

use crate::service::Service;

/// What a lab can run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DriverName {
    /// Processes on this machine.
    Local,
    /// Containers in the Docker engine of this machine.
    Docker,
}

impl DriverName {
    /// One word, as in `--driver` and in the results.
    pub fn word(self) -> &'static str {
        match self {
            DriverName::Local => "local",
            DriverName::Docker => "docker",
        }
    }
}

/// What a lab should consist of.
#[derive(Debug, Clone)]
pub struct LabSpec {
    /// What it runs on.
    pub driver: DriverName,
    /// Its name; `None` makes one nobody else has.
    pub name: Option<String>,
    /// The services, each with accounts of its own.
    pub services: Vec<Service>,
    /// How many replicas of each.
    pub replicas: usize,
    /// Where sessions live that are kept outside.
    pub store: StoreWish,
    /// Whether there is to be a Redis even if no service uses one, where one can be had: something will hit it.
    pub redis: bool,
    /// Where accounts and orders live: a URL in which `{service}` is replaced by the service's name.
    /// `None`: an SQLite file for each service, in the lab's own folder.
    pub database: Option<String>,
    /// Whether there is a gateway in front of the replicas, where one can be had.
    pub gateway: bool,
    /// Another configuration for it than the lab's own; for tests of what a lab notices of a wrong one.
    pub gateway_config: Option<String>,
    /// Where the processes' logs go; `None`: into the lab's own folder, and away with it.
    pub keep_logs_in: Option<PathBuf>,
}

impl LabSpec {
    /// Processes, two replicas of each service, Redis if there is one, SQLite, no gateway, logs not kept.
    pub fn new(services: Vec<Service>) -> Self {
        LabSpec {
            driver: DriverName::Local,
            name: None,
            services,
            replicas: 2,
            store: StoreWish::Auto,
            redis: false,
            database: None,
            gateway: false,
            gateway_config: None,
            keep_logs_in: None,
        }
    }
}

/// Reads the name of a lab that is to be.
///
/// # Errors
/// How such a name is written.
pub fn new_lab_name(text: &str) -> Result<String, String> {
    let clean = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    match clean && text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        true => Ok(text.to_owned()),
        false => Err("a lab's name is up to 32 of a-z 0-9 - _, a letter or a digit first".to_owned()),
    }
}

/// Where sessions that are kept outside should live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StoreWish {
    /// In Redis where it is installed, else in a file.
    Auto,
    /// In Redis, or not at all.
    Redis,
    /// In an SQLite file, even where Redis is installed.
    Embedded,
}

/// What a fault can be aimed at. Not the gateway: it keeps nothing of a session (which replica knows a client is
/// in the client's own cookie), so its restart would cost the two services the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All replicas of a service.
    Service(String),
    /// One replica.
    Replica {
        /// Its service.
        service: String,
        /// Its own name.
        replica: String,
    },
    /// The lab's Redis.
    Redis,
    /// The database with accounts and orders, where the lab has started one: its box.
    Sql(String),
}

impl Target {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Target::Service(name) | Target::Replica { replica: name, .. } | Target::Sql(name) => name,
            Target::Redis => "redis",
        }
    }
}
