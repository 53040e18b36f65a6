//! What does a driver promise? Each promise is kept by every driver there is; a driver is one line in
//! [`drivers`].

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "../support/mod.rs"]
mod support;
mod redis;
mod stores;
mod gateway;

use std::time::Duration;

use chaos::driver::{Driver, DriverName, Target};
use chaos::fault::{self, Aim, Fault, Strike};
use chaos::gates::{self, Point};
use chaos::http::NoAnswer;
use chaos::service;
use chaos::way::Way;
use hyper::Method;
use serde_json::json;
use support::postgres::Postgres;
use support::{Call, Lab, Running};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(5);

/// The same lab on every driver that this run has.
async fn drivers(lab: impl Fn() -> Lab) -> Vec<Running> {
    let mut labs = local(&lab).await;
    if support::docker("the same promises") {
        labs.push(lab().on(DriverName::Docker).start().await);
    }
    labs
}

/// The same, for a promise that only processes on this machine can keep; each says why.
async fn local(lab: impl Fn() -> Lab) -> Vec<Running> {
    vec![lab().start().await]
}

/// Nothing held, nobody waiting: a fault between two requests.
fn aim<'a>(driver: &'a Driver, replica: &'a str) -> Aim<'a> {
    let service = &driver.replica(replica).unwrap().service;
    let pause_for = Duration::from_millis(50);
    Aim { driver, service, replica, way: Way::Direct, held: None, pause_for }
}

async fn strike(lab: &Running, fault: Fault, replica: &str) -> Strike {
    let strike = fault::strike(fault, aim(&lab.driver, replica)).await.unwrap();
    eprintln!("{fault}: {strike:?}");
    strike
}

fn has_redis(lab: &Running, test: &str) -> bool {
    let there = lab.driver.redis_url().is_ok();
    if !there {
        support::skip(test, lab.driver.store().why());
    }
    there
}

#[tokio::test]
async fn a_lab_is_ready_when_start_returns_and_each_replica_has_a_boot_id_of_its_own() {
    for lab in drivers(Lab::twins).await {
        let mut boots = Vec::new();
        for replica in lab.driver.all_replicas() {
            let ready = lab.driver.ready(&replica.name, SOON).await.unwrap();
            assert!(ready.boot_id.starts_with(&format!("{}.", replica.name)), "{ready:?}");
            boots.push(ready.boot_id);
        }
        assert_eq!(boots.len(), 4);
        boots.sort();
        boots.dedup();
        assert_eq!(boots.len(), 4);
    }
}

#[tokio::test]
async fn a_graceful_restart_is_proven_and_its_down_time_is_split() {
    for lab in drivers(Lab::twins).await {
        for replica in ["stateful-1", "stateless-1"] {
            let url = lab.url(replica);
            let strike = strike(&lab, Fault::Graceful, replica).await;
            assert!(strike.proof.proven, "{:?}", strike.proof);
            let times = strike.restart.unwrap();
            assert_ne!(times.boot_before, times.boot_after);
            assert_eq!(lab.driver.boot_id(replica).await.unwrap(), times.boot_after);
            assert!(times.stop_ms >= 0.0 && times.gone_ms >= 0.0 && times.ready_ms > 0.0, "{times:?}");
            assert_eq!(lab.url(replica), url, "a replica keeps its address");
        }
    }
}

#[tokio::test]
async fn a_kill_is_proven_and_leaves_the_siblings_alone() {
    for lab in drivers(Lab::twins).await {
        let sibling = lab.driver.boot_id("stateless-2").await.unwrap();
        let strike = strike(&lab, Fault::Kill, "stateless-1").await;
        assert!(strike.proof.proven, "{:?}", strike.proof);
        assert_eq!(lab.driver.boot_id("stateless-2").await.unwrap(), sibling);
    }
}

#[tokio::test]
async fn a_rolling_restart_renews_every_replica_and_one_of_them_always_answers() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        let (one, two) = (lab.url("stateless-1"), lab.url("stateless-2"));
        let restart = strike(&lab, Fault::Rolling, "stateless-2");
        tokio::pin!(restart);
        let strike = loop {
            let look = async {
                let one = Call::new(Method::GET, "/livez").send(&one).await.is_ok();
                one || Call::new(Method::GET, "/livez").send(&two).await.is_ok()
            };
            tokio::select! {
                strike = &mut restart => break strike,
                answers = look => assert!(answers, "no replica answered during a rolling restart"),
            }
        };
        assert!(strike.proof.proven, "{:?}", strike.proof);
        assert_eq!(strike.proof.what.matches("new boot id").count(), 2, "{:?}", strike.proof);
        assert!(strike.restart.unwrap().boot_after.starts_with("stateless-2."), "the aimed one goes first");
    }
}

#[tokio::test]
async fn a_paused_replica_is_seen_stopped_and_answers_when_it_goes_on() {
    for lab in drivers(|| Lab::of([service::stateful()])).await {
        let mut strike = strike(&lab, Fault::Pause, "stateful-1").await;
        assert!(!strike.proof.proven, "no request has been open yet");
        let url = lab.url("stateful-1");
        let boot = lab.driver.boot_id("stateful-2").await.unwrap();
        let request = tokio::spawn(async move { Call::new(Method::GET, "/livez").send(&url).await });
        assert!(lab.driver.is_frozen("stateful-1").await.unwrap());
        fault::undo(&mut strike, &lab.driver).await.unwrap();
        assert!(strike.proof.proven, "{:?}", strike.proof);
        assert_eq!(request.await.unwrap().unwrap().status, 200);
        assert!(!lab.driver.is_frozen("stateful-1").await.unwrap());
        assert_eq!(lab.driver.boot_id("stateful-2").await.unwrap(), boot);
    }
}

/// Sends a request that is held at `point`, strikes, and says what the client got.
async fn struck_in_flight(
    lab: &Running,
    fault: Fault,
    replica: &str,
    point: Point,
) -> (Strike, Result<u16, NoAnswer>) {
    let (id, url) = (Uuid::new_v4(), lab.url(replica));
    let service = lab.driver.replica(replica).unwrap().service.clone();
    let armed = gates::arm(lab.driver.replicas(&service), id, point).await.unwrap();
    let call = async move { Call::new(Method::GET, "/prime/97").id(id).send(&url).await };
    let client = tokio::spawn(async move { call.await.map(|answer| answer.status) });
    let held = armed.held(SOON).await.unwrap().expect("the request is held");
    assert_eq!(held.replica, replica);
    assert!(!client.is_finished());
    let aim = Aim { held: Some(held), ..aim(&lab.driver, replica) };
    let mut strike = fault::strike(fault, aim).await.unwrap();
    eprintln!("{fault} at {point:?}: {strike:?}");
    let answer = client.await.unwrap();
    fault::undo(&mut strike, &lab.driver).await.unwrap();
    (strike, answer)
}

#[tokio::test]
async fn a_request_in_flight_is_answered_by_a_graceful_restart_and_a_pause_and_lost_by_a_kill() {
    for lab in drivers(Lab::twins).await {
        for replica in ["stateful-1", "stateless-2"] {
            for point in [Point::Accepted, Point::Committed] {
                for fault in [Fault::Graceful, Fault::Pause, Fault::Rolling] {
                    let (strike, answer) = struck_in_flight(&lab, fault, replica, point).await;
                    assert!(strike.proof.proven, "{fault}: {:?}", strike.proof);
                    assert_eq!(answer, Ok(200), "{fault} at {point:?} of {replica}");
                }
                let (strike, answer) = struck_in_flight(&lab, Fault::Kill, replica, point).await;
                assert!(strike.proof.proven, "{:?}", strike.proof);
                assert_eq!(answer, Err(NoAnswer::Reset), "kill at {point:?} of {replica}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_no_gate_holds_passes_and_is_reported_as_not_held() {
    for lab in drivers(|| Lab::of([service::stateful()])).await {
        let armed =
            gates::arm(lab.driver.replicas("stateful"), Uuid::new_v4(), Point::Accepted).await.unwrap();
        let other = Call::new(Method::GET, "/prime/97").id(Uuid::new_v4());
        assert_eq!(lab.send("stateful-1", other).await.status, 200);
        assert!(armed.held(Duration::from_millis(50)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_key_is_rotated_with_overlap_and_old_tokens_live_and_without_and_they_die() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        let ada = lab.log_in("stateless-1", "ada").await;
        let overlap = strike(&lab, Fault::RotateKey, "stateless-1").await;
        assert!(overlap.proof.proven, "{:?}", overlap.proof);
        for replica in ["stateless-1", "stateless-2"] {
            assert_eq!(lab.get(replica, "/session", &ada).await.status, 200, "{replica}");
        }
        let hard = strike(&lab, Fault::RotateKeyHard, "stateless-1").await;
        assert!(hard.proof.proven, "{:?}", hard.proof);
        for replica in ["stateless-1", "stateless-2"] {
            let answer = lab.get(replica, "/session", &ada).await;
            assert_eq!((answer.status, answer.code()), (401, "token_invalid"), "{replica}");
        }
    }
}

#[tokio::test]
async fn the_ephemeral_key_logs_everyone_out_at_each_restart() {
    for lab in drivers(|| Lab::of([service::stateless_ephemeral_key()]).replicas(1)).await {
        let replica = "stateless-ephemeral-key-1";
        let ada = lab.log_in(replica, "ada").await;
        assert!(strike(&lab, Fault::Graceful, replica).await.proof.proven);
        assert_eq!(lab.get(replica, "/session", &ada).await.code(), "token_invalid");
    }
}

#[tokio::test]
async fn accounts_outlive_every_restart() {
    for lab in drivers(|| Lab::of([service::stateful()])).await {
        lab.log_in("stateful-1", "ada").await;
        strike(&lab, Fault::Kill, "stateful-1").await;
        let again = json!({ "name": "ada", "password": support::PASSWORD });
        let answer = lab.send("stateful-2", Call::new(Method::POST, "/session").body(again)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test]
async fn accounts_can_live_in_postgres() {
    let Some(postgres) = Postgres::start() else { return };
    // In containers they always do; `accounts_outlive_every_restart` says so there.
    for lab in local(|| Lab::twins().postgres(&postgres)).await {
        for service in ["stateful", "stateless"] {
            let (one, two) = (format!("{service}-1"), format!("{service}-2"));
            lab.log_in(&one, "ada").await;
            assert!(strike(&lab, Fault::Kill, &one).await.proof.proven);
            let again = json!({ "name": "ada", "password": support::PASSWORD });
            let answer = lab.send(&two, Call::new(Method::POST, "/session").body(again)).await;
            assert_eq!(answer.status, 201, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn healing_undoes_whatever_is_in_force_and_can_be_repeated() {
    for lab in drivers(Lab::twins).await {
        lab.driver.freeze("stateful-1").await.unwrap();
        lab.driver.kill("stateless-1").await.unwrap();
        if lab.driver.redis_url().is_ok() {
            lab.driver.freeze("redis").await.unwrap();
        }
        let done = lab.driver.heal().await.unwrap();
        eprintln!("{done:?}");
        assert!(done.len() >= 2, "{done:?}");
        assert_eq!(lab.driver.heal().await.unwrap(), Vec::<String>::new());
        let ada = lab.log_in("stateless-1", "ada").await;
        assert_eq!(lab.get("stateless-2", "/session", &ada).await.status, 200);
    }
}

#[tokio::test]
async fn one_that_dies_at_this_very_moment_is_healed_like_one_that_is_dead() {
    for lab in drivers(|| Lab::of([service::stateful()]).replicas(1)).await {
        for _ in 0..5 {
            let before = lab.driver.boot_id("stateful-1").await.unwrap();
            lab.driver.kill("stateful-1").await.unwrap();
            assert_eq!(lab.driver.heal().await.unwrap().len(), 1);
            assert_ne!(lab.driver.boot_id("stateful-1").await.unwrap(), before);
        }
    }
}

#[tokio::test]
async fn a_rotation_that_stops_half_way_is_completed_and_one_that_had_not_begun_is_forgotten() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        let kid = async |name: &str| lab.driver.ready(name, SOON).await.unwrap().kid.unwrap();
        let before = kid("stateless-1").await;
        lab.driver.new_key("stateless", false).await.unwrap();
        assert!(strike(&lab, Fault::Graceful, "stateless-1").await.proof.proven);
        assert!(kid("stateless-1").await != before && kid("stateless-2").await == before);
        let done = lab.driver.heal().await.unwrap();
        assert_eq!(done, ["stateless-2 had an older key than its sibling and was restarted"]);
        let now = kid("stateless-1").await;
        assert!(now != before && kid("stateless-2").await == now);

        lab.driver.new_key("stateless", false).await.unwrap();
        assert_eq!(lab.driver.heal().await.unwrap(), Vec::<String>::new());
        assert!(strike(&lab, Fault::Graceful, "stateless-2").await.proof.proven);
        assert_eq!(kid("stateless-2").await, now);
    }
}

#[tokio::test]
async fn what_will_not_come_back_is_named_and_keeps_nobody_else_from_healing() {
    for lab in drivers(Lab::twins).await {
        lab.driver.kill("stateful-1").await.unwrap();
        assert!(lab.driver.gone("stateful-1", SOON).await.unwrap());
        let address = lab.url("stateful-1").trim_start_matches("http://").to_owned();
        let taken = std::net::TcpListener::bind(&address).unwrap();
        lab.driver.kill("stateless-1").await.unwrap();
        lab.driver.freeze("stateless-2").await.unwrap();
        let left = format!("{:#}", lab.driver.heal().await.unwrap_err());
        for part in ["stateful-1", "in use", "stateless-1 was down and was started", "stateless-2 was"] {
            assert!(left.contains(part), "{part}: {left}");
        }
        let ada = lab.log_in("stateless-1", "ada").await;
        assert_eq!(lab.get("stateless-2", "/session", &ada).await.status, 200);

        drop(taken);
        assert_eq!(lab.driver.heal().await.unwrap(), ["stateful-1 was down and was started"]);
    }
}

#[tokio::test]
async fn a_replica_that_does_not_end_is_no_proof_and_healing_replaces_it() {
    for lab in
        drivers(|| Lab::of([service::stateful()]).replicas(1).args("stateful", ["--drain-wait", "1h"])).await
    {
        let before = lab.driver.boot_id("stateful-1").await.unwrap();
        let strike = strike(&lab, Fault::Graceful, "stateful-1").await;
        assert!(!strike.proof.proven && strike.restart.is_none(), "{strike:?}");
        assert!(strike.proof.what.contains("still took connections"), "{:?}", strike.proof);
        let done = lab.driver.heal().await.unwrap();
        assert!(done[0].contains("told to end and had not"), "{done:?}");
        assert_ne!(lab.driver.boot_id("stateful-1").await.unwrap(), before);
    }
}

#[tokio::test]
async fn only_what_the_lab_started_can_be_a_target() {
    for lab in drivers(Lab::twins).await {
        let replica = Target::Replica { service: "stateless".to_owned(), replica: "stateless-2".to_owned() };
        assert_eq!(lab.driver.target("stateless-2").unwrap(), replica);
        assert_eq!(lab.driver.target("stateful").unwrap(), Target::Service("stateful".to_owned()));
        for word in ["sql", "stateless-3", "1", "init"] {
            // Where the lab has a database of its own, that is what is meant.
            let sql = lab.driver.sql().filter(|_| word == "sql").map(|name| Target::Sql(name.to_owned()));
            assert_eq!(lab.driver.target(word).ok(), sql, "{word}");
            assert!(lab.driver.kill(word).await.is_err(), "{word}");
        }
    }
}

#[tokio::test]
async fn labs_side_by_side_do_not_touch_each_other() {
    let ones = drivers(Lab::twins).await;
    for (one, two) in ones.into_iter().zip(drivers(Lab::twins).await) {
        side_by_side(one, two).await;
    }
}

async fn side_by_side(one: Running, two: Running) {
    let boots = async |lab: &Running| {
        let mut boots = Vec::new();
        for replica in lab.driver.all_replicas() {
            boots.push(lab.driver.boot_id(&replica.name).await.unwrap());
        }
        boots
    };
    let before = boots(&two).await;
    let ada = two.log_in("stateless-1", "ada").await;
    for fault in [Fault::Kill, Fault::Rolling, Fault::RedisLose] {
        if fault != Fault::RedisLose || one.driver.redis_url().is_ok() {
            assert!(strike(&one, fault, "stateless-1").await.proof.proven);
        }
    }
    one.driver.stop().await;
    assert_eq!(boots(&two).await, before);
    assert_eq!(two.get("stateless-1", "/session", &ada).await.status, 200);
}
