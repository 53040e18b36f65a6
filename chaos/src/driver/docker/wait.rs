//! When does a box answer? Asked on its published port, as anybody could; if it has ended instead, its last
//! lines say why.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::Full;
use hyper::Request;
use jiff::Timestamp;

use super::engine::plain;
use super::labels::Role;
use super::logs;
use super::project::Project;
use crate::driver::{postgres, redis};
use crate::http;
use crate::state::LabState;

/// Between two questions. Each is a connection through the engine's proxy.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Between two looks at whether it still runs.
const RUNS_EVERY: Duration = Duration::from_millis(250);

/// In seconds: how far back the engine is asked how a box ended. It has ended just now.
const EVENTS_OF_S: i64 = 60;

/// How long one question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

impl Project {
    /// Starts a box and waits until it answers.
    ///
    /// # Errors
    /// As [`Project::answers`], or if the engine does not start it.
    pub async fn start(&self, name: &str, lab: &LabState, within: Duration) -> anyhow::Result<()> {
        let started = self.engine.start_container(&self.boxed(name)?.container, None).await;
        started.map_err(plain).with_context(|| format!("starting {name}"))?;
        self.answers(name, lab, within).await
    }

    /// Waits until a box answers: a replica in any words, a store or the gateway in its own.
    ///
    /// # Errors
    /// If it ends, or does not answer within `within`; with the last lines of its log.
    pub async fn answers(&self, name: &str, lab: &LabState, within: Duration) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut looked = Instant::now();
        while let Err(said) = self.ask(name, lab).await {
            let late = start.elapsed() > within;
            if late || looked.elapsed() > RUNS_EVERY {
                looked = Instant::now();
                let what = match self.ended(name).await? {
                    true => format!("ended at once (exit status: {})", self.last_exit_status(name).await?),
                    false if late => format!("does not answer after {within:.1?} ({said})"),
                    false => continue,
                };
                let log = logs::last_lines(&self.engine, &self.boxed(name)?.container, 5).await;
                bail!("{name} {what}; the end of its log:\n{log}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Whether a box has ended since it was started, even if the engine has started it again.
    async fn ended(&self, name: &str) -> anyhow::Result<bool> {
        let found = self.inspect(name).await?;
        let restarted = found.restart_count.is_some_and(|count| count > 0);
        let state = found.state.unwrap_or_default();
        Ok(restarted || state.running != Some(true) || state.restarting == Some(true))
    }

    /// With which status a box ended last. A container that the engine has started again has forgotten it; the
    /// engine itself has not.
    async fn last_exit_status(&self, name: &str) -> anyhow::Result<String> {
        let filters = [("container", self.boxed(name)?.container.as_str()), ("event", "die")];
        let filters = filters.map(|(key, value)| (key, vec![value])).into();
        let now = Timestamp::now().as_second();
        let (since, until) = ((now - EVENTS_OF_S).to_string(), (now + 1).to_string());
        let options = EventsOptionsBuilder::default().since(&since).until(&until).filters(&filters).build();
        let deaths: Vec<EventMessage> =
            self.engine.events(Some(options)).try_collect().await.map_err(plain)?;
        let status =
            deaths.into_iter().next_back().and_then(|death| death.actor?.attributes?.remove("exitCode"));
        Ok(status.unwrap_or_else(|| "unknown".to_owned()))
    }

    /// One question to a box; the error is what came instead of an answer.
    async fn ask(&self, name: &str, lab: &LabState) -> Result<(), String> {
        let boxed = self.boxed(name).map_err(|error| error.to_string())?;
        match &boxed.role {
            Role::Replica { .. } => {
                let replica = lab.replicas.values().flatten().find(|replica| replica.name == name);
                get(replica.map(|replica| replica.url.as_str()), "/livez").await
            }
            Role::Gateway => {
                get(lab.gateway.as_ref().map(|gateway| gateway.stats.as_str()), "/stats;csv").await
            }
            Role::Redis => {
                let url = lab.store.url().unwrap_or_default();
                redis::ask(url, &["PING"], ANSWER_WITHIN).await.map(|_| ()).map_err(|none| none.to_string())
            }
            Role::Postgres => {
                let address = boxed.postgres().context("it publishes no port");
                let address = address.map_err(|error| error.to_string())?;
                postgres::ask(&address, ANSWER_WITHIN).await.map_err(|none| none.to_string())
            }
        }
    }
}

async fn get(base: Option<&str>, path: &str) -> Result<(), String> {
    let base = base.ok_or("it publishes no port")?;
    let request = Request::get(path).body(Full::<Bytes>::default()).map_err(|error| error.to_string())?;
    http::send(base, request, ANSWER_WITHIN).await.map(|_| ()).map_err(|none| none.to_string())
}
