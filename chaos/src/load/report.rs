//! What comes of a load? One object: `load.json` holds it (`schema/load.schema.json` describes it), the text and the
//! picture are made of it.

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::conclusion::Conclusion;
use super::service_report::ServiceReport;
use super::{LoadArgs, Played};

/// All that came of a load.
#[derive(Debug, Serialize)]
pub struct LoadReport {
    /// The same seed draws the same flows for each client.
    pub seed: u64,
    /// What drove the lab.
    pub driver: &'static str,
    /// Where sessions of the services that keep them outside lived, and why there.
    pub store: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How many clients each service had.
    pub clients: u16,
    /// How much time was between two requests of one client.
    pub pace_ms: u64,
    /// How long a client waited before it repeated a request.
    pub retry_after_ms: u64,
    /// How often the fault struck.
    pub every_ms: u64,
    /// What it comes to.
    pub conclusion: Conclusion,
    /// What came of it for each service.
    pub services: Vec<ServiceReport>,
}

impl LoadReport {
    /// Judges and counts everything.
    ///
    /// # Errors
    /// If a histogram cannot be made.
    pub fn new(
        args: &LoadArgs,
        seed: u64,
        started_at: Timestamp,
        driver: &'static str,
        store: &str,
        played: &[Played],
    ) -> anyhow::Result<Self> {
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let services = played.iter().map(ServiceReport::new).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(LoadReport {
            seed,
            driver,
            store: store.to_owned(),
            started_at,
            clients: args.clients,
            pace_ms: ms(args.pace),
            retry_after_ms: ms(args.retry_after),
            every_ms: ms(args.every),
            conclusion: Conclusion::of(&services),
            services,
        })
    }

    /// The object, as `--json` prints it.
    ///
    /// # Errors
    /// Never for what this tool fills in.
    pub fn to_json(&self) -> anyhow::Result<String> {
        serde_json::to_string_pretty(self).context("putting the load into JSON")
    }
}
