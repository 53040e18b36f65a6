//! What does every driver promise about the stores as targets of their own: Redis, and the database where the lab has
//! one?

use std::time::Duration;

use chaos::driver::{DriverName, Target};
use chaos::restart::{How, now};
use hyper::Method;
use serde_json::json;

use super::support::{self, Call, Lab};
use super::{drivers, has_redis};

#[tokio::test]
async fn a_store_that_is_hit_comes_back_with_all_that_was_acknowledged() {
    for lab in drivers(Lab::twins).await {
        if !has_redis(&lab, "a_store_that_is_hit_comes_back_with_all_that_was_acknowledged") {
            return;
        }
        let of_the_lab = |word: &&str| lab.driver.target(word).ok();
        let stores: Vec<Target> = ["redis", "sql"].iter().filter_map(of_the_lab).collect();
        // Processes keep accounts and orders in a file, which nobody can restart.
        let expected = if lab.driver.kind() == DriverName::Docker { 2 } else { 1 };
        assert_eq!(stores.len(), expected, "{stores:?}");
        let ada = lab.log_in("stateless-1", "ada").await;
        let again = json!({ "name": "ada", "password": support::PASSWORD });
        for store in &stores {
            for how in [How::Graceful, How::Kill, How::Pause] {
                let strike = now::strike(&lab.driver, store, how, Duration::from_millis(50)).await.unwrap();
                eprintln!("{store:?} {how:?}: {strike:?}");
                assert!(strike.proof.proven, "{store:?} {how:?}: {:?}", strike.proof);
                let session = lab.get("stateless-2", "/session", &ada).await;
                assert_eq!(session.status, 200, "{store:?} {how:?}: {session:?}");
                let login = Call::new(Method::POST, "/session").body(again.clone());
                let login = lab.send("stateless-1", login).await;
                assert_eq!(login.status, 201, "{store:?} {how:?}: {login:?}");
            }
        }
    }
}
