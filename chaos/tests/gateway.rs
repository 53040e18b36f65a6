//! Does the tool tell the truth about what a gateway does? Real cells through a real HAProxy; and where the
//! gateway, or the service behind it, is wrong, the cells must not pass.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use chaos::contract::{self, Site};
use chaos::draws::Draws;
use chaos::driver::local::{haproxy, redis_server};
use chaos::fault::Fault;
use chaos::flow::Flow;
use chaos::moment::{Moment, Phase};
use chaos::predict::Predictions;
use chaos::results::{self, Observed};
use chaos::run::{self, Cell};
use chaos::service::{self, Service, Twin};
use chaos::verdict::Verdict;
use chaos::way::Way;
use support::{Lab, Running};

/// Whether there is a gateway to be had; said aloud if not.
fn gateway_is_here(test: &str) -> bool {
    let here = haproxy::find().is_some();
    if !here {
        support::skip(test, "there is no haproxy (apt-get install haproxy)");
    }
    here
}

async fn cell(lab: &Running, service: Service, flow: Flow, fault: Fault, moment: Moment) -> results::Cell {
    let pause_for = Duration::from_millis(50);
    let cell = Cell { flow, fault, service, way: Way::Gateway, moment, pause_for, replica: None };
    let predictions = Predictions::builtin().unwrap();
    let seen = run::cell(&lab.driver, &cell, &predictions, Draws::new(1)).await.unwrap();
    if seen.observed != Observed::Inconclusive {
        return seen;
    }
    // As a matrix does: on a busy machine the gateway may notice a death before the client meets it.
    lab.driver.heal().await.unwrap();
    run::cell(&lab.driver, &cell, &predictions, Draws::new(1)).await.unwrap()
}

fn replicas(cell: &results::Cell) -> Vec<&str> {
    cell.evidence.iter().map(|asked| asked.replica.as_deref().unwrap_or("?")).collect()
}

#[tokio::test]
async fn a_kill_costs_one_503_and_the_repeat_reaches_the_sibling() {
    if !gateway_is_here("a_kill_costs_one_503_and_the_repeat_reaches_the_sibling") {
        return;
    }
    let lab = Lab::of([service::stateless()]).gateway().start().await;
    let moment = Moment::new("put-book", Phase::After);
    let seen = cell(&lab, service::stateless(), Flow::Spread, Fault::Kill, moment).await;
    assert!(seen.as_predicted, "{seen:#?}");
    assert_eq!(seen.reason.as_deref(), Some("gateway_503"));
    let who = replicas(&seen);
    assert_eq!(who[2], "gateway", "{who:?}");
    assert_eq!(who[3], who[1], "the sibling of the one that was killed answers the repeat: {who:?}");
    let killed = seen.restart.as_ref().unwrap().boot_before.rsplit_once('.').unwrap().0;
    assert_eq!(killed, who[0], "the one whose turn it was is the one that was killed: {who:?}");
}

#[tokio::test]
async fn draining_loses_no_request_and_yet_a_session() {
    if !gateway_is_here("draining_loses_no_request_and_yet_a_session") {
        return;
    }
    let lab = Lab::twins().gateway().start().await;
    let moment = Moment::new("put-book", Phase::Committed);
    for service in service::twins() {
        let seen = cell(&lab, service.clone(), Flow::Sticky, Fault::Drain, moment).await;
        assert!(seen.as_predicted, "{seen:#?}");
        assert!(seen.proof.as_ref().unwrap().contains("DOWN"), "{seen:#?}");
        let failed = |status: u16| status >= 500;
        assert!(!seen.evidence.iter().any(|asked| asked.status.is_none_or(failed)), "{seen:#?}");
        let lost = service.twin == Twin::Stateful;
        assert_eq!(seen.observed == Observed::Verdict(Verdict::Lost), lost, "{seen:#?}");
    }
}

#[tokio::test]
async fn a_gateway_that_never_takes_anybody_out_cannot_be_drained_from() {
    if !gateway_is_here("a_gateway_that_never_takes_anybody_out_cannot_be_drained_from") {
        return;
    }
    let lab = Lab::of([service::stateless()]).wrong_gateway("fall 2", "fall 1000000").start().await;
    let before = lab.driver.boot_id("stateless-1").await.unwrap();
    let moment = Moment::new("put-book", Phase::After);
    let seen = cell(&lab, service::stateless(), Flow::Sticky, Fault::Drain, moment).await;
    assert_eq!(seen.observed, Observed::Inconclusive, "{seen:#?}");
    assert!(seen.notes[0].contains("the gateway still sends requests there"), "{seen:#?}");
    assert_eq!(lab.driver.boot_id("stateless-1").await.unwrap(), before, "who still serves is not stopped");
}

#[tokio::test]
async fn a_service_that_always_says_ready_cannot_be_drained() {
    if !gateway_is_here("a_service_that_always_says_ready_cannot_be_drained") {
        return;
    }
    let mut wrong =
        service::stateful().with_args(["--store", "{folder}/sessions.json", "--bug", "always-ready"]);
    wrong.name = service::stateless().name;
    wrong.twin = Twin::Stateless;
    wrong.command = "broken-svc".to_owned();
    let lab = Lab::of([wrong.clone()]).gateway().start().await;
    let moment = Moment::new("put-book", Phase::After);
    let seen = cell(&lab, wrong, Flow::Sticky, Fault::Drain, moment).await;
    assert_eq!(seen.observed, Observed::Inconclusive, "{seen:#?}");
    assert!(seen.notes[0].contains("the gateway still sends requests there: UP"), "{seen:#?}");
}

#[tokio::test]
async fn a_gateway_that_repeats_by_itself_does_not_make_a_survivor() {
    if !gateway_is_here("a_gateway_that_repeats_by_itself_does_not_make_a_survivor") {
        return;
    }
    let lab = Lab::of([service::stateless()])
        .wrong_gateway("retries 0\n    no option redispatch", "retries 3\n    option redispatch 1")
        .start()
        .await;
    // A request that was held got its answer before the replica went; then it is the one after it that must meet the gap.
    for (flow, fault, phase) in [
        (Flow::Spread, Fault::Kill, Phase::After),
        (Flow::Sticky, Fault::Graceful, Phase::Committed),
        (Flow::Sticky, Fault::Rolling, Phase::Accepted),
        // Here the first gap is nobody's, and the second one must be met.
        (Flow::Spread, Fault::Rolling, Phase::Accepted),
    ] {
        let moment = Moment::new("put-book", phase);
        let seen = cell(&lab, service::stateless(), flow, fault, moment).await;
        assert_eq!(seen.observed, Observed::Inconclusive, "{seen:#?}");
        assert!(seen.notes[0].contains("asked again by itself"), "{seen:#?}");
    }
}

#[tokio::test]
async fn a_gateway_that_sticks_to_nothing_is_caught_while_nothing_happens() {
    if !gateway_is_here("a_gateway_that_sticks_to_nothing_is_caught_while_nothing_happens") {
        return;
    }
    let lab = Lab::of([service::stateful()])
        .wrong_gateway("stick store-response", "# stick store-response")
        .start()
        .await;
    let predictions = Predictions::builtin().unwrap();
    let (flow, service) = (Flow::Sticky, service::stateful());
    let control =
        run::control(&lab.driver, flow, &service, Way::Gateway, &predictions, Draws::new(1)).await.unwrap();
    assert!(!control.as_predicted, "{control:#?}");
    assert_eq!(control.reason.as_deref(), Some("other_instance"));
}

#[tokio::test]
async fn the_contract_holds_through_the_entry_that_fits_the_service() {
    if !gateway_is_here("the_contract_holds_through_the_entry_that_fits_the_service") {
        return;
    }
    let lab = Lab::twins().gateway().start().await;
    let entries = lab.driver.gateway().unwrap().entries.clone();
    // One after the other: a row that wants to be alone is not beside the rows of the other service either.
    for (entry, know_all_sessions) in
        [(&entries["stateful"].sticky, false), (&entries["stateless"].round_robin, true)]
    {
        let site = Site::new(entry);
        let behind = contract::behind::look(&site).await.unwrap();
        assert_eq!((behind.replicas.len(), behind.know_all_sessions), (2, know_all_sessions));
        let rows: Vec<contract::Row> =
            contract::rows().into_iter().filter(|row| behind.excuses(row).is_none()).collect();
        let mut found = contract::check(&site, &rows).await;
        for (row, outcome) in &mut found {
            let late = |deviation: &String| {
                deviation.contains("session_store_unavailable") && deviation.contains("timeout")
            };
            if outcome.as_ref().err().map(ToString::to_string).as_ref().is_some_and(late) {
                // The store ran out of its 200 ms: on a busy machine that says nothing about this row.
                *outcome = contract::check(&site, &[*row]).await.remove(0).1;
            }
        }
        let broken: Vec<String> = found
            .iter()
            .filter_map(|(_, outcome)| outcome.as_ref().err())
            .map(|e| format!("{e}\n"))
            .collect();
        assert_eq!(broken, [] as [String; 0], "at {entry}");
    }
}

#[tokio::test]
async fn where_sessions_lose_their_way_the_contract_is_not_asked() {
    if !gateway_is_here("where_sessions_lose_their_way_the_contract_is_not_asked") {
        return;
    }
    let lab = Lab::of([service::stateful()]).gateway().start().await;
    let entry = &lab.driver.gateway().unwrap().entries["stateful"].round_robin;
    let error = contract::behind::look(&Site::new(entry)).await.unwrap_err().to_string();
    assert!(error.contains("sessions lose their way"), "{error}");
    let error = contract::behind::look(&Site::new(&lab.url("stateful-1"))).await.unwrap_err().to_string();
    assert!(error.contains("leave out --way gateway"), "{error}");

    // A row that means nothing there is not a row that holds.
    let sticky = &lab.driver.gateway().unwrap().entries["stateful"].sticky;
    let mut alone = Command::new(env!("CARGO_BIN_EXE_chaos"));
    let alone = alone.args(["contract", "--way", "gateway", "--row", "4", sticky]).output().unwrap();
    let told = String::from_utf8_lossy(&alone.stdout).into_owned();
    assert!(alone.status.code() == Some(2) && told.contains("nothing of this can be checked"), "{alone:?}");
}

/// The tool, with results in `folder`, where only these programs are installed.
fn chaos(folder: &Path, programs: &[&Path], args: &[&str]) -> Output {
    let bin = folder.join("programs");
    std::fs::create_dir_all(&bin).unwrap();
    for program in programs {
        let link = bin.join(program.file_name().unwrap());
        if !link.exists() {
            std::os::unix::fs::symlink(program, link).unwrap();
        }
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.args(args).env("PATH", &bin).env("CHAOS_RESULTS", folder.join("results"));
    command.env_remove("LAB_DATABASE").output().unwrap()
}

#[test]
fn without_haproxy_what_goes_through_it_is_not_available_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let redis = redis_server::find().map(|found| found.program);
    let programs: Vec<&Path> = redis.iter().map(|program| program.as_path()).collect();
    let only = "flow=spread,fault=kill,service=stateful";
    let output = chaos(folder.path(), &programs, &["matrix", "--moments", "telling", "--only", only]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    for words in
        ["1 cell as predicted, 1 not available", "nothing was tried", "1 cell was not tried", "no haproxy"]
    {
        assert!(told.contains(words), "{words:?} is missing in:\n{told}");
    }
    let output = chaos(folder.path(), &programs, &["run", "sticky", "kill-sibling"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("this was not tried") && told.contains("apt install haproxy"), "{told}");
}

#[test]
fn the_table_of_the_gateway_is_at_most_100_columns_wide_and_names_its_entries() {
    if !gateway_is_here("the_table_of_the_gateway_is_at_most_100_columns_wide_and_names_its_entries") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (gateway, redis) =
        (haproxy::find().unwrap().program, redis_server::find().map(|found| found.program));
    let programs: Vec<&Path> = redis.iter().chain([&gateway]).map(|program| program.as_path()).collect();
    let only = "way=gateway,fault=kill,fault=kill-sibling";
    let output = chaos(folder.path(), &programs, &["matrix", "--moments", "telling", "--only", only]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    for words in ["through the gateway", "· round robin", "· sticky", "kill-sibling"] {
        assert!(told.contains(words), "{words:?} is missing in:\n{told}");
    }
    assert!(
        !told.contains("whoami"),
        "a flow that does not go through the gateway has no place there:\n{told}"
    );
}
