//! What if compose has started the lab, or is asked about one of ours?

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use chaos::driver::docker::{self, engine, find, program};
use chaos::driver::{Driver, DriverName, EXIT_WITHIN};
use chaos::fault::{self, Aim, Fault};
use chaos::service;
use chaos::way::Way;

use super::support::tool::{Place, words};
use super::support::{self, Lab};
use super::{Swept, eventually, left, name, unwrapped};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The Compose that `make up` takes, to be told something about a project, whose keys and ports are in a file.
fn compose(project: &str, env_file: &Path) -> Command {
    let mut compose = Command::new(root().join("deploy/compose"));
    compose.args(["-p", project]).env("LAB_ENV_FILE", env_file);
    // Not the ports of the lab that somebody plays with here.
    compose.env_remove("COMPOSE_PROJECT_NAME").current_dir(root());
    without_other_ports(compose)
}

/// What is set around this test would win over the file.
fn without_other_ports(mut command: Command) -> Command {
    for (name, _) in free_ports() {
        command.env_remove(name);
    }
    command
}

/// A file like the one that `deploy/env` draws, with other ports.
fn env_file() -> tempfile::NamedTempFile {
    let keys = ["LAB_KEYS_STATEFUL", "LAB_KEYS_STATELESS"].map(|it| (it, format!("k1:{}", "0".repeat(64))));
    let keys = keys.map(|(name, key)| (name.to_owned(), key)).into_iter();
    let password = [("POSTGRES_PASSWORD".to_owned(), "not-a-secret".to_owned())];
    let lines = keys.chain(password).chain(free_ports()).map(|(name, value)| format!("{name}={value}\n"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.collect::<String>()).unwrap();
    file
}

/// A free port for each variable of the compose file that names one.
pub(super) fn free_ports() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let names =
        text.split("${").filter_map(|rest| rest.split(":-").next()).filter(|it| it.starts_with("LAB_PORT_"));
    // All of them are held until all are known.
    let held: Vec<(String, TcpListener)> =
        names.map(|name| (name.to_owned(), TcpListener::bind(("127.0.0.1", 0)).unwrap())).collect();
    held.iter().map(|(name, port)| (name.clone(), port.local_addr().unwrap().port().to_string())).collect()
}

#[tokio::test]
async fn a_project_that_compose_has_started_is_a_lab_like_our_own() {
    if !support::docker("what holds for containers only") {
        return;
    }
    if program::find().is_none() {
        let test = "a_project_that_compose_has_started_is_a_lab_like_our_own";
        return support::skip(test, "there is no Compose");
    }
    let (place, engine, name) = (Place::with_the_engine(), engine::open().await.unwrap(), name("compose"));
    let _swept = Swept(name.clone());
    let env_file = env_file();
    let compose = |args: &[&str]| {
        let output = compose(&name, env_file.path()).args(args).output().unwrap();
        assert!(output.status.success(), "compose {args:?}: {output:?}");
        words(&output)
    };
    compose(&["up", "-d"]);

    let lab = Driver::attach(DriverName::Docker, &name).await.unwrap();
    // Compose starts the gateway last and does not wait for it.
    eventually(&engine, "all are in rotation", async || {
        lab.all_in_rotation(Duration::from_secs(20)).await.ok()
    })
    .await;
    for fault in Fault::ALL.into_iter().filter(|fault| fault.applies_to(&service::stateless(), Way::Direct)) {
        let pause_for = Duration::from_millis(20);
        let aim = Aim {
            driver: &lab,
            service: "stateless",
            replica: "stateless-1",
            way: Way::Direct,
            held: None,
            pause_for,
        };
        let mut strike = fault::strike(fault, aim).await.unwrap();
        fault::undo(&mut strike, &lab).await.unwrap();
        assert!(strike.proof.proven, "{fault}: {:?}", strike.proof);
    }
    let heal = ["heal", "--driver", "docker", "--lab", &name];
    // A tool that is killed while Redis loses what it has on disk: Redis is there and can be started.
    lab.kill("redis").await.unwrap();
    assert!(lab.gone("redis", EXIT_WITHIN).await.unwrap());
    let redis = find::project(&engine, &name).await.unwrap().unwrap().boxes["redis"].names.clone().unwrap();
    let next = format!("{}-next", redis[0].trim_start_matches('/'));
    let begun = async || engine.inspect_container(&next, None).await.ok();
    tokio::select! {
        wiped = lab.wipe_redis() => panic!("it was over before it was seen: {wiped:?}"),
        _ = eventually(&engine, "Redis is being emptied", begun) => {}
    }
    // Whoever makes something anew and lives is not disturbed at it; when it was interrupted, it heals that itself.
    let healed = place.told(&heal);
    assert!(healed.contains("redis was down and was started"), "{healed}");
    assert!(begun().await.is_some(), "{healed}");
    let healed = docker::heal::undo(&name).await.unwrap().join("; ");
    assert!(healed.contains("redis was being made anew; what there was of it is removed"), "{healed}");
    assert!(begun().await.is_none());
    // A tool that rotates a key and is killed half way: one replica has the new ring, the other the old one.
    lab.new_key("stateless", true).await.unwrap();
    lab.kill("stateless-1").await.unwrap();
    lab.start_again("stateless-1").await.unwrap();
    drop(lab);
    let healed = place.told(&heal);
    assert!(healed.contains("stateless-2 had an older key than its sibling"), "{healed}");

    // What carries none of our labels is not touched, whatever it is called.
    let stranger = ContainerCreateBody {
        image: Some("amnesia:dev".to_owned()),
        labels: Some(HashMap::from([("com.docker.compose.project".to_owned(), name.clone())])),
        ..ContainerCreateBody::default()
    };
    let called = format!("{name}-stranger");
    let options = CreateContainerOptionsBuilder::default().name(&called).build();
    engine.create_container(Some(options), stranger).await.unwrap();
    let restart = |target: &str| place.run(&["restart", target, "--driver", "docker", "--lab", &name]);
    for target in ["stranger", "1", ""] {
        let refused = restart(target);
        assert!(refused.status.code() == Some(64) && words(&refused).contains("no target"), "{refused:?}");
    }

    // Half up: a box that is down is named, and started by heal; one that is gone is named.
    let boxes = find::project(&engine, &name).await.unwrap().unwrap().boxes;
    let container = |name: &str| boxes[name].id.clone().unwrap();
    let two = container("stateless-2");
    engine.stop_container(&two, None).await.unwrap();
    let half = restart("stateless-1");
    assert!(half.status.code() == Some(3) && words(&half).contains("stateless-2 does not run"), "{half:?}");
    assert!(place.told(&heal).contains("stateless-2 was down and was started"));
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    engine.remove_container(&two, Some(force)).await.unwrap();
    let half = restart("stateless-1");
    // The cure as it can be typed: with the keys and ports of this lab, and not of another.
    let cure = format!("{} --env-file {} -p {name} up -d", program::called(), env_file.path().display());
    let missing = format!("stateless-2 is not there; `{cure}`");
    assert!(half.status.code() == Some(3) && unwrapped(&half).contains(&missing), "{half:?}");
    assert!(place.told(&["status", "--driver", "docker"]).contains("stateless-2 is not there"));
    // Without the database nobody becomes ready; what can be healed is, and what cannot is named.
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    engine.remove_container(&container("postgres"), Some(force)).await.unwrap();
    engine.pause_container(&container("stateless-1")).await.unwrap();
    engine.stop_container(&container("stateful-1"), None).await.unwrap();
    let half = place.run(&heal);
    let missing = format!("postgres, stateless-2 are not there; `{cure}`");
    for part in [&missing, "stateless-1 was paused and goes on", "stateful-1 was down and was started"] {
        assert!(half.status.code() == Some(3) && unwrapped(&half).contains(part), "{part}: {half:?}");
    }
    let mut mended = without_other_ports(Command::new("sh"));
    let mended = mended.args(["-c", &cure]).current_dir(root()).output().unwrap();
    assert!(mended.status.success(), "{mended:?}");
    // Compose knows the keys of the file, and its sibling has had a newer one since.
    let healed = place.told(&heal);
    assert!(healed.contains("stateless-2 had an older key than its sibling"), "{healed}");
    assert!(place.told(&heal).contains("nothing has to be undone"));

    // What was made anew is still the project's: down takes it along, and the stranger is not its own.
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    engine.remove_container(&called, Some(force)).await.unwrap();
    // By the file, as `make down` has it: by the name alone, Compose 2.26 stumbles over the box that is not there.
    compose(&["-f", "docker-compose.yml", "down", "-v"]);
    assert_eq!(left(&engine, &name).await, Vec::<String>::new());
    let gone = restart("stateless-1");
    assert!(gone.status.code() == Some(3) && words(&gone).contains("no lab called"), "{gone:?}");
}

#[tokio::test]
async fn compose_knows_a_lab_of_ours() {
    if !support::docker("what holds for containers only") {
        return;
    }
    if program::find().is_none() {
        return support::skip("compose_knows_a_lab_of_ours", "there is no Compose");
    }
    let name = name("known");
    let lab = Lab::of([service::stateful()]).replicas(1).on(DriverName::Docker).named(&name).start().await;
    let env_file = env_file();
    let listed = compose(&name, env_file.path()).arg("ps").output().unwrap();
    for part in ["stateful-1", "postgres", "Up"] {
        assert!(words(&listed).contains(part), "{part}: {listed:?}");
    }
    assert!(compose(&name, env_file.path()).args(["down", "-v"]).output().unwrap().status.success());
    assert_eq!(left(&engine::open().await.unwrap(), &name).await, Vec::<String>::new());
    // And then there is nothing left for us to end.
    lab.driver.stop().await;
}
