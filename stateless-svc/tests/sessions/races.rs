//! What holds when two replicas change one session at the same time?
//!
//! A change that was not answered in time may have happened: the tests count such changes apart. On an
//! idle machine there are none.

use futures_util::future::join_all;
use shared::api::cart::Sku;
use shared::sessions::{Budget, Change, End, IfVersion, Revoked, SessionError, Sessions, StoreDown};

use crate::sessions::InStore;
use crate::support::*;

const UNKNOWN: SessionError = SessionError::Store(StoreDown::Timeout);

fn pen() -> Sku {
    "pen".to_owned().try_into().unwrap()
}

fn add_one() -> Change {
    Change::AddItem { sku: pen(), quantity: 1 }
}

/// True if it was done, false if that is not known.
async fn done(replica: &InStore, token: &str, change: &Change, if_version: &IfVersion) -> Option<bool> {
    match replica.change(&mut Budget::new(), token, change, if_version).await {
        Ok(_) => Some(true),
        Err(UNKNOWN) => Some(false),
        Err(SessionError::VersionConflict { .. }) => None,
        Err(other) => panic!("{other:?}"),
    }
}

async fn holds_all_that_was_done(replica: &InStore, token: &str, outcomes: &[bool]) {
    let done = outcomes.iter().filter(|done| **done).count() as u64;
    let cart = look(replica, token).await.unwrap().cart;
    let quantity = u64::from(cart.items[0].quantity);
    assert_eq!((outcomes.len(), quantity), (100, cart.version));
    assert!((done..=100).contains(&quantity), "{done} were acknowledged, {quantity} are there");
}

#[tokio::test]
async fn a_hundred_parallel_adds_end_at_a_hundred() {
    for place in places() {
        let replicas = [place.replica().await, place.replica().await];
        let token = &begin(&replicas[0], &account("ada")).await.token;
        let (add, mut outcomes) = (add_one(), Vec::new());
        for _ in 0..100 / place.crowd() {
            let adds = (0..place.crowd()).map(|n| done(&replicas[n % 2], token, &add, &IfVersion::Any));
            outcomes.extend(join_all(adds).await.into_iter().flatten());
        }
        holds_all_that_was_done(&replicas[0], token, &outcomes).await;
    }
}

#[tokio::test]
async fn a_hundred_parallel_reads_then_writes_with_a_version_end_at_a_hundred_too() {
    async fn add_carefully(replica: &InStore, token: &str) -> bool {
        loop {
            let cart = look(replica, token).await.unwrap().cart;
            let had = cart.items.first().map_or(0, |line| line.quantity);
            let change = Change::SetItem { sku: pen(), quantity: had + 1 };
            if let Some(done) = done(replica, token, &change, &IfVersion::OneOf(vec![cart.version])).await {
                return done;
            }
        }
    }
    for place in places() {
        let replicas = [place.replica().await, place.replica().await];
        let token = &begin(&replicas[0], &account("ada")).await.token;
        let mut outcomes = Vec::new();
        for _ in 0..100 / place.crowd() {
            let adds = (0..place.crowd()).map(|n| add_carefully(&replicas[n % 2], token));
            outcomes.extend(join_all(adds).await);
        }
        holds_all_that_was_done(&replicas[0], token, &outcomes).await;
    }
}

#[tokio::test]
async fn logout_beats_every_change_that_has_not_happened_yet() {
    let over = SessionError::Revoked(Revoked::Revoked);
    for place in places() {
        let replicas = [place.replica().await, place.replica().await];
        for _ in 0..20 {
            let begun = begin(&replicas[0], &account("ada")).await;
            let token = &begun.token;
            let changes = join_all((0..place.crowd().min(10)).map(|_| async {
                replicas[1].change(&mut Budget::new(), token, &add_one(), &IfVersion::Any).await.err()
            }));
            let logout = patiently(async || replicas[0].end(&mut Budget::new(), token, End::Current).await);
            let (refusals, ended) = tokio::join!(changes, logout);
            assert_eq!(ended, Ok(()));
            for refusal in refusals.into_iter().flatten() {
                assert!(refusal == over || refusal == UNKNOWN, "{refusal:?}");
            }
            assert_eq!(look(&replicas[1], token).await, Err(over.clone()));
            let id = begun.session.summary.session_id.to_string();
            let dump = place.dump().await;
            let left = dump.lines().find(|line| line.contains(&id)).unwrap();
            assert!(!left.contains("pen"), "a slow write must not revive it: {left}");
        }
    }
}
