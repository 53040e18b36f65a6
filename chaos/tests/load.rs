//! Does a load tell the truth: with real restarts, with a service that forgets logouts, and with one whose
//! restarts do not happen?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;
#[path = "support/schema.rs"]
mod schema;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use chaos::cli::{self, Cli};
use chaos::client::{Account, Client, Entry};
use chaos::cue::Cue;
use chaos::draws::Draws;
use chaos::driver::local::redis_server;
use chaos::flow::Flow;
use chaos::load::report::LoadReport;
use chaos::load::{self, LoadArgs};
use chaos::service::{self, Keys, Service, Twin};
use clap::Parser;
use jiff::Timestamp;
use schema::faults_by_schema;
use serde_json::Value;
use support::Lab;

fn args(more: &[&str]) -> LoadArgs {
    let every = if more.contains(&"--every") { &[][..] } else { &["--every", "700ms"] };
    let lasts = if more.contains(&"--for") { &[][..] } else { &["--for", "3s"] };
    let typed = ["chaos", "load", "--clients", "8", "--pace", "40ms"];
    match Cli::try_parse_from(typed.iter().chain(every).chain(lasts).chain(more)).unwrap().command {
        Some(cli::Command::Load(args)) => args,
        other => panic!("{other:?}"),
    }
}

async fn load(service: Service, more: &[&str]) -> LoadReport {
    let args = args(more);
    let lab = Lab::of([service.clone()]).start().await;
    let played = load::play(&lab.driver, &[service], &args, 7).await.unwrap();
    let store = lab.driver.store().why().to_owned();
    let report = LoadReport::new(&args, 7, Timestamp::now(), "local", &store, &played).unwrap();
    eprintln!("{}", report.text(chaos::report::paint::Paint::dry()));
    assert_eq!(faults_by_schema("load", &printed(&report)), [""; 0]);
    report
}

fn printed(report: &LoadReport) -> Value {
    serde_json::from_str(&report.to_json().unwrap()).unwrap()
}

#[tokio::test]
async fn the_schema_of_a_load_is_no_formality() {
    let report = load(service::stateful(), &["--for", "1s", "--every", "400ms"]).await;
    let mut odd = printed(&report);
    odd["services"][0]["outages"][0]["fault"] = "A Fault".into();
    odd["services"][0]["tally"]["availability"] = 99.into();
    odd["services"][0]["requests"][0]["secret"] = "token".into();
    assert_eq!(faults_by_schema("load", &odd).len(), 3);
}

/// A service where the wizard's page of the address goes like this, try by try: a status and a body, or no answer at all.
/// Everything else goes well.
fn stumbles(mut tries: std::vec::IntoIter<Option<(u16, &'static str)>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let head: Vec<String> =
                reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let length = head
                .iter()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            reader.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
            let asked = head[0].split(' ').take(2).collect::<Vec<_>>().join(" ");
            let (status, body) = match asked.as_str() {
                "PUT /checkout/address" | "GET /checkout" => match tries.next() {
                    Some(Some(answer)) => answer,
                    _ => continue,
                },
                "POST /session" => (201, r#"{"token":"t","account":"ada","session_id":"s"}"#),
                "POST /orders" => (201, r#"{"id":"o","items":[],"address":{},"payment":{}}"#),
                "PUT /checkout/payment" => (200, r#"{"missing":[]}"#),
                _ => (200, r#"{"items":[],"version":1,"account":"ada","session_id":"s"}"#),
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_patient_client_finishes_a_wizard_that_stumbles_again_on_its_way_back() {
    let later = r#"{"status":503,"code":"session_store_unavailable","reason":"timeout","retryable":true}"#;
    let (missing, done) = (r#"{"missing":["address"]}"#, r#"{"missing":[]}"#);
    let tries = vec![None, Some((503, later)), Some((200, missing)), Some((503, later)), Some((200, done))];
    let entry = Entry { name: "a-1".to_owned(), url: stumbles(tries.into_iter()) };
    let client = Client::since(Instant::now(), Account::fresh(), vec![entry], Draws::new(7));
    let (cue, _) = Cue::patient(3);
    assert_eq!(Flow::Checkout.play(&client, &cue).await, Ok(()), "{:#?}", client.log());
    assert_eq!(cue.moves_made().len(), 3, "{:?}", cue.moves_made());
}

fn broken(bug: &str) -> Service {
    let mut service = service::stateful().with_args(["--store", "{folder}/sessions.json", "--bug", bug]);
    service.twin = Twin::Stateless;
    service.keys = Keys::Lasting;
    service.command = "broken-svc".to_owned();
    service
}

#[tokio::test]
async fn a_stateless_service_loses_nothing_acknowledged_and_every_stateful_loss_has_its_restart() {
    for service in service::twins() {
        let report = load(service, &["--fault", "kill,graceful", "--for", "5s"]).await;
        let one = &report.services[0];
        assert_eq!(report.conclusion.exit_code(), 0, "{one:?}");
        assert!(one.outages.len() >= 3 && one.outages.iter().all(|outage| outage.proven), "{one:?}");
        assert!(one.tally.requests > 100 && one.tally.during.requests > 0, "{:?}", one.tally);
        let due = one.tally.requests + one.tally.unsent;
        assert_eq!(due as u64, one.tally.during.requests + one.tally.outside.requests);
        let lost = one.flows.values().flatten().any(|(verdict, _)| verdict == "Lost (restart)");
        assert_eq!(lost, one.service == "stateful", "{:?}", one.flows);
    }
}

#[tokio::test]
async fn a_replica_that_stands_still_makes_all_wait_that_should_have_been_asked_of_it() {
    // Each replica is paused once for 800 ms, in which each of its four clients should have asked 20 times.
    let more = ["--fault", "pause", "--every", "1s", "--outage", "800ms"];
    let report = load(service::stateful(), &more).await;
    let one = &report.services[0];
    assert_eq!(report.conclusion.exit_code(), 0, "{one:?}");
    assert_eq!(one.outages.len(), 2, "{:?}", one.outages);
    // Were it not for the appointments, each client would have met a pause with one request, and waited for it alone.
    assert!(one.tally.during.requests >= 2 * 4 * 20 * 9 / 10, "{:?}", one.tally);
    assert!((250.0..=700.0).contains(&one.tally.during.p50_ms), "{:?}", one.tally);
    assert!(one.tally.outside.p50_ms < 100.0, "{:?}", one.tally);
}

#[tokio::test]
async fn a_logout_that_is_forgotten_is_wrong_and_no_restart_excuses_it() {
    assert_eq!(load(broken("none"), &[]).await.conclusion.exit_code(), 0);
    let report = load(broken("forgotten-logout"), &[]).await;
    assert_eq!(report.conclusion.exit_code(), 1);
    let one = &report.services[0];
    assert!(one.unexplained.iter().any(|loss| loss.reason == "logout_forgotten"), "{:?}", one.unexplained);
    assert!(one.violations.iter().any(|it| it.reason == "logout_forgotten"), "{:?}", one.violations);
}

#[tokio::test]
async fn a_loss_that_no_restart_may_cost_is_not_explained_by_one() {
    // It claims that its sessions outlive it, and logs everyone out at every start.
    for fault in ["kill", "rolling"] {
        let report = load(broken("key-made-at-boot"), &["--fault", fault]).await;
        assert_eq!(report.conclusion.exit_code(), 1, "{fault}");
        let one = &report.services[0];
        assert!(one.outages.iter().all(|outage| outage.proven), "{:?}", one.outages);
        let lost = one.unexplained.iter().filter(|loss| loss.reason == "token_invalid").count();
        assert!(lost > 0, "{fault}: {:?}", one.flows);
    }
}

#[tokio::test]
async fn a_rolling_restart_explains_what_every_replica_forgot() {
    let report = load(service::stateful(), &["--fault", "rolling"]).await;
    assert_eq!(report.conclusion.exit_code(), 0);
    let one = &report.services[0];
    assert!(one.outages.iter().all(|outage| outage.ended.len() == 2), "{:?}", one.outages);
    assert!(one.flows.values().flatten().any(|(verdict, _)| verdict == "Lost (restart)"), "{:?}", one.flows);
}

#[tokio::test]
async fn a_redis_that_loses_what_it_has_explains_a_loss_and_one_that_keeps_it_has_none_to_explain() {
    if redis_server::find().is_none() {
        return support::skip("a load on a Redis that loses", "no redis-server; apt install redis-server");
    }
    for (fault, loses) in [("redis-lose", true), ("redis-restart", false), ("redis-down", false)] {
        let report = load(service::stateless(), &["--fault", fault, "--outage", "100ms"]).await;
        assert_eq!(report.conclusion.exit_code(), 0, "{fault}");
        let one = &report.services[0];
        let lost = one.flows.values().flatten().any(|(verdict, _)| verdict == "Lost (store_reset)");
        assert_eq!(lost, loses, "{fault}: {:?}", one.flows);
    }
}

#[tokio::test]
async fn restarts_that_do_not_happen_prove_nothing_and_excuse_nothing() {
    let report = load(broken("hidden-restart"), &[]).await;
    let one = &report.services[0];
    assert!(!one.outages.is_empty() && one.outages.iter().all(|outage| !outage.proven), "{:?}", one.outages);
    // 1 if a flow got lost in one of them, else 2; never 0.
    assert_eq!(report.conclusion.exit_code(), if one.unexplained.is_empty() { 2 } else { 1 });
}

#[tokio::test]
async fn no_fault_within_the_time_proves_nothing() {
    let report = load(service::stateful(), &["--every", "1h"]).await;
    assert!(report.services[0].outages.is_empty());
    assert_eq!(report.conclusion.exit_code(), 2);
}

#[tokio::test]
async fn faults_that_take_longer_than_the_time_between_two_end_with_the_load() {
    for every in ["0s", "1ms"] {
        let report = load(service::stateless(), &["--for", "2s", "--every", every]).await;
        let one = &report.services[0];
        assert!(one.outages.len() >= 3, "the control: they come one after the other: {:?}", one.outages);
        // Times count from before the accounts were made, hence the first and not zero. An appointed time alone would
        // have let thousands follow; the second more is for a busy machine.
        let last = one.outages.last().unwrap().from_ms - one.outages[0].from_ms;
        assert!(last <= 3000.0, "every {every}: {last} ms, {} faults", one.outages.len());
    }
}

#[test]
fn a_load_whose_own_clients_could_not_connect_does_not_begin() {
    let chaos = |limit: &str| {
        let line = format!(
            "ulimit {limit}; exec '{}' load --clients 300 --for 1s --service stateful",
            env!("CARGO_BIN_EXE_chaos")
        );
        let folder = tempfile::tempdir().unwrap();
        let mut sh = Command::new("sh");
        sh.args(["-c", &line]).env("CHAOS_RESULTS", folder.path()).env_remove("LAB_DATABASE");
        let output = sh.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = chaos("-n 256");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("428 open files are needed for 300 clients, and 256 are allowed"), "{said}");
    // What a shell was given is not all that the system allows: then the tool takes more, and nobody is let down
    // (2: in one second no fault strikes).
    let (code, said) = chaos("-Sn 256");
    assert_eq!(code, Some(2), "{said}");
}
