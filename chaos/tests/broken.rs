//! Would our checks notice? Each service here is wrong in one way; the matrix or the contract must catch
//! it and say what is wrong. With no bug, the same service must pass: else the catch proves nothing.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::time::Duration;

use chaos::contract::{self, Site};
use chaos::draws::Draws;
use chaos::fault::Fault;
use chaos::flow::{FLOWS, Flow};
use chaos::gates::{self, Point};
use chaos::moment::{Moment, Phase};
use chaos::predict::Predictions;
use chaos::results::{self, Observed};
use chaos::run::{self, Cell};
use chaos::service::{self, Service, Twin};
use chaos::verdict::Verdict;
use chaos::way::Way;
use hyper::Method;
use serde_json::json;
use support::{Call, Lab, Running};
use uuid::Uuid;

/// A service that claims to be the stateless twin and has this bug.
fn wrong(bug: &str) -> Service {
    let mut service = service::stateful().with_args(["--store", "{folder}/sessions.json", "--bug", bug]);
    service.name = service::stateless().name;
    service.twin = Twin::Stateless;
    service.command = "broken-svc".to_owned();
    service
}

async fn lab(bug: &str) -> Running {
    Lab::of([wrong(bug)]).start().await
}

/// One cell of the matrix.
async fn cell(lab: &Running, bug: &str, flow: Flow, fault: Fault, moment: Moment) -> results::Cell {
    let pause_for = Duration::from_millis(50);
    let cell = Cell { flow, fault, service: wrong(bug), way: Way::Direct, moment, pause_for, replica: None };
    run::cell(&lab.driver, &cell, &Predictions::builtin().unwrap(), Draws::new(1)).await.unwrap()
}

/// A flow that nothing happens to.
async fn control(lab: &Running, bug: &str, flow: Flow) -> results::Control {
    run::control(&lab.driver, flow, &wrong(bug), Way::Direct, &Predictions::builtin().unwrap(), Draws::new(1))
        .await
        .unwrap()
}

/// What the contract's rows of this number and with this word in their claim find, in words; empty if
/// they find nothing.
async fn contract(lab: &Running, number: u8, word: &str) -> String {
    let meant = |row: &contract::Row| row.number == number && row.claim.contains(word);
    let rows: Vec<_> = contract::rows().into_iter().filter(meant).collect();
    assert!(!rows.is_empty(), "the contract has no row {number}");
    let found = contract::check(&Site::new(&lab.url("stateless-1")), &rows).await;
    found.iter().filter_map(|(_, outcome)| outcome.as_ref().err()).map(|e| format!("{e}\n")).collect()
}

/// Holds a write at the gate, logs out, lets the write go: it must be refused, and the session stay dead.
async fn revived_by_a_write_in_flight(lab: &Running) -> Option<String> {
    let token = lab.log_in("stateless-1", "ada").await;
    let (base, id) = (lab.url("stateless-1"), Uuid::new_v4());
    let armed = gates::arm(lab.driver.replicas("stateless"), id, Point::Accepted).await.unwrap();
    let write = {
        let (base, token) = (base.clone(), token.clone());
        tokio::spawn(async move {
            let call = Call::new(Method::PUT, "/cart/items/book").token(&token).body(json!({"quantity": 1}));
            call.id(id).send(&base).await.unwrap()
        })
    };
    let held = armed.held(Duration::from_secs(5)).await.unwrap().expect("the write comes to its gate");
    let logout = lab.send("stateless-1", Call::new(Method::DELETE, "/session").token(&token)).await;
    assert_eq!(logout.status, 204);
    held.release().await.unwrap();
    let written = write.await.unwrap().status;
    let look = lab.get("stateless-1", "/session", &token).await.status;
    ((written, look) != (401, 401)).then(|| format!("the write got {written}, and then the session {look}"))
}

#[tokio::test]
async fn without_a_bug_nothing_is_found() {
    let lab = lab("none").await;
    for row in FLOWS.iter().filter(|row| row.goes(Way::Direct)) {
        let seen = control(&lab, "none", row.flow).await;
        assert!(seen.as_predicted, "{seen:#?}");
    }
    for (flow, step, phase) in [
        (Flow::Whoami, "login", Phase::After),
        (Flow::Cart, "put-book", Phase::After),
        (Flow::Order, "place", Phase::Committed),
        (Flow::Logout, "logout", Phase::Committed),
        (Flow::Renew, "renew", Phase::Committed),
    ] {
        let seen = cell(&lab, "none", flow, Fault::Kill, Moment::new(step, phase)).await;
        assert!(seen.as_predicted, "{seen:#?}");
    }
    for number in [36, 42, 43, 44, 48] {
        assert_eq!(contract(&lab, number, "").await, "", "row {number}");
    }
    // Its other side, a hundred careful writers, takes this slow file a minute.
    assert_eq!(contract(&lab, 41, "additions").await, "");
    assert_eq!(revived_by_a_write_in_flight(&lab).await, None);
}

#[tokio::test]
async fn a_forgotten_logout_is_caught_by_the_history() {
    let lab = lab("forgotten-logout").await;
    let seen = control(&lab, "forgotten-logout", Flow::Logout).await;
    assert!(!seen.as_predicted, "{seen:#?}");
    assert_eq!(seen.observed, Observed::Verdict(Verdict::Lost));
    assert!(seen.notes.iter().any(|note| note.contains("after its logout")), "{seen:#?}");
    assert!(contract(&lab, 36, "").await.contains("session_revoked"));
}

#[tokio::test]
async fn an_upsert_that_revives_a_session_is_caught_by_a_write_held_in_flight() {
    let lab = lab("reviving-upsert").await;
    let found = revived_by_a_write_in_flight(&lab).await.expect("a revived session");
    assert_eq!(found, "the write got 200, and then the session 200");
}

#[tokio::test]
async fn a_lost_update_is_caught_by_parallel_adds() {
    let lab = lab("lost-update").await;
    let found = contract(&lab, 41, "additions").await;
    assert!(found.contains("100"), "{found}");
}

#[tokio::test]
async fn an_order_without_its_key_is_caught_as_duplicated() {
    let lab = lab("order-without-key").await;
    let committed = Moment::new("place", Phase::Committed);
    let seen = cell(&lab, "order-without-key", Flow::Order, Fault::Kill, committed).await;
    assert_eq!(seen.predicted, Verdict::Recovered);
    assert_eq!(seen.observed, Observed::Verdict(Verdict::Duplicated), "{seen:#?}");
    assert!(seen.notes.iter().any(|note| note.contains("2 orders")), "{seen:#?}");
}

#[tokio::test]
async fn a_key_made_at_boot_is_caught_as_a_token_that_is_no_longer_valid() {
    let lab = lab("key-made-at-boot").await;
    let seen =
        cell(&lab, "key-made-at-boot", Flow::Whoami, Fault::Kill, Moment::new("login", Phase::After)).await;
    assert_eq!(seen.predicted, Verdict::Survived);
    assert_eq!(seen.observed, Observed::Verdict(Verdict::Lost), "{seen:#?}");
    assert_eq!(seen.reason.as_deref(), Some("token_invalid"));
}

#[tokio::test]
async fn ids_that_are_used_again_are_caught_as_somebody_elses_session() {
    let lab = lab("ids-reused").await;
    let seen = cell(&lab, "ids-reused", Flow::Whoami, Fault::Kill, Moment::new("login", Phase::After)).await;
    assert_eq!(seen.observed, Observed::Verdict(Verdict::Lost), "{seen:#?}");
    assert!(seen.notes.iter().any(|note| note.contains("another session")), "{seen:#?}");
}

#[tokio::test]
async fn a_restart_that_does_not_show_proves_nothing() {
    let lab = lab("hidden-restart").await;
    let seen =
        cell(&lab, "hidden-restart", Flow::Whoami, Fault::Kill, Moment::new("login", Phase::After)).await;
    assert_eq!(seen.observed, Observed::Inconclusive, "{seen:#?}");
    assert!(!seen.as_predicted);
    assert!(seen.notes.iter().any(|note| note.contains("not proven")), "{seen:#?}");
}

#[tokio::test]
async fn a_service_that_says_yes_to_everything_keeps_no_promise() {
    let lab = lab("yes-to-everything").await;
    for row in FLOWS.iter().filter(|row| row.goes(Way::Direct)) {
        let seen = control(&lab, "yes-to-everything", row.flow).await;
        assert!(!seen.as_predicted, "{} believed it: {seen:#?}", row.name);
    }
    // Without a hash to wait for, two hundred logins at once may all be let in.
    for row in contract::rows().iter().filter(|row| row.number != 14) {
        let found = contract(&lab, row.number, row.claim).await;
        assert!(!found.is_empty(), "row {} ({}) believed it", row.number, row.claim);
    }
    // And it is the row that says so, and not a rule for all answers.
    let said = [
        (1, "malformed_json"),
        (2, "validation_failed"),
        (3, "unsupported_media_type"),
        (4, "payload_too_large"),
        (8, "method_not_allowed"),
        (11, "csrf_rejected"),
        (12, "invalid_credentials"),
        (17, "account_exists"),
        (18, "credentials_missing"),
        (19, "session_revoked (session_limit)"),
        (21, "ambiguous_credentials"),
        (22, "token_malformed"),
        (30, "token_invalid"),
    ];
    for (number, words) in said {
        let found = contract(&lab, number, "").await;
        assert!(found.contains(&format!(" {words}")), "row {number}: {found}");
    }
}

#[tokio::test]
async fn a_renewal_that_forks_is_caught_by_a_second_successor() {
    let lab = lab("forked-renewal").await;
    let found = contract(&lab, 43, "").await;
    assert!(!found.is_empty(), "two successors of one token, and nobody noticed");
}
