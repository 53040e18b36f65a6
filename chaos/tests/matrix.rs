//! Does the whole tool tell the truth? Real runs against real services: what it predicts is what is seen,
//! what it prints is what the schema says, and what is not proven is not called survival.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;
#[path = "support/schema.rs"]
mod schema;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use chaos::draws::Draws;
use chaos::fault::Fault;
use chaos::flow::{CLOSING_LOOK, FLOWS, Flow};
use chaos::moment::{Moment, Phase};
use chaos::predict::Predictions;
use chaos::results::Observed;
use chaos::run::{self, Cell};
use chaos::service::{self, Service};
use chaos::verdict::Verdict;
use chaos::way::Way;
use schema::faults_by_schema;
use serde_json::Value;
use support::Lab;

/// Runs the tool itself, with results in a folder of the test's own.
struct Tool {
    results: tempfile::TempDir,
}

impl Tool {
    fn new() -> Self {
        Tool { results: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
        command
            .args(args)
            .env_remove("NO_COLOR")
            .env("CHAOS_BIN_DIR", binaries())
            .env("CHAOS_RESULTS", self.results.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(args);
        let text = String::from_utf8(output.stdout).unwrap();
        let value = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{args:?}: {e}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), value)
    }
}

fn binaries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_chaos")).parent().unwrap().to_owned()
}

fn redis_is_here() -> bool {
    chaos::driver::local::redis_server::find().is_some()
}

fn gateway_is_here() -> bool {
    chaos::driver::local::haproxy::find().is_some()
}

/// Three flows by a sticky entry with 6 faults, two by round robin with 5; each against both services.
const GATEWAY_CELLS: usize = 2 * (3 * 6 + 2 * 5);

#[test]
fn the_telling_matrix_is_as_predicted_and_prints_what_the_schema_says() {
    let tool = Tool::new();
    let (code, printed) = tool.json(&["matrix", "--moments", "telling", "--seed", "7", "--json"]);
    let odd: Vec<&Value> =
        printed["cells"].as_array().unwrap().iter().filter(|cell| cell["as_predicted"] != true).collect();
    assert_eq!(code, 0, "{odd:#?}");
    assert_eq!(faults_by_schema("result", &printed), [] as [String; 0]);
    let summary = &printed["summary"];
    // 8 faults on Redis a flow, and 5 or 6 a flow and service through the gateway, must be told as not tried.
    let direct = FLOWS.iter().filter(|row| row.goes(Way::Direct)).count();
    let without_redis = if redis_is_here() { 0 } else { direct * 8 };
    let without_gateway = if gateway_is_here() { 0 } else { GATEWAY_CELLS };
    assert_eq!(summary["not_available"], without_redis + without_gateway);
    assert_eq!(summary["as_predicted"], direct * 20 + GATEWAY_CELLS - without_redis - without_gateway);
    assert_eq!(printed["seed"], 7);

    // The same object is kept in the results folder, with the log of every process beside it.
    let latest = tool.results.path().join("latest");
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(latest.join("result.json")).unwrap()).unwrap();
    assert_eq!(kept, printed);
    assert!(latest.join("lab-1").is_dir());
}

#[test]
fn the_schema_test_itself_can_fail() {
    let empty = serde_json::json!({ "seed": -1, "cells": [{}] });
    assert!(faults_by_schema("result", &empty).len() >= 3);
}

#[test]
fn the_same_seed_gives_the_same_schedule_whatever_the_number_of_jobs() {
    let tool = Tool::new();
    let schedule = |jobs: &str, seed: &str| {
        let args = ["matrix", "--only", "flow=whoami,fault=kill", "--seed", seed, "--jobs", jobs, "--json"];
        let (_, printed) = tool.json(&args);
        let cells = printed["cells"].as_array().unwrap().clone();
        cells.iter().map(|cell| format!("{} {}", cell["service"], cell["moment"])).collect::<Vec<_>>()
    };
    let one = schedule("1", "41");
    assert_eq!(one, schedule("4", "41"));
    assert_ne!(one, schedule("4", "42"));
    // Three services, and three steps with 3 × 3 + 1 moments.
    assert_eq!(one.len(), 30);
}

#[test]
fn run_tells_the_story_of_both_twins() {
    let tool = Tool::new();
    let output = tool.run(&["run", "cart", "kill", "--seed", "3"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    for words in [
        "cart × kill × stateful",
        "cart × kill × stateless",
        "── kill",
        "proof: new boot id",
        "session_lost (restart)",
        "predicted  Lost (restart)",
        "observed   Lost (restart)",
        "observed   Survived",
        "as predicted",
        "--seed 3",
    ] {
        assert!(told.contains(words), "{words:?} is missing in:\n{told}");
    }
    assert!(!told.contains('\u{1b}'), "colour in a pipe");
    assert!(told.lines().all(|line| !line.starts_with("  login") || line.chars().count() <= 100), "{told}");
}

#[test]
fn a_restart_at_a_step_is_the_same_cell_as_a_run() {
    let tool = Tool::new();
    let args = ["restart", "stateful-2", "--how", "kill", "--at", "cart:put-pen", "--seed", "1", "--json"];
    let (code, printed) = tool.json(&args);
    assert_eq!(code, 0, "{printed:#}");
    let cell = &printed["cells"][0];
    assert_eq!((&cell["flow"], &cell["fault"]), (&"cart".into(), &"kill".into()));
    assert_eq!(cell["observed"], "Lost");
    assert!(cell["restart"]["boot_after"].as_str().unwrap().starts_with("stateful-2."), "{cell:#}");
    assert!(
        cell["evidence"].as_array().unwrap().iter().all(|asked| asked["replica"] == "stateful-2"),
        "{cell:#}"
    );
}

#[test]
fn zero_operations_exit_2() {
    let tool = Tool::new();
    // This fault does not apply to this service, so there is no cell to try.
    let output = tool.run(&["matrix", "--only", "flow=prime,fault=rotate-key,service=stateful"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("nothing is proven"), "{told}");
    assert!(told.contains("`chaos list` says which fault goes with which service"), "{told}");
}

/// A folder in which `stateful-svc` is the wrong service with this bug. It keeps its sessions in a file,
/// so a restart does not lose them, though the predictions say that it must.
fn wrong_service(bug: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (broken, sessions) = (binaries().join("broken-svc"), folder.path().join("sessions.db"));
    assert!(broken.is_file(), "no broken-svc beside chaos: cargo build --workspace");
    let script =
        format!("#!/bin/sh\nexec {} \"$@\" --store {} --bug {bug}\n", broken.display(), sessions.display());
    service_is(&folder, &script);
    folder
}

fn service_is(folder: &tempfile::TempDir, script: &str) {
    let program = folder.path().join("stateful-svc");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_lab_that_cannot_be_started_any_more_takes_nothing_that_was_tried_with_it() {
    let (tool, folder) = (Tool::new(), tempfile::tempdir().unwrap());
    // Both replicas, and one of them once more; then never again.
    let (service, starts) = (binaries().join("stateful-svc"), folder.path().join("starts"));
    let script = format!(
        "#!/bin/sh\necho >>{0}\n[ $(wc -l <{0}) -le 3 ] || exit 1\nexec {1} \"$@\"\n",
        starts.display(),
        service.display()
    );
    service_is(&folder, &script);
    let args =
        ["matrix", "--only", "flow=whoami,fault=kill,service=stateful,way=direct", "--jobs", "1", "--json"];
    let output = tool.command(&args).env("CHAOS_BIN_DIR", folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("one job less: starting lab 1"), "{said}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(faults_by_schema("result", &result), [""; 0]);
    let cells = result["cells"].as_array().unwrap();
    let tried: Vec<&Value> = cells.iter().filter(|cell| cell["as_predicted"] == true).collect();
    assert_eq!(tried.len(), 1, "{result:#}");
    let broke =
        |cell: &&Value| cell["notes"][0].as_str().unwrap().starts_with("the lab broke: starting lab 1");
    let open: Vec<&Value> = cells.iter().filter(|cell| cell["observed"] == "Inconclusive").collect();
    assert_eq!(open.len(), cells.len() - 1, "{result:#}");
    assert_eq!(
        open.iter().filter(|cell| !broke(cell)).count(),
        1,
        "the one under which it broke: {result:#}"
    );
}

#[test]
fn a_deviation_exits_1_and_says_what_was_expected_what_was_seen_and_the_evidence() {
    let (tool, wrong) = (Tool::new(), wrong_service("none"));
    let args = ["matrix", "--only", "flow=whoami,fault=kill,service=stateful", "--moments", "telling"];
    let output = tool.command(&args).env("CHAOS_BIN_DIR", wrong.path()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in [
        "predicted Lost",
        "whoami × kill × stateful, after login (= before look)",
        "predicted  Lost (restart)",
        "observed   Survived",
        "not as predicted",
        "GET /session",
        "again      chaos run whoami kill --service stateful --at login --phase after",
        "1 deviated",
    ] {
        assert!(told.contains(words), "{words:?} is missing in:\n{told}");
    }
}

#[test]
fn a_service_that_does_not_use_redis_is_tried_beside_one_that_is_hit() {
    let told = Tool::new().run(&["run", "whoami", "redis-lose", "--service", "stateful"]);
    assert_eq!(told.status.code(), Some(if redis_is_here() { 0 } else { 2 }), "{told:?}");
}

#[test]
fn a_restart_that_cannot_be_proven_exits_2() {
    let (tool, wrong) = (Tool::new(), wrong_service("hidden-restart"));
    let args = ["run", "whoami", "kill", "--service", "stateful"];
    let output = tool.command(&args).env("CHAOS_BIN_DIR", wrong.path()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("observed   Inconclusive"), "{told}");
    assert!(told.contains("not proven: stateful-1 says the same boot id as before"), "{told}");
}

#[test]
fn a_promise_broken_while_nothing_happens_exits_3_and_stops_there() {
    let (tool, wrong) = (Tool::new(), wrong_service("forgotten-logout"));
    let args = ["matrix", "--only", "flow=logout,fault=kill,service=stateful"];
    let output = tool.command(&args).env("CHAOS_BIN_DIR", wrong.path()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("logout × nothing × stateful"), "{told}");
    assert!(told.contains("the session answers again after its logout was acknowledged"), "{told}");
}

fn a_cell(flow: Flow, fault: Fault, service: Service, moment: Moment) -> Cell {
    let pause_for = Duration::from_millis(50);
    Cell { flow, fault, service, way: Way::Direct, moment, pause_for, replica: None }
}

#[tokio::test]
async fn undisturbed_every_flow_takes_exactly_the_steps_its_table_names() {
    let service = service::stateless();
    let lab = Lab::of([service.clone()]).gateway().start().await;
    let predictions = Predictions::builtin().unwrap();
    let ways = || FLOWS.iter().flat_map(|row| Way::ALL.map(|way| (row, way)));
    for (row, way) in ways().filter(|(row, way)| row.goes(*way)) {
        if way == Way::Gateway && !gateway_is_here() {
            support::skip("undisturbed_every_flow", "there is no haproxy");
            continue;
        }
        let control =
            run::control(&lab.driver, row.flow, &service, way, &predictions, Draws::new(1)).await.unwrap();
        assert!(control.as_predicted, "{control:#?}");
        let steps: Vec<&str> = control.evidence.iter().map(|asked| asked.step.as_str()).collect();
        let expected: Vec<&str> = row.steps.iter().copied().chain([CLOSING_LOOK]).collect();
        assert_eq!(steps, expected, "{}", row.name);
    }
}

#[tokio::test]
async fn a_killed_stateful_replica_forgets_the_cart_and_a_killed_stateless_one_does_not() {
    let predictions = Predictions::builtin().unwrap();
    for (service, verdict) in
        [(service::stateful(), Verdict::Lost), (service::stateless(), Verdict::Survived)]
    {
        let lab = Lab::of([service.clone()]).start().await;
        let cell = a_cell(Flow::Cart, Fault::Kill, service, Moment::new("put-book", Phase::After));
        let seen = run::cell(&lab.driver, &cell, &predictions, Draws::new(1)).await.unwrap();
        assert_eq!(seen.observed, Observed::Verdict(verdict), "{seen:#?}");
        let restart = seen.restart.clone().expect("a kill is a restart");
        assert_ne!(restart.boot_before, restart.boot_after);
        let met = |boot_id: &str| seen.evidence.iter().any(|asked| asked.boot_id.as_deref() == Some(boot_id));
        assert!(met(&restart.boot_before) && met(&restart.boot_after), "the client met both runs: {seen:#?}");
    }
}

#[tokio::test]
async fn a_blindly_repeated_post_is_duplicated_only_if_the_first_one_took_effect() {
    let predictions = Predictions::builtin().unwrap();
    let service = service::stateless();
    let lab = Lab::of([service.clone()]).start().await;
    for (phase, verdict) in [(Phase::Accepted, Verdict::Recovered), (Phase::Committed, Verdict::Duplicated)] {
        let cell = a_cell(Flow::CartBlind, Fault::Kill, service.clone(), Moment::new("add-pen", phase));
        let seen = run::cell(&lab.driver, &cell, &predictions, Draws::new(1)).await.unwrap();
        assert_eq!(seen.observed, Observed::Verdict(verdict), "{seen:#?}");
    }
}
