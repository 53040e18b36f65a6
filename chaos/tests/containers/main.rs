//! What holds for labs in containers only? They outlive the tool that made them, compose knows them, and
//! somebody else may have started them. Nothing of a lab is left, however its tool ends.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "../support/mod.rs"]
mod support;
mod compose;
mod doctor;
mod endings;
mod starting;

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use bollard::Docker as Engine;
use bollard::query_parameters::{
    EventsOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use chaos::driver::docker::{engine, find, remove};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use support::tool::{Place, words};

/// What there is of a project in the engine.
async fn left(engine: &Engine, project: &str) -> Vec<String> {
    labelled(engine, vec![format!("com.docker.compose.project={project}")]).await
}

/// What there is in the engine with all of these labels.
async fn labelled(engine: &Engine, labels: Vec<String>) -> Vec<String> {
    let filters = HashMap::from([("label", labels)]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let containers = engine.list_containers(Some(options)).await.unwrap();
    let mut left: Vec<String> = containers.into_iter().flat_map(|it| it.names.unwrap_or_default()).collect();
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    left.extend(engine.list_networks(Some(options)).await.unwrap().into_iter().filter_map(|it| it.name));
    let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
    let volumes = engine.list_volumes(Some(options)).await.unwrap().volumes.unwrap_or_default();
    left.extend(volumes.into_iter().map(|it| it.name));
    left
}

/// All that a tool has said, with long lines as one.
fn unwrapped(output: &std::process::Output) -> String {
    words(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name for a lab of this test.
fn name(of: &str) -> String {
    format!("test-{of}-{}", std::process::id())
}

/// Removes what a failed test leaves, when it goes.
struct Swept(String);

impl Drop for Swept {
    fn drop(&mut self) {
        let project = self.0.clone();
        let sweep = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let engine = engine::open().await.unwrap();
                remove::all_of(&engine, &project, None).await.unwrap();
            });
        };
        std::thread::spawn(sweep).join().unwrap();
    }
}

/// Waits until there is something to see: it looks at once, and again whenever something happens in the engine.
async fn eventually<T>(engine: &Engine, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    // From before the first look on, so that nothing is missed between it and the first event.
    let since = Timestamp::now().as_second().to_string();
    let events = engine.events(Some(EventsOptionsBuilder::default().since(&since).build()));
    let seen = async {
        let mut events = pin!(events);
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            events.try_next().await.unwrap().unwrap();
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(20), seen).await;
    seen.unwrap_or_else(|_| panic!("{what}: not within twenty seconds"))
}

const SMALL: [&str; 8] = ["up", "--driver", "docker", "--service", "stateful", "--replicas", "1", "--lab"];

#[tokio::test]
async fn a_run_in_containers_is_told_like_any_other_and_keeps_every_boxs_log() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let results = tempfile::tempdir().unwrap();
    let place = Place::with_the_engine();
    let mut run = place.chaos(&["run", "cart", "kill", "--service", "stateful", "--driver", "docker"]);
    let output = run.env("CHAOS_RESULTS", results.path()).output().unwrap();
    let told = unwrapped(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for part in ["as predicted", "chaos started it", "--driver docker", "new boot id"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let latest = results.path().join("latest");
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(latest.join("result.json")).unwrap()).unwrap();
    assert_eq!(written["driver"], "docker");
    for (log, part) in [("stateful-1", "listening on"), ("postgres", "ready to accept connections")] {
        let text = std::fs::read_to_string(latest.join(format!("lab-1/{log}.log"))).unwrap();
        assert!(text.contains(part), "{log}: {text}");
    }
    assert_eq!(
        find::all(&engine::open().await.unwrap())
            .await
            .unwrap()
            .iter()
            .filter(|lab| lab.private && lab.owner.as_ref().is_some_and(|owner| !owner.lives()))
            .count(),
        0
    );
}
