//! What is a lab made of? What one asks for, and what one gets, whoever drives.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::service::Service;

/// What a lab should consist of.
#[derive(Debug, Clone)]
pub struct LabSpec {
    /// Its name; `None` makes one nobody else has.
    pub name: Option<String>,
    /// The services, each with accounts of its own.
    pub services: Vec<Service>,
    /// How many replicas of each.
    pub replicas: usize,
    /// Where sessions live that are kept outside.
    pub store: StoreWish,
    /// Where accounts and orders live: a URL in which `{service}` is replaced by the service's name.
    /// `None`: an SQLite file for each service, in the lab's own folder.
    pub database: Option<String>,
    /// Where the processes' logs go; `None`: into the lab's own folder, and away with it.
    pub keep_logs_in: Option<PathBuf>,
}

impl LabSpec {
    /// Two replicas of each service, Redis if there is one, SQLite, logs not kept.
    pub fn new(services: Vec<Service>) -> Self {
        LabSpec {
            name: None,
            services,
            replicas: 2,
            store: StoreWish::Auto,
            database: None,
            keep_logs_in: None,
        }
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

/// Where sessions that are kept outside do live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// In a Redis of the lab's own.
    Redis {
        /// `redis://host:port`.
        url: String,
        /// One line: which one, and why.
        why: String,
    },
    /// In a file outside the process; faults on Redis are then not available.
    Embedded {
        /// One line: why.
        why: String,
    },
}

impl Store {
    /// Redis's address, if there is Redis.
    pub fn url(&self) -> Option<&str> {
        match self {
            Store::Redis { url, .. } => Some(url),
            Store::Embedded { .. } => None,
        }
    }

    /// One line that says which store it is, and why.
    pub fn why(&self) -> &str {
        match self {
            Store::Redis { why, .. } | Store::Embedded { why } => why,
        }
    }
}

/// One running copy of a service. It keeps its name and its addresses over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// `stateless-2`.
    pub name: String,
    /// `stateless`.
    pub service: String,
    /// Where it answers.
    pub url: String,
    /// Where its requests can be held half way, if it can do that.
    pub gates: Option<String>,
}

/// What a fault can be aimed at.
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
}
