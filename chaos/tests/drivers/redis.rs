//! What does every driver promise about the lab's Redis?

use std::time::{Duration, Instant};

use chaos::driver::StoreWish;
use chaos::fault::{self, Fault};
use chaos::gates::Point;
use chaos::service;

use super::support::Lab;
use super::{aim, drivers, has_redis, local, strike, struck_in_flight};

#[tokio::test]
async fn redis_restarts_with_everything_it_had() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        if !has_redis(&lab, "redis_restarts_with_everything_it_had") {
            return;
        }
        let ada = lab.log_in("stateless-1", "ada").await;
        let strike = strike(&lab, Fault::RedisRestart, "stateless-1").await;
        assert!(strike.proof.proven, "{:?}", strike.proof);
        assert_eq!(lab.get("stateless-1", "/session", &ada).await.status, 200);
        assert_eq!(lab.get("stateless-2", "/session", &ada).await.status, 200);
    }
}

#[tokio::test]
async fn a_lost_redis_comes_back_empty() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        if !has_redis(&lab, "a_lost_redis_comes_back_empty") {
            return;
        }
        let ada = lab.log_in("stateless-1", "ada").await;
        let strike = strike(&lab, Fault::RedisLose, "stateless-1").await;
        assert!(strike.proof.proven, "{:?}", strike.proof);
        let answer = lab.get("stateless-1", "/session", &ada).await;
        assert_eq!((answer.status, answer.code(), answer.reason()), (401, "session_lost", "store_reset"));
        // And the next login opens a session in the new one.
        let ada = lab.log_in("stateless-2", "ada").await;
        assert_eq!(lab.get("stateless-1", "/session", &ada).await.status, 200);
    }
}

#[tokio::test]
async fn an_outage_of_redis_is_in_force_until_it_is_undone() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        if !has_redis(&lab, "an_outage_of_redis_is_in_force_until_it_is_undone") {
            return;
        }
        let ada = lab.log_in("stateless-1", "ada").await;
        for (fault, reason) in [(Fault::RedisPause, "timeout"), (Fault::RedisDown, "down")] {
            let mut strike = strike(&lab, fault, "stateless-1").await;
            assert!(strike.proof.proven && strike.in_force.is_some(), "{strike:?}");
            let asked = Instant::now();
            let answer = lab.get("stateless-1", "/session", &ada).await;
            assert_eq!((answer.status, answer.reason()), (503, reason), "{answer:?}");
            assert!(asked.elapsed() < Duration::from_secs(1), "{fault}: {:?}", asked.elapsed());
            fault::undo(&mut strike, &lab.driver).await.unwrap();
            assert_eq!(lab.get("stateless-1", "/session", &ada).await.status, 200);
        }
    }
}

#[tokio::test]
async fn an_outage_that_somebody_else_ends_is_no_proof() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        if !has_redis(&lab, "an_outage_that_somebody_else_ends_is_no_proof") {
            return;
        }
        for fault in [Fault::RedisPause, Fault::RedisDown] {
            let mut strike = strike(&lab, fault, "stateless-1").await;
            assert!(strike.proof.proven, "{strike:?}");
            assert_eq!(lab.driver.heal().await.unwrap().len(), 1);
            fault::undo(&mut strike, &lab.driver).await.unwrap();
            assert!(!strike.proof.proven && strike.proof.what.contains("by somebody else"), "{strike:?}");
        }
    }
}

#[tokio::test]
async fn every_fault_on_redis_can_land_while_a_request_is_held() {
    for lab in drivers(|| Lab::of([service::stateless()])).await {
        if !has_redis(&lab, "every_fault_on_redis_can_land_while_a_request_is_held") {
            return;
        }
        for fault in [Fault::RedisRestart, Fault::RedisLose, Fault::RedisPause, Fault::RedisDown] {
            let (strike, answer) = struck_in_flight(&lab, fault, "stateless-1", Point::Accepted).await;
            assert!(strike.proof.proven, "{fault}: {:?}", strike.proof);
            assert_eq!(answer, Ok(200), "a prime needs no store");
        }
    }
}

#[tokio::test]
async fn without_redis_the_lab_says_so_and_its_faults_are_refused() {
    // A lab of containers always has its Redis.
    for lab in local(|| Lab::of([service::stateless()]).store(StoreWish::Embedded)).await {
        let ada = lab.log_in("stateless-1", "ada").await;
        assert_eq!(lab.get("stateless-2", "/session", &ada).await.status, 200, "replicas share the file");
        assert!(lab.driver.store().why().contains("SQLite"), "{:?}", lab.driver.store());
        let error = fault::strike(Fault::RedisDown, aim(&lab.driver, "stateless-1")).await.unwrap_err();
        assert!(format!("{error:#}").contains("no Redis"), "{error:#}");
        assert!(lab.driver.target("redis").is_err());
    }
}
