//! What does every driver promise about the gateway before its replicas?

use std::time::Duration;

use chaos::fault::{self, Aim, Fault};
use chaos::gates;
use chaos::service;
use chaos::way::Way;
use hyper::Method;
use serde_json::json;

use super::support::{self, Call, Lab, Running};
use super::{SOON, aim, drivers, has_redis, strike};

fn has_gateway(lab: &Running, test: &str) -> bool {
    let none = lab.driver.gateway().err();
    if let Some(why) = &none {
        support::skip(test, &why.to_string());
    }
    none.is_none()
}

#[tokio::test]
async fn a_gateway_takes_turns_and_keeps_a_session_with_its_replica_where_it_is_asked_to() {
    for lab in drivers(|| Lab::twins().gateway()).await {
        if !has_gateway(&lab, "a_gateway_takes_turns_and_keeps_a_session_with_its_replica") {
            return;
        }
        for (service, entries) in &lab.driver.gateway().unwrap().entries {
            let served_by = async |entry: &str, token: &str| {
                let call = Call::new(Method::GET, "/session").token(token);
                call.send(entry).await.unwrap().header("x-served-by").to_owned()
            };
            let ada = lab.log_in(&format!("{service}-1"), "ada").await;
            let (one, two) =
                (served_by(&entries.round_robin, &ada).await, served_by(&entries.round_robin, &ada).await);
            assert_ne!(one, two);
            assert_eq!(served_by(&entries.round_robin, &ada).await, one);

            // The gateway itself must have seen the login, to learn the token from it.
            let who = json!({ "name": "ada", "password": support::PASSWORD });
            let login = Call::new(Method::POST, "/session").body(who).send(&entries.sticky).await.unwrap();
            let (home, token) = (login.header("x-served-by"), login.json["token"].as_str().unwrap());
            for _ in 0..3 {
                assert_eq!(served_by(&entries.sticky, token).await, home);
                let cookie = Call::new(Method::GET, "/session").header("cookie", format!("sid={token}"));
                assert_eq!(cookie.send(&entries.sticky).await.unwrap().header("x-served-by"), home);
            }
        }
    }
}

#[tokio::test]
async fn a_replica_that_somebody_else_brings_back_was_not_away() {
    for lab in drivers(|| Lab::of([service::stateless()]).gateway()).await {
        if !has_gateway(&lab, "a_replica_that_somebody_else_brings_back_was_not_away") {
            return;
        }
        let aim = Aim { way: Way::Gateway, ..aim(&lab.driver, "stateless-1") };
        let mut strike = fault::strike(Fault::Kill, aim).await.unwrap();
        assert_eq!(lab.driver.heal().await.unwrap().len(), 1);
        fault::undo(&mut strike, &lab.driver).await.unwrap();
        assert!(!strike.proof.proven && strike.proof.what.contains("by somebody else"), "{strike:?}");
    }
}

#[tokio::test]
async fn a_gateway_is_told_before_a_replica_stops_and_finds_out_after_a_kill() {
    for lab in drivers(|| Lab::twins().gateway()).await {
        if !has_gateway(&lab, "a_gateway_is_told_before_a_replica_stops_and_finds_out_after_a_kill") {
            return;
        }
        let standing = async |replica: &str| lab.driver.standing(replica).await.unwrap();
        assert!(standing("stateful-1").await.is_in(), "in rotation when start returns");
        gates::rotate(lab.driver.replica("stateful-1").unwrap(), false).await.unwrap();
        assert!(lab.driver.out_of_rotation("stateful-1", SOON).await.unwrap().is_ok());
        assert_eq!(lab.get("stateful-1", "/livez", "").await.status, 200, "it still serves");
        lab.driver.kill("stateless-1").await.unwrap();
        assert!(lab.driver.out_of_rotation("stateless-1", SOON).await.unwrap().is_ok());

        let done = lab.driver.heal().await.unwrap();
        assert!(done.iter().any(|line| line.contains("stateful-1 was out of rotation")), "{done:?}");
        for replica in lab.driver.all_replicas() {
            assert!(standing(&replica.name).await.is_in(), "{} after healing", replica.name);
        }
        assert_eq!(lab.driver.heal().await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_gateway_has_no_trouble_with_a_redis_that_is_away() {
    for lab in drivers(|| Lab::of([service::stateless()]).gateway()).await {
        if !has_gateway(&lab, "a_gateway_has_no_trouble_with_a_redis_that_is_away")
            || !has_redis(&lab, "a_gateway_has_no_trouble_with_a_redis_that_is_away")
        {
            return;
        }
        let mut strike = strike(&lab, Fault::RedisDown, "stateless-1").await;
        // Two of its looks and more.
        let out = lab.driver.out_of_rotation("stateless-1", Duration::from_millis(1500)).await.unwrap();
        assert_eq!(out.unwrap_err().status, "UP", "it stays in rotation");
        let entry = &lab.driver.gateway().unwrap().entries["stateless"].round_robin;
        let answer = Call::new(Method::GET, "/session").token("x.y.z").send(entry).await.unwrap();
        assert_ne!(answer.header("x-served-by"), "", "the replica says itself what is wrong: {answer:?}");
        fault::undo(&mut strike, &lab.driver).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_gateway_a_lab_says_why() {
    for lab in drivers(|| Lab::of([service::stateful()]).replicas(1).gateway()).await {
        let none = lab.driver.gateway().unwrap_err().to_string();
        assert!(none.contains("it knows 2 replicas of each service, and here are 1"), "{none}");
    }
    for lab in drivers(|| Lab::of([service::stateful()])).await {
        assert!(lab.driver.gateway().is_err());
    }
}
