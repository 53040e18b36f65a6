//! Do the stores change a cart by the same rules as `shared::api::cart::Cart`? A long random walk, with
//! that cart as the model, compared after every step.

use shared::api::cart::{Cart, Sku};
use shared::api::checkout::{Address, Checkout, Payment};
use shared::sessions::{Budget, Change, IfVersion, Session, SessionError, Sessions, StoreDown};

use crate::support::*;

fn sku(name: &str) -> Sku {
    name.to_owned().try_into().unwrap()
}

fn address(city: &str) -> Address {
    let text = |text: &str| text.to_owned().try_into().unwrap();
    Address {
        recipient: text("Ada \"Countess\" L."),
        street: text("12 St. James’s Square \\ rear"),
        city: text(city),
        postcode: text("SW1Y 4JH"),
        country: text("England"),
    }
}

fn payment(method: &str) -> Payment {
    serde_json::from_str(&format!(r#"{{"method":"{method}"}}"#)).unwrap()
}

#[derive(Debug, Clone, Default)]
struct Model {
    cart: Cart,
    checkout: Checkout,
}

impl Model {
    fn is_in(&self, session: &Session) -> bool {
        (&self.cart, &self.checkout) == (&session.cart, &session.checkout)
    }

    fn apply(&mut self, change: &Change, if_version: &IfVersion) -> Result<(), SessionError> {
        let current = self.cart.version;
        if !if_version.takes(current) {
            return Err(SessionError::VersionConflict { current });
        }
        match change {
            Change::SetItem { sku, quantity } => {
                self.cart.set(sku, *quantity).map_err(|_| SessionError::CartLimit)?
            }
            Change::AddItem { sku, quantity } => {
                self.cart.add(sku, *quantity).map_err(|_| SessionError::CartLimit)?
            }
            Change::RemoveItem { sku } => self.cart.remove(sku),
            Change::Address(address) => self.checkout.address = Some(address.clone()),
            Change::Payment(payment) => self.checkout.payment = Some(*payment),
            Change::Ordered { version } if *version == current => {
                self.cart.clear();
                self.checkout = Checkout::default();
            }
            Change::Ordered { .. } => {}
        }
        Ok(())
    }
}

/// A repeatable source of choices (Numerical Recipes' linear congruence).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn change(&mut self, version: u64) -> Change {
        // More articles than a cart has lines, names that sort differently as text and as bytes.
        let sku =
            sku(&format!("{}-{}", ["B", "a", "Z", "_", "0", ".x"][self.below(6) as usize], self.below(12)));
        let quantity = [1, 2, 400, 999, 1000][self.below(5) as usize];
        match self.below(20) {
            0 => Change::Address(address(["London", "Zürich"][self.below(2) as usize])),
            1 => Change::Payment(payment(["invoice", "on_delivery"][self.below(2) as usize])),
            2 => Change::Ordered { version: version + self.below(2) * self.below(2) },
            3..=5 => Change::RemoveItem { sku },
            6..=11 => Change::AddItem { sku, quantity },
            _ => Change::SetItem { sku, quantity },
        }
    }
}

#[tokio::test]
async fn a_long_random_walk_ends_where_the_model_ends() {
    for place in places() {
        let replica = place.replica().await;
        let token = begin(&replica, &account("ada")).await.token;
        let (mut dice, mut model) = (Dice(7), Model::default());
        let (mut limits, mut conflicts, mut most, mut late) = (0, 0, 0, 0);
        for step in 0..1500 {
            let mut change = dice.change(model.cart.version);
            if step % 300 < 250 && matches!(change, Change::Ordered { .. } | Change::RemoveItem { .. }) {
                // Let the cart fill up to its limit now and then.
                change = Change::SetItem { sku: sku(&format!("s{}", dice.below(60))), quantity: 1 };
            }
            let version = model.cart.version;
            let accepted =
                [vec![version], vec![version + 1, version], vec![version * 10, version + 1], vec![]];
            let if_version = match dice.below(6) {
                at @ 0..4 => IfVersion::OneOf(accepted[at as usize].clone()),
                _ => IfVersion::Any,
            };
            let before = model.clone();
            let expected = model.apply(&change, &if_version);
            let mut seen = replica.change(&mut Budget::new(), &token, &change, &if_version).await;
            // A machine that is busy: a look says whether it happened, and only what did not is repeated.
            for _ in 0..10 {
                let Err(SessionError::Store(StoreDown::Timeout)) = seen else { break };
                late += 1;
                let held = look(&replica, &token).await.unwrap();
                seen = if expected.is_ok() && model.is_in(&held) {
                    Ok(held)
                } else {
                    assert!(before.is_in(&held), "{step} {change:?}: half of it: {held:?}");
                    replica.change(&mut Budget::new(), &token, &change, &if_version).await
                };
            }
            match (&expected, seen) {
                (Ok(()), Ok(session)) => {
                    assert!(model.is_in(&session), "{step} {change:?}: {session:?}, and not {model:?}");
                }
                (Err(refusal), Err(seen)) => assert_eq!(refusal, &seen, "{step} {change:?}"),
                (expected, seen) => panic!("{step} {change:?}: {expected:?} but {seen:?}"),
            }
            limits += usize::from(expected == Err(SessionError::CartLimit));
            conflicts += usize::from(matches!(expected, Err(SessionError::VersionConflict { .. })));
            most = most.max(model.cart.items.len());
            if step % 100 == 0 {
                assert!(model.is_in(&look(&replica, &token).await.unwrap()), "{step}");
            }
        }
        assert!(late < 150, "a store that is late one time in ten: {late}");
        assert!(
            limits > 10 && conflicts > 100 && most == 50,
            "the walk went everywhere: {limits} {conflicts} {most}"
        );
    }
}
