//! Of which boxes does a lab in containers consist? Of those in the compose file that it needs, and of boxes
//! derived from them: a service that is not in the file is its twin's box with other arguments.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};

use super::compose::{Compose, Definition};
use super::labels::{self, Role};
use super::publish::Publisher;
use crate::driver::keys::{self, Ring};
use crate::driver::local::haproxy;
use crate::driver::{LabSpec, StoreWish};
use crate::service::{self, Service, Twin};

/// A box that is to be made.
#[derive(Debug, Clone)]
pub struct Planned {
    /// How.
    pub definition: Definition,
    /// What it is to the lab.
    pub role: Role,
}

/// Plans the boxes of a lab, by name.
///
/// # Errors
/// If the compose file does not say how, or a port is taken.
pub fn plan(spec: &LabSpec, publisher: &mut Publisher) -> anyhow::Result<BTreeMap<String, Planned>> {
    ensure!(
        spec.store != StoreWish::Embedded,
        "a lab in containers keeps sessions that live outside in its Redis: leave --store out"
    );
    ensure!(
        spec.database.is_none(),
        "a lab in containers keeps accounts and orders in its own Postgres: leave --database (LAB_DATABASE) out"
    );
    let compose = Compose::builtin(&secrets()?)?;
    let mut chosen = BTreeMap::new();
    for service in &spec.services {
        for number in 1..=spec.replicas {
            let name = format!("{}-{number}", service.name);
            let definition = replica(&compose, service, &name, number)?;
            ensure!(
                chosen.insert(name, definition).is_none(),
                "the lab has two services called {:?}",
                service.name
            );
        }
    }
    if spec.gateway && spec.replicas == haproxy::REPLICAS {
        let gateway = compose.services.get("gateway").context("docker-compose.yml has no gateway")?;
        chosen.insert("gateway".to_owned(), gateway.clone());
    }
    if spec.redis {
        let redis = compose.services.get("redis").context("docker-compose.yml has no redis")?;
        chosen.insert("redis".to_owned(), redis.clone());
    }
    add_what_they_need(&compose, &mut chosen);
    let names: BTreeSet<String> = chosen.keys().cloned().collect();
    let mut boxes = BTreeMap::new();
    for (name, mut definition) in chosen {
        // The gateway stands before all replicas there are, and this lab may have fewer.
        definition.depends_on.retain(|other, _| names.contains(other));
        for port in &mut definition.ports {
            port.host = publisher.publish(port.host)?;
        }
        let role = Role::read(|label| definition.labels.get(label).cloned());
        let role =
            role.with_context(|| format!("{name} has no label {} in docker-compose.yml", labels::ROLE))?;
        boxes.insert(name, Planned { definition, role });
    }
    Ok(boxes)
}

/// What the compose file leaves to the environment. Secrets are drawn anew for each lab and die with it.
fn secrets() -> anyhow::Result<impl Fn(&str) -> Option<String>> {
    let password = keys::secret()?;
    let rings = [Ring::draw()?, Ring::draw()?].map(|ring| ring.text());
    Ok(move |name: &str| match name {
        "POSTGRES_PASSWORD" => Some(password.clone()),
        "LAB_KEYS_STATEFUL" => Some(rings[0].clone()),
        "LAB_KEYS_STATELESS" => Some(rings[1].clone()),
        _ => std::env::var(name).ok(),
    })
}

/// The box of a replica: its own in the compose file, or one derived from its twin's.
fn replica(compose: &Compose, service: &Service, name: &str, number: usize) -> anyhow::Result<Definition> {
    let twin = match service.twin {
        Twin::Stateful => service::stateful(),
        Twin::Stateless => service::stateless(),
    };
    let base = [format!("{}-{number}", twin.name), format!("{}-1", twin.name)];
    let base = base.iter().find(|base| compose.services.contains_key(*base));
    let base = base.with_context(|| format!("docker-compose.yml has no box for {}", twin.name))?;
    let mut definition = compose.services[base].clone();
    let renamed = |word: &mut String| {
        if word == base {
            name.clone_into(word);
        }
    };
    definition.command.iter_mut().for_each(renamed);
    definition.environment.values_mut().for_each(renamed);
    definition.labels.insert(labels::SERVICE.to_owned(), service.name.clone());
    definition.labels.insert(labels::REPLICA.to_owned(), name.to_owned());
    differ(&mut definition, &twin, service).with_context(|| format!("putting {name} into a container"))?;
    Ok(definition)
}

/// What a service is told otherwise than its twin, told to the twin's box.
fn differ(definition: &mut Definition, twin: &Service, service: &Service) -> anyhow::Result<()> {
    let same = twin.args.iter().zip(&service.args).take_while(|(a, b)| a == b).count();
    let more = &service.args[same..];
    if let Some(word) =
        more.iter().chain(service.env.iter().map(|(_, value)| value)).find(|word| word.contains("{folder}"))
    {
        bail!("it keeps {word}, and a container has no such folder");
    }
    let health = definition.healthcheck.iter_mut().flat_map(|check| &mut check.test);
    for word in definition.command.iter_mut().chain(health).filter(|word| **word == twin.command) {
        service.command.clone_into(word);
    }
    definition.command.extend(more.iter().cloned());
    for (name, _) in twin.env.iter().filter(|given| !service.env.contains(given)) {
        definition.environment.remove(name);
    }
    for (name, value) in service.env.iter().filter(|given| !twin.env.contains(given)) {
        definition.environment.insert(name.clone(), value.clone());
    }
    Ok(())
}

fn add_what_they_need(compose: &Compose, chosen: &mut BTreeMap<String, Definition>) {
    // The gateway only looks at replicas; those it would need beyond the lab's are not wanted.
    let needed = chosen.iter().filter(|(name, _)| *name != "gateway");
    let needed: BTreeSet<String> = needed.flat_map(|(_, one)| one.depends_on.keys().cloned()).collect();
    for name in needed {
        chosen.entry(name.clone()).or_insert_with(|| compose.services[&name].clone());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]
mod tests {
    use super::*;

    fn boxes(services: Vec<Service>, replicas: usize) -> anyhow::Result<BTreeMap<String, Planned>> {
        let spec = LabSpec { replicas, ..LabSpec::new(services) };
        plan(&spec, &mut Publisher::anywhere())
    }

    #[test]
    fn a_lab_has_the_boxes_it_needs_and_no_others() {
        let names = |services, replicas| boxes(services, replicas).unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(names(vec![service::stateful()], 1), ["postgres", "stateful-1"]);
        let both = ["postgres", "redis", "stateful-1", "stateful-2", "stateless-1", "stateless-2"];
        assert_eq!(names(service::twins(), 2), both);
    }

    #[test]
    fn a_service_that_is_not_in_the_file_is_its_twins_box_with_other_words() {
        let mut boxes = boxes(vec![service::stateless_ephemeral_key(), service::stateless()], 3).unwrap();
        let derived = boxes.remove("stateless-ephemeral-key-2").unwrap();
        let role = Role::Replica { service: "stateless-ephemeral-key".to_owned() };
        assert_eq!(derived.role, role);
        let command = &derived.definition.command;
        assert!(command.ends_with(&["--signing-key".to_owned(), "ephemeral".to_owned()]), "{command:?}");
        assert!(command.contains(&"stateless-ephemeral-key-2".to_owned()), "{command:?}");
        assert!(!derived.definition.environment.contains_key("LAB_KEYS"));
        let twin = &boxes["stateless-2"].definition;
        assert!(twin.environment.contains_key("LAB_KEYS"));
        assert!(!twin.command.contains(&"--signing-key".to_owned()));
        // And a third replica, for which the file has no box.
        assert_eq!(boxes["stateless-3"].definition.labels[labels::REPLICA], "stateless-3");
        let ports = boxes.values().flat_map(|planned| &planned.definition.ports).map(|port| port.host);
        let (count, distinct) = (ports.clone().count(), ports.collect::<BTreeSet<_>>().len());
        assert_eq!(count, distinct, "each box has ports of its own");
    }

    #[test]
    fn more_arguments_and_variables_reach_the_box() {
        let service = service::stateful().with_args(["--idle", "1s"]).with_env("LAB_LOG_LEVEL", "trace");
        let boxes = boxes(vec![service], 1).unwrap();
        let definition = &boxes["stateful-1"].definition;
        assert!(definition.command.ends_with(&["--idle".to_owned(), "1s".to_owned()]));
        assert_eq!(definition.environment["LAB_LOG_LEVEL"], "trace");
        assert!(definition.environment.contains_key("LAB_DATABASE"));
    }

    #[test]
    fn what_a_container_cannot_have_is_refused() {
        let mut spec = LabSpec::new(vec![service::stateful()]);
        spec.store = StoreWish::Embedded;
        assert!(plan(&spec, &mut Publisher::anywhere()).is_err());
        let in_a_folder = service::stateful().with_args(["--store", "{folder}/sessions"]);
        let error = boxes(vec![in_a_folder], 1).unwrap_err();
        assert!(format!("{error:#}").contains("no such folder"), "{error:#}");
    }
}
