//! How can a test hold one request exactly half way? Through a gate: `chaos` arms it for one request id
//! at one point, the request stops there, and a fault lands provably *in flight*. The same address takes
//! the replica out of rotation: `/readyz` then says no, and everything else is served as before.
//!
//! Without `--lab-gates` there is no port, and passing a gate costs one comparison. No gate lies inside a
//! transaction, so a held request holds no lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Where a request can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// The request is read, the session not yet looked up.
    Accepted,
    /// `POST /orders` only: the idempotency key is claimed, the order not yet committed.
    Claimed,
    /// The handler has returned, nothing is sent.
    Committed,
}

/// The id of a request, for the one handler that has a gate inside.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// What happens to a request at an armed gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// It waits until it is released.
    #[default]
    Hold,
    /// It panics, to show that one request's panic stays its own.
    Panic,
}

/// How far an armed gate has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    Armed,
    Held,
    Released,
    Unknown,
}

#[derive(Debug)]
struct Gate {
    point: Point,
    action: Action,
    progress: watch::Sender<Progress>,
}

/// All gates of one process. Cloning gives another handle to the same gates.
#[derive(Debug, Clone, Default)]
pub struct Gates {
    open: Option<Arc<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    // By request id.
    armed: Mutex<HashMap<String, Gate>>,
    // Nothing of this is written down: the next start is in rotation.
    out_of_rotation: AtomicBool,
}

impl Gates {
    /// Gates that can be armed.
    pub fn open() -> Self {
        Gates { open: Some(Arc::default()) }
    }

    /// Gates that never hold anything.
    pub fn closed() -> Self {
        Gates { open: None }
    }

    /// Could any request be held at all?
    pub fn are_open(&self) -> bool {
        self.open.is_some()
    }

    /// Was this replica taken out of rotation?
    pub fn out_of_rotation(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.out_of_rotation.load(Ordering::Relaxed))
    }

    /// Waits here if this request is armed for this point.
    pub async fn pass(&self, request_id: &str, point: Point) {
        let Some(open) = &self.open else { return };
        let (action, mut progress) = {
            let gates = open.armed.lock();
            match gates.get(request_id) {
                Some(gate) if gate.point == point => {
                    gate.progress.send_if_modified(hold);
                    (gate.action, gate.progress.subscribe())
                }
                _ => return,
            }
        };
        if action == Action::Panic {
            panic!("a gate was armed to panic here");
        }
        // An error means that the gate was disarmed, which releases too.
        let _ = progress.wait_for(|progress| *progress == Progress::Released).await;
    }

    fn arm(&self, request_id: String, point: Point, action: Action) {
        let Some(open) = &self.open else { return };
        let (progress, _) = watch::channel(Progress::Armed);
        open.armed.lock().insert(request_id, Gate { point, action, progress });
    }

    fn release(&self, request_id: &str) {
        let Some(open) = &self.open else { return };
        if let Some(gate) = open.armed.lock().remove(request_id) {
            gate.progress.send_replace(Progress::Released);
        }
    }

    /// Puts the replica into rotation or out of it; says whether it was in.
    fn rotate(&self, ready: bool) -> bool {
        let was_out = self.open.as_ref().map(|open| open.out_of_rotation.swap(!ready, Ordering::Relaxed));
        !was_out.unwrap_or_default()
    }

    fn watch(&self, request_id: &str) -> Option<watch::Receiver<Progress>> {
        Some(self.open.as_ref()?.armed.lock().get(request_id)?.progress.subscribe())
    }
}

fn hold(progress: &mut Progress) -> bool {
    let held = *progress == Progress::Armed;
    if held {
        *progress = Progress::Held;
    }
    held
}

#[derive(Clone)]
struct GateKeeper {
    gates: Gates,
    draining: watch::Receiver<bool>,
}

/// The gate address: it arms, watches and releases gates, takes the replica out of rotation, and says when
/// the service began to drain.
pub fn router(gates: Gates, draining: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/gates/{request_id}", put(arm).get(watch_gate).delete(release))
        .route("/readiness", put(readiness))
        .route("/state", get(state))
        .with_state(GateKeeper { gates, draining })
}

#[derive(Deserialize)]
struct Arm {
    point: Point,
    #[serde(default)]
    action: Action,
}

#[derive(Deserialize)]
struct Readiness {
    ready: bool,
}

#[derive(Deserialize)]
struct Wait {
    #[serde(default)]
    wait_ms: u64,
    #[serde(default)]
    until: Option<String>,
}

async fn arm(State(keeper): State<GateKeeper>, Path(id): Path<String>, Json(arm): Json<Arm>) -> StatusCode {
    keeper.gates.arm(id, arm.point, arm.action);
    StatusCode::NO_CONTENT
}

async fn release(State(keeper): State<GateKeeper>, Path(id): Path<String>) -> StatusCode {
    keeper.gates.release(&id);
    StatusCode::NO_CONTENT
}

async fn readiness(
    State(keeper): State<GateKeeper>,
    Json(wanted): Json<Readiness>,
) -> Json<serde_json::Value> {
    let was_ready = keeper.gates.rotate(wanted.ready);
    tracing::info!(in_rotation = wanted.ready, "told whether to be in rotation");
    Json(serde_json::json!({ "ready": wanted.ready, "was_ready": was_ready }))
}

async fn watch_gate(
    State(keeper): State<GateKeeper>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Json<serde_json::Value> {
    let Some(mut progress) = keeper.gates.watch(&id) else {
        return Json(serde_json::json!({ "state": Progress::Unknown }));
    };
    let reached = progress.wait_for(|progress| *progress != Progress::Armed);
    // Whether it was reached or the time is up, the answer is the state as it is now.
    let _ = tokio::time::timeout(Duration::from_millis(wait.wait_ms), reached).await;
    let now = *progress.borrow();
    Json(serde_json::json!({ "state": now }))
}

async fn state(State(mut keeper): State<GateKeeper>, Query(wait): Query<Wait>) -> Json<serde_json::Value> {
    if wait.until.as_deref() == Some("draining") {
        let drains = keeper.draining.wait_for(|draining| *draining);
        let _ = tokio::time::timeout(Duration::from_millis(wait.wait_ms), drains).await;
    }
    let draining = *keeper.draining.borrow();
    Json(serde_json::json!({ "draining": draining }))
}
