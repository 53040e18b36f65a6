//! When is a replica there, and which run of it is it? Asked over HTTP, as anybody could.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::{Driver, Replica};
use crate::http::{self, NoAnswer};

/// How long one question may take. A replica whose store is down still answers within 300 ms.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Between two looks at something that nobody announces. Short against everything we measure.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a ready replica says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// `<replica>.<random>`; the random part is new at each start.
    pub boot_id: String,
    /// The id of the key it signs with, if it says so.
    pub kid: Option<String>,
}

impl Driver {
    /// Waits until a replica answers `/readyz` with 200.
    ///
    /// # Errors
    /// If it does not within `within`: what it said last.
    pub async fn ready(&self, replica: &str, within: Duration) -> anyhow::Result<Ready> {
        ready(self.replica(replica)?, within).await
    }

    /// Waits until every replica of every service is ready.
    ///
    /// # Errors
    /// Which one is not, and what it said last.
    pub async fn all_ready(&self, within: Duration) -> anyhow::Result<()> {
        let mut waiting = JoinSet::new();
        for replica in self.all_replicas() {
            let replica = replica.clone();
            waiting.spawn(async move { ready(&replica, within).await });
        }
        while let Some(outcome) = waiting.join_next().await {
            outcome.context("waiting for a replica")??;
        }
        Ok(())
    }

    /// The boot id of a replica that runs, ready or not.
    ///
    /// # Errors
    /// If it does not answer, or does not say.
    pub async fn boot_id(&self, replica: &str) -> anyhow::Result<String> {
        Driver::boot_id_of(self.replica(replica)?).await
    }

    /// As [`Driver::boot_id`], of a replica of any lab.
    ///
    /// # Errors
    /// If it does not answer, or does not say.
    pub async fn boot_id_of(replica: &Replica) -> anyhow::Result<String> {
        let answer = get(replica, "/livez", ANSWER_WITHIN)
            .await
            .with_context(|| format!("asking {} for its boot id", replica.name))?;
        boot_id(&answer).with_context(|| format!("{} answered /livez without x-boot-id", replica.name))
    }

    /// Waits until nobody answers at a replica's address; false if somebody still does after `within`.
    ///
    /// A process that does not listen refuses the connection. In front of a container the engine takes every
    /// connection, as long as the container lives, and drops it if nobody listens inside: both is refusal.
    ///
    /// # Errors
    /// If there is no such replica.
    pub async fn refuses(&self, replica: &str, within: Duration) -> anyhow::Result<bool> {
        let replica = self.replica(replica)?;
        let start = Instant::now();
        while let Some(left) = within.checked_sub(start.elapsed()) {
            if let Err(NoAnswer::Refused | NoAnswer::Reset) = get(replica, "/livez", left).await {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_EVERY / 2).await;
        }
        Ok(false)
    }
}

/// As [`Driver::ready`], of a replica of any lab.
///
/// # Errors
/// If it does not within `within`: what it said last.
pub(crate) async fn ready(replica: &Replica, within: Duration) -> anyhow::Result<Ready> {
    let start = Instant::now();
    let mut said = "nothing".to_owned();
    while let Some(left) = within.checked_sub(start.elapsed()) {
        match get(replica, "/readyz", left.min(ANSWER_WITHIN)).await {
            Ok(answer) if answer.status() == StatusCode::OK => {
                return self_description(&answer)
                    .with_context(|| format!("understanding /readyz of {}", replica.name));
            }
            Ok(answer) => said = complaint(&answer),
            Err(none) => said = none.to_string(),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("{} at {} is not ready after {within:.1?}; it last said: {said}", replica.name, replica.url)
}

async fn get(replica: &Replica, path: &str, within: Duration) -> Result<Response<Bytes>, NoAnswer> {
    let request = Request::get(path).body(Full::default()).map_err(|e| NoAnswer::Garbled(e.to_string()))?;
    http::send(&replica.url, request, within).await
}

/// What `/readyz` answers, as far as the lab reads it.
#[derive(Default, Deserialize)]
struct Body {
    kid: Option<String>,
}

fn self_description(answer: &Response<Bytes>) -> anyhow::Result<Ready> {
    let boot_id = boot_id(answer).context("there is no x-boot-id")?;
    // A learner's service may answer with an empty page; then its boot id is all there is.
    let Body { kid } = serde_json::from_slice(answer.body()).unwrap_or_default();
    Ok(Ready { boot_id, kid })
}

fn boot_id(answer: &Response<Bytes>) -> Option<String> {
    answer.headers().get("x-boot-id")?.to_str().ok().map(str::to_owned)
}

fn complaint(answer: &Response<Bytes>) -> String {
    let body = String::from_utf8_lossy(&answer.body()[..answer.body().len().min(300)]);
    format!("{} {body}", answer.status())
}
