//! How does a replica of a lab of processes get another key ring? It is in its environment, so it gets it at its next
//! start. Which ring it has, its slot remembers.

use anyhow::Context;
use nix::sys::signal::Signal;

use super::lab::{Lab, Role, Slot, lock, no_such};
use super::process::Recipe;
use crate::driver::healing;
use crate::driver::keys::Ring;

impl Lab {
    /// Puts a new key in front of a service's ring. Each replica gets it at its next start.
    pub(super) fn new_key(&self, service: &str, overlap: bool) -> anyhow::Result<()> {
        let mut rings = lock(&self.rings);
        rings.get_mut(service).with_context(|| no_such("service", service))?.rotate(overlap)
    }

    /// What starts this process now, and not at an earlier time: with the keys it is to have by now.
    pub(super) fn filled_in(&self, slot: &Slot) -> anyhow::Result<Recipe> {
        let mut recipe = slot.recipe.clone();
        if let Role::Replica { service } = &slot.role {
            let rings = lock(&self.rings);
            let ring = rings.get(service).with_context(|| no_such("service", service))?;
            for (_, value) in &mut recipe.env {
                *value = value.replace("{keys}", &ring.text());
            }
            *lock(&slot.ring) = Some(ring.clone());
        }
        Ok(recipe)
    }

    /// Where a rotation was interrupted, some replicas have the new ring and some the old one, and each refuses the
    /// other's tokens. All get the newest that one of them has.
    pub(super) async fn one_ring_for_all(&self) -> anyhow::Result<Vec<String>> {
        let mut done = Vec::new();
        let services: Vec<String> = lock(&self.rings).keys().cloned().collect();
        for service in services {
            let of_service =
                |slot: &Slot| matches!(&slot.role, Role::Replica { service: of } if *of == service);
            let slots = || self.slots.iter().filter(|(_, slot)| of_service(slot));
            let newest = slots().filter_map(|(_, slot)| lock(&slot.ring).clone()).max_by_key(Ring::made);
            let Some(newest) = newest else { continue };
            lock(&self.rings).insert(service.clone(), newest.clone());
            for (name, slot) in slots() {
                let _turn = self.turn(name).await?;
                let older = lock(&slot.ring).as_ref().is_some_and(|ring| ring.text() != newest.text());
                if older {
                    self.end(name, Signal::SIGTERM)?;
                    self.is_gone(name, &self.running(name)?).await?;
                    self.start(name).await?;
                    done.push(healing::rekeyed(name));
                }
            }
        }
        Ok(done)
    }
}
