//! What holds when two replicas change one session at the same time?

use futures_util::future::join_all;
use shared::api::cart::Sku;
use shared::sessions::{Budget, Change, End, Revoked, SessionError, Sessions};

use crate::sessions::InStore;
use crate::support::*;

fn pen() -> Sku {
    "pen".to_owned().try_into().unwrap()
}

fn add_one() -> Change {
    Change::AddItem { sku: pen(), quantity: 1 }
}

#[tokio::test]
async fn a_hundred_parallel_adds_end_at_a_hundred() {
    for place in places() {
        let replicas = [place.replica().await, place.replica().await];
        let token = &begin(&replicas[0], &account("ada")).await.token;
        for _ in 0..100 / place.crowd() {
            let adds = (0..place.crowd()).map(|n| {
                let replica = &replicas[n % 2];
                async move { replica.change(&mut Budget::new(), token, &add_one(), None).await.unwrap() }
            });
            join_all(adds).await;
        }
        let cart = look(&replicas[0], token).await.unwrap().cart;
        assert_eq!((cart.items[0].quantity, cart.version), (100, 100));
    }
}

#[tokio::test]
async fn a_hundred_parallel_reads_then_writes_with_a_version_end_at_a_hundred_too() {
    async fn add_carefully(replica: &InStore, token: &str) {
        loop {
            let cart = look(replica, token).await.unwrap().cart;
            let had = cart.items.first().map_or(0, |line| line.quantity);
            let change = Change::SetItem { sku: pen(), quantity: had + 1 };
            match replica.change(&mut Budget::new(), token, &change, Some(cart.version)).await {
                Ok(_) => return,
                Err(SessionError::VersionConflict { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    for place in places() {
        let replicas = [place.replica().await, place.replica().await];
        let token = &begin(&replicas[0], &account("ada")).await.token;
        for _ in 0..100 / place.crowd() {
            join_all((0..place.crowd()).map(|n| add_carefully(&replicas[n % 2], token))).await;
        }
        assert_eq!(look(&replicas[0], token).await.unwrap().cart.items[0].quantity, 100);
    }
}

#[tokio::test]
async fn logout_beats_every_change_that_has_not_happened_yet() {
    for place in places() {
        let replicas = [place.replica().await, place.replica().await];
        for _ in 0..20 {
            let begun = begin(&replicas[0], &account("ada")).await;
            let token = &begun.token;
            let changes =
                join_all((0..10).map(|_| async {
                    replicas[1].change(&mut Budget::new(), token, &add_one(), None).await
                }));
            let logout = async { replicas[0].end(&mut Budget::new(), token, End::Current).await };
            let (changed, ended) = tokio::join!(changes, logout);
            assert_eq!(ended, Ok(()));
            let over = SessionError::Revoked(Revoked::Revoked);
            assert!(changed.iter().all(|change| change.as_ref().err().is_none_or(|error| *error == over)));
            assert_eq!(look(&replicas[1], token).await, Err(over));
            let id = begun.session.summary.session_id.to_string();
            let dump = place.dump().await;
            let left = dump.lines().find(|line| line.contains(&id)).unwrap();
            assert!(!left.contains("pen"), "a slow write must not revive it: {left}");
        }
    }
}
