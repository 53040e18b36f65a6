//! How is one request held half way, so that a fault provably lands while it is in flight?
//!
//! Every replica has a second address that stays open until it exits. There the request is named by the
//! id its client has chosen, before the client sends it. Whichever replica gets it, holds it. The same
//! address takes a replica out of rotation.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response};
use serde::Deserialize;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::http;
use crate::state::Replica;

/// How long one question may take beyond the time it asks the service to wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long a service is asked to wait at a time.
const WAIT_AT_MOST: Duration = Duration::from_secs(2);

/// Where a request can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// It has been read; its session has not been looked up.
    Accepted,
    /// Its work is done; nothing of the answer is sent.
    Committed,
    /// `POST /orders` only: the key is claimed, the order not placed.
    Claimed,
}

impl Point {
    fn word(self) -> &'static str {
        match self {
            Point::Accepted => "accepted",
            Point::Committed => "committed",
            Point::Claimed => "claimed",
        }
    }
}

/// A request that some replica will hold when it comes.
#[derive(Debug)]
pub struct Armed {
    request_id: Uuid,
    at: Vec<Replica>,
}

/// A request that is held right now.
#[derive(Debug)]
pub struct Held {
    request_id: Uuid,
    /// The replica that holds it.
    pub replica: String,
    gates: String,
}

/// Tells every replica to hold the request with this id at `point`.
///
/// # Errors
/// If one of them has no gates, or does not answer there.
pub async fn arm(replicas: &[Replica], request_id: Uuid, point: Point) -> anyhow::Result<Armed> {
    for replica in replicas {
        let Some(gates) = &replica.gates else {
            bail!("{} has no gate address, so none of its requests can be held half way", replica.name);
        };
        let body = format!(r#"{{"point":"{}","action":"hold"}}"#, point.word());
        ask(gates, Method::PUT, &gate(request_id), body, Duration::ZERO)
            .await
            .with_context(|| format!("arming a gate of {}", replica.name))?;
    }
    Ok(Armed { request_id, at: replicas.to_vec() })
}

/// Takes a replica out of rotation, or puts it back: from here on its `/readyz` says so, and it serves as
/// before. Says whether it was in.
///
/// # Errors
/// If it has no gate address, or that address cannot do this.
pub async fn rotate(replica: &Replica, ready: bool) -> anyhow::Result<bool> {
    let Some(gates) = &replica.gates else {
        bail!("{} has no gate address, so it cannot be taken out of rotation", replica.name);
    };
    let answer = ask(gates, Method::PUT, "/readiness", format!(r#"{{"ready":{ready}}}"#), Duration::ZERO);
    let answer = answer.await.with_context(|| format!("telling {} its readiness", replica.name))?;
    let Rotated { was_ready } = serde_json::from_slice(answer.body()).context("reading /readiness")?;
    Ok(was_ready)
}

impl Armed {
    /// Waits until a replica holds the request, and disarms the others. `None`: nobody held it within
    /// `within`.
    ///
    /// # Errors
    /// If a gate address gives an answer that cannot be understood.
    pub async fn held(&self, within: Duration) -> anyhow::Result<Option<Held>> {
        let mut watching = JoinSet::new();
        for replica in self.at.iter().cloned() {
            watching.spawn(watch(replica, self.request_id, within));
        }
        let mut holder = None;
        while holder.is_none()
            && let Some(outcome) = watching.join_next().await
        {
            holder = outcome.context("watching a gate")??;
        }
        watching.abort_all();
        let holder_name = holder.as_ref().map(|held: &Held| held.replica.as_str());
        for replica in self.at.iter().filter(|replica| Some(replica.name.as_str()) != holder_name) {
            disarm(replica, self.request_id).await;
        }
        Ok(holder)
    }

    /// Forgets about it: the request passes, held or not.
    pub async fn disarm(&self) {
        for replica in &self.at {
            disarm(replica, self.request_id).await;
        }
    }
}

impl Held {
    /// Lets the request go on.
    ///
    /// # Errors
    /// If the replica that holds it does not answer.
    pub async fn release(&self) -> anyhow::Result<()> {
        ask(&self.gates, Method::DELETE, &gate(self.request_id), String::new(), Duration::ZERO)
            .await
            .with_context(|| format!("releasing a request at {}", self.replica))
            .map(|_| ())
    }

    /// Waits until the replica says that it is draining; false if it does not within `within`.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn draining(&self, within: Duration) -> anyhow::Result<bool> {
        let start = Instant::now();
        while let Some(left) = within.checked_sub(start.elapsed()) {
            let wait = left.min(WAIT_AT_MOST);
            let path = format!("/state?until=draining&wait_ms={}", wait.as_millis());
            let answer = ask(&self.gates, Method::GET, &path, String::new(), wait)
                .await
                .with_context(|| format!("asking {} whether it drains", self.replica))?;
            let Draining { draining } = serde_json::from_slice(answer.body()).context("reading /state")?;
            if draining {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a replica was asked to end and has not ended yet; no, if it cannot be asked.
pub async fn drains(replica: &Replica) -> bool {
    let Some(gates) = &replica.gates else { return false };
    let answer = ask(gates, Method::GET, "/state", String::new(), Duration::ZERO).await;
    let state = answer.ok().and_then(|answer| serde_json::from_slice(answer.body()).ok());
    state.is_some_and(|Draining { draining }| draining)
}

#[derive(Deserialize)]
struct Draining {
    draining: bool,
}

#[derive(Deserialize)]
struct Rotated {
    was_ready: bool,
}

#[derive(Deserialize)]
struct Gate {
    state: State,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum State {
    Armed,
    Held,
    Released,
    Unknown,
}

/// Waits until this replica holds the request.
async fn watch(replica: Replica, request_id: Uuid, within: Duration) -> anyhow::Result<Option<Held>> {
    let Some(gates) = replica.gates else { return Ok(None) };
    let start = Instant::now();
    while let Some(left) = within.checked_sub(start.elapsed()) {
        let wait = left.min(WAIT_AT_MOST);
        let path = format!("{}?wait_ms={}", gate(request_id), wait.as_millis());
        let answer = ask(&gates, Method::GET, &path, String::new(), wait).await?;
        match serde_json::from_slice(answer.body()).context("reading the state of a gate")? {
            Gate { state: State::Held } => {
                return Ok(Some(Held { request_id, replica: replica.name, gates }));
            }
            Gate { state: State::Armed } => {}
            Gate { state: State::Released | State::Unknown } => return Ok(None),
        }
    }
    Ok(None)
}

/// A gate of a replica that is gone holds nobody; so it does not matter if this fails.
async fn disarm(replica: &Replica, request_id: Uuid) {
    if let Some(gates) = &replica.gates {
        let _ = ask(gates, Method::DELETE, &gate(request_id), String::new(), Duration::ZERO).await;
    }
}

fn gate(request_id: Uuid) -> String {
    format!("/gates/{request_id}")
}

async fn ask(
    gates: &str,
    method: Method,
    path: &str,
    body: String,
    waits: Duration,
) -> anyhow::Result<Response<Bytes>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Full::from(body))
        .context("making a request to a gate")?;
    let answer = http::send(gates, request, waits + ANSWER_WITHIN).await?;
    if !answer.status().is_success() {
        bail!("the gate address answered {}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
    }
    Ok(answer)
}
