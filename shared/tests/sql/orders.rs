//! One order for each key and each cart, whoever asks, however often, and whoever dies in between.

use futures_util::future::join_all;
use serde_json::json;
use shared::accounts::Verified;
use shared::api::order::Order;
use shared::idempotency::IdempotencyKey;
use shared::identity::Identity;
use shared::orders::{Claim, Claimed, CommitError, LEASE_MS, Orders, PlacedOrder};
use uuid::Uuid;

use crate::place::{NOW_MS, Place, everywhere, start};

/// Somebody who orders the cart of one session.
struct Shopper {
    account: Uuid,
    session: Uuid,
}

impl Shopper {
    async fn new(place: &Place, name: &str) -> Self {
        let Verified { account, .. } = place.account(name).await;
        Shopper { account: account.id, session: Uuid::now_v7() }
    }

    async fn ask(&self, orders: &Orders, key: &str, replica: &Identity, at_ms: i64) -> Claimed {
        orders.claim(self.account, &quoted(key), 7, replica, at_ms).await.unwrap()
    }

    async fn claim(&self, orders: &Orders, key: &str, replica: &Identity, at_ms: i64) -> Claim {
        match self.ask(orders, key, replica, at_ms).await {
            Claimed::Claimed(claim) => claim,
            other => panic!("not claimed but {other:?}"),
        }
    }

    async fn place(&self, orders: &Orders, claim: &Claim) -> Result<PlacedOrder, CommitError> {
        orders.commit(claim, self.session, &an_order(NOW_MS)).await
    }
}

pub fn quoted(key: &str) -> IdempotencyKey {
    IdempotencyKey::parse(format!("\"{key}\"").as_bytes()).unwrap()
}

pub fn an_order(placed_at_ms: i64) -> Order {
    let order = json!({
        "id": Uuid::now_v7(),
        "items": [{"sku": "book", "quantity": 1}, {"sku": "pen", "quantity": 2}],
        "address": {"recipient": "Ada \"Byron\"", "street": "St James's Sq 12", "city": "London",
                    "postcode": "SW1", "country": "Großbritannien \u{1F980}"},
        "payment": {"method": "invoice"},
        "placed_at": jiff::Timestamp::from_millisecond(placed_at_ms).unwrap(),
    });
    serde_json::from_value(order).unwrap()
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_same_bytes_also_after_a_restart() {
    for place in everywhere() {
        let (orders, solo) = (place.orders(), start("solo-1"));
        let ada = Shopper::new(&place, "ada").await;
        let claim = ada.claim(&orders, "k", &solo, NOW_MS).await;
        let placed = ada.place(&orders, &claim).await.unwrap();
        assert!(placed.body.contains(&placed.id.to_string()));

        let reopened = (place.orders(), start("solo-1"));
        for (orders, solo) in [(&orders, &solo), (&reopened.0, &reopened.1)] {
            for later_ms in [0, LEASE_MS * 1000] {
                let repeat = ada.ask(orders, "k", solo, NOW_MS + later_ms).await;
                assert_eq!(repeat, Claimed::Placed(placed.clone()));
            }
        }
        let stored = orders.get(ada.account, placed.id).await.unwrap().unwrap();
        assert_eq!(serde_json::to_string(&stored).unwrap(), placed.body);
    }
}

#[tokio::test]
async fn a_key_used_for_one_cart_is_refused_for_another() {
    for place in everywhere() {
        let (orders, solo) = (place.orders(), start("solo-1"));
        let ada = Shopper::new(&place, "ada").await;
        let claim = ada.claim(&orders, "k", &solo, NOW_MS).await;
        let key = quoted("k");
        let while_running = orders.claim(ada.account, &key, u64::MAX, &solo, NOW_MS).await.unwrap();
        assert_eq!(while_running, Claimed::Reused);
        ada.place(&orders, &claim).await.unwrap();
        let after = orders.claim(ada.account, &key, u64::MAX, &solo, NOW_MS).await.unwrap();
        assert_eq!(after, Claimed::Reused);
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_account_and_so_does_an_order() {
    for place in everywhere() {
        let (orders, solo) = (place.orders(), start("solo-1"));
        let ada = Shopper::new(&place, "ada").await;
        let bob = Shopper::new(&place, "bob").await;
        let claim = ada.claim(&orders, "k", &solo, NOW_MS).await;
        let placed = ada.place(&orders, &claim).await.unwrap();
        let claim = bob.claim(&orders, "k", &solo, NOW_MS).await;
        let his = bob.place(&orders, &claim).await.unwrap();
        assert_ne!(placed.id, his.id);
        assert!(orders.get(bob.account, placed.id).await.unwrap().is_none());
        let listed: Vec<Uuid> =
            orders.list(bob.account).await.unwrap().iter().map(|order| order.id).collect();
        assert_eq!(listed, [his.id]);
    }
}

#[tokio::test]
async fn orders_are_listed_newest_first() {
    for place in everywhere() {
        let (orders, solo) = (place.orders(), start("solo-1"));
        let ada = place.account("ada").await.account.id;
        for (version, at_ms) in [(1, 20), (2, 10), (3, 30)] {
            let key = quoted(&version.to_string());
            let Claimed::Claimed(claim) = orders.claim(ada, &key, version, &solo, NOW_MS).await.unwrap()
            else {
                panic!("a fresh key is free")
            };
            orders.commit(&claim, Uuid::nil(), &an_order(NOW_MS + at_ms)).await.unwrap();
        }
        let times: Vec<i64> = orders
            .list(ada)
            .await
            .unwrap()
            .iter()
            .map(|order| order.placed_at.as_millisecond() - NOW_MS)
            .collect();
        assert_eq!(times, [30, 20, 10]);
    }
}

#[tokio::test]
async fn of_many_who_ask_at_once_exactly_one_gets_the_key() {
    for place in everywhere() {
        let replicas = [(place.orders(), start("a-1")), (place.orders(), start("a-2"))];
        let ada = Shopper::new(&place, "ada").await;
        for round in 0..5 {
            let key = round.to_string();
            let asked = (0..16).map(|i| {
                let (orders, replica) = &replicas[i % 2];
                ada.ask(orders, &key, replica, NOW_MS)
            });
            let answers = join_all(asked).await;
            let claimed = answers.iter().filter(|answer| matches!(answer, Claimed::Claimed(_))).count();
            let waiting = answers.iter().filter(|answer| **answer == Claimed::InProgress).count();
            assert_eq!((claimed, waiting), (1, 15), "{answers:?}");
        }
    }
}

#[tokio::test]
async fn of_many_who_find_a_dead_claim_exactly_one_takes_it_over() {
    for place in everywhere() {
        let replicas = [(place.orders(), start("a-1")), (place.orders(), start("a-2"))];
        let ada = Shopper::new(&place, "ada").await;
        let dead = ada.claim(&replicas[0].0, "k", &start("gone"), NOW_MS).await;
        let asked = (0..16).map(|i| {
            let (orders, replica) = &replicas[i % 2];
            ada.ask(orders, "k", replica, NOW_MS + LEASE_MS)
        });
        let answers = join_all(asked).await;
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Claimed::Claimed(_))).count(), 1);

        assert_eq!(ada.place(&replicas[0].0, &dead).await, Err(CommitError::ClaimLost));
        assert!(replicas[0].0.list(ada.account).await.unwrap().is_empty(), "nothing is left of it");
    }
}

#[tokio::test]
async fn a_claim_ends_with_its_lease_or_at_once_when_its_replica_restarted() {
    for place in everywhere() {
        let orders = place.orders();
        let ada = Shopper::new(&place, "ada").await;
        let (before, after, sibling) = (start("a-1"), start("a-1"), start("a-2"));

        let _dies = ada.claim(&orders, "k", &before, NOW_MS).await;
        // Nobody knows yet: neither the replica itself, nor its sibling.
        assert_eq!(ada.ask(&orders, "k", &before, NOW_MS + LEASE_MS - 1).await, Claimed::InProgress);
        assert_eq!(ada.ask(&orders, "k", &sibling, NOW_MS + LEASE_MS - 1).await, Claimed::InProgress);
        // Its next start does.
        let resumed = ada.claim(&orders, "k", &after, NOW_MS + 1).await;
        // And now the lease counts from here.
        assert_eq!(ada.ask(&orders, "k", &sibling, NOW_MS + LEASE_MS).await, Claimed::InProgress);
        let taken_over = ada.claim(&orders, "k", &sibling, NOW_MS + 1 + LEASE_MS).await;

        assert_eq!(ada.place(&orders, &resumed).await, Err(CommitError::ClaimLost));
        orders.release(resumed).await.unwrap();
        ada.place(&orders, &taken_over).await.expect("a claim that was lost cannot release its successor");
        assert_eq!(orders.list(ada.account).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_released_key_is_free_again_and_a_placed_order_cannot_be_released() {
    for place in everywhere() {
        let (orders, solo) = (place.orders(), start("solo-1"));
        let ada = Shopper::new(&place, "ada").await;
        let claim = ada.claim(&orders, "k", &solo, NOW_MS).await;
        orders.release(claim).await.unwrap();
        let key = quoted("k");
        let other_cart = orders.claim(ada.account, &key, 8, &solo, NOW_MS).await.unwrap();
        let Claimed::Claimed(claim) = other_cart else { panic!("{other_cart:?}") };
        let placed = ada.place(&orders, &claim).await.unwrap();
        orders.release(claim).await.unwrap();
        let repeat = orders.claim(ada.account, &key, 8, &solo, NOW_MS).await.unwrap();
        assert_eq!(repeat, Claimed::Placed(placed));
    }
}

#[tokio::test]
async fn two_keys_cannot_turn_one_cart_into_two_orders() {
    for place in everywhere() {
        let replicas = [(place.orders(), start("a-1")), (place.orders(), start("a-2"))];
        let ada = Shopper::new(&place, "ada").await;
        let mut claims = Vec::new();
        for i in 0..8 {
            let (orders, replica) = &replicas[i % 2];
            claims.push(ada.claim(orders, &i.to_string(), replica, NOW_MS).await);
        }
        let placing = claims.iter().enumerate().map(|(i, claim)| ada.place(&replicas[i % 2].0, claim));
        let outcomes = join_all(placing).await;
        let refused =
            outcomes.iter().filter(|outcome| **outcome == Err(CommitError::CartAlreadyOrdered)).count();
        assert_eq!(refused, 7, "{outcomes:?}");
        assert_eq!(replicas[0].0.list(ada.account).await.unwrap().len(), 1);
        // Another session's cart may have the same number.
        let elsewhere = Shopper { session: Uuid::now_v7(), ..ada };
        let claim = elsewhere.claim(&replicas[0].0, "elsewhere", &replicas[0].1, NOW_MS).await;
        elsewhere.place(&replicas[0].0, &claim).await.unwrap();
    }
}

#[tokio::test]
async fn clients_that_repeat_until_they_have_an_order_all_get_the_same_one() {
    for place in everywhere() {
        let replicas = [(place.orders(), start("a-1")), (place.orders(), start("a-2"))];
        let ada = Shopper::new(&place, "ada").await;
        let clients = (0..12).map(|i| {
            let (ada, replicas) = (&ada, &replicas);
            async move {
                // Each repeats on the other replica, a little later, and half of them die after the claim.
                for attempt in 0.. {
                    let (orders, replica) = &replicas[(i + attempt) % 2];
                    let at_ms = NOW_MS + attempt as i64 * 500;
                    match ada.ask(orders, "k", replica, at_ms).await {
                        Claimed::Claimed(_dies) if i % 2 == 0 && attempt == 0 => {}
                        Claimed::Claimed(claim) => {
                            if let Ok(placed) = ada.place(orders, &claim).await {
                                return placed;
                            }
                        }
                        Claimed::Placed(placed) => return placed,
                        Claimed::InProgress => {}
                        Claimed::Reused => panic!("the cart is the same"),
                    }
                    assert!(attempt < 1000, "no order in sight");
                }
                unreachable!("the loop has no end of its own")
            }
        });
        let answers = join_all(clients).await;
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
        assert_eq!(replicas[0].0.list(ada.account).await.unwrap().len(), 1);
    }
}
