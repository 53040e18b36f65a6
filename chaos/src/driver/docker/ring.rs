//! How does a replica in a container get another key ring? Its environment is fixed when it is made, so it is
//! made anew with the new ring at its next start. Which ring it has, its container says.

use anyhow::{Context, bail};
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};

use super::Docker;
use super::labels::Role;
use super::project::lock;
use crate::driver::healing;
use crate::driver::keys::Ring;

/// The variable with the keys.
const KEYS: &str = "LAB_KEYS";

impl Docker {
    /// Puts a new key in front of a service's ring. Each replica gets it at its next start.
    pub(super) async fn new_key(&self, service: &str, overlap: bool) -> anyhow::Result<()> {
        let given = lock(&self.project.rings).get(service).cloned();
        let ring = match given {
            Some(ring) => ring,
            None => self.newest_ring(service).await?.with_context(|| format!("{service} has no {KEYS}"))?,
        };
        let mut ring = Ring::read(&ring);
        ring.rotate(overlap)?;
        lock(&self.project.rings).insert(service.to_owned(), ring.text());
        Ok(())
    }

    /// Makes a replica's container anew if it is to have another ring than it has.
    pub(super) async fn renew_ring(&self, name: &str) -> anyhow::Result<()> {
        let Role::Replica { service } = &self.project.boxed(name)?.role else { return Ok(()) };
        let Some(ring) = lock(&self.project.rings).get(service).cloned() else { return Ok(()) };
        if ring_of(&self.project.inspect(name).await?).is_none_or(|has| has == ring) {
            return Ok(());
        }
        self.make_anew(name, |body| set_ring(body, &ring)).await
    }

    /// Where a tool was killed while it rotated a key, some replicas have the new ring and some the old one,
    /// and each refuses the other's tokens. All get the newest.
    pub(super) async fn one_ring_for_all(&self) -> anyhow::Result<Vec<String>> {
        let mut done = Vec::new();
        for (service, replicas) in &self.lab.replicas {
            let Some(newest) = self.newest_ring(service).await? else { continue };
            lock(&self.project.rings).insert(service.clone(), newest.clone());
            for replica in replicas {
                let has = ring_of(&self.project.inspect(&replica.name).await?);
                if has.is_some_and(|has| has != newest) {
                    self.restart_with_its_ring(&replica.name).await?;
                    done.push(healing::rekeyed(&replica.name));
                }
            }
        }
        Ok(done)
    }

    async fn newest_ring(&self, service: &str) -> anyhow::Result<Option<String>> {
        let Some(replicas) = self.lab.replicas.get(service) else {
            bail!("this lab has no service {service:?}");
        };
        let mut rings = Vec::new();
        for replica in replicas {
            rings.extend(ring_of(&self.project.inspect(&replica.name).await?));
        }
        Ok(rings.into_iter().max_by_key(|ring| Ring::read(ring).made()))
    }
}

fn ring_of(container: &ContainerInspectResponse) -> Option<String> {
    let env = container.config.as_ref()?.env.as_ref()?;
    env.iter().find_map(|line| line.strip_prefix(KEYS)?.strip_prefix('=')).map(str::to_owned)
}

fn set_ring(body: &mut ContainerCreateBody, ring: &str) {
    let env = body.env.get_or_insert_default();
    env.retain(|line| !line.starts_with(&format!("{KEYS}=")));
    env.push(format!("{KEYS}={ring}"));
}
