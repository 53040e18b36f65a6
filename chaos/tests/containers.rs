//! What holds for labs in containers only? They outlive the tool that made them, compose knows them, and
//! somebody else may have started them. Nothing of a lab is left, however its tool ends.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::time::Duration;

use bollard::Docker as Engine;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, EventsOptionsBuilder, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
};
use chaos::driver::docker::{engine, find, program, remove};
use chaos::driver::{Driver, DriverName, EXIT_WITHIN};
use chaos::fault::{self, Aim, Fault};
use chaos::service;
use chaos::way::Way;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use support::Lab;
use support::tool::{Place, signal, words};

/// What there is of a project in the engine.
async fn left(engine: &Engine, project: &str) -> Vec<String> {
    let filters = HashMap::from([("label", vec![format!("com.docker.compose.project={project}")])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let containers = engine.list_containers(Some(options)).await.unwrap();
    let mut left: Vec<String> = containers.into_iter().flat_map(|it| it.names.unwrap_or_default()).collect();
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    left.extend(engine.list_networks(Some(options)).await.unwrap().into_iter().filter_map(|it| it.name));
    let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
    let volumes = engine.list_volumes(Some(options)).await.unwrap().volumes.unwrap_or_default();
    left.extend(volumes.into_iter().map(|it| it.name));
    left
}

/// All that a tool has said, with long lines as one.
fn unwrapped(output: &std::process::Output) -> String {
    words(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name for a lab of this test.
fn name(of: &str) -> String {
    format!("test-{of}-{}", std::process::id())
}

/// Removes what a failed test leaves, when it goes.
struct Swept(String);

impl Drop for Swept {
    fn drop(&mut self) {
        let project = self.0.clone();
        let sweep = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let engine = engine::open().await.unwrap();
                remove::all_of(&engine, &project).await.unwrap();
            });
        };
        std::thread::spawn(sweep).join().unwrap();
    }
}

/// Waits until there is something to see: it looks at once, and again whenever something happens in the engine.
async fn eventually<T>(engine: &Engine, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    // From before the first look on, so that nothing is missed between it and the first event.
    let since = Timestamp::now().as_second().to_string();
    let events = engine.events(Some(EventsOptionsBuilder::default().since(&since).build()));
    let seen = async {
        let mut events = pin!(events);
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            events.try_next().await.unwrap().unwrap();
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(20), seen).await;
    seen.unwrap_or_else(|_| panic!("{what}: not within twenty seconds"))
}

/// The private lab that a tool has made, once there is something of it.
async fn private_lab_of(engine: &Engine, pid: u32) -> String {
    let prefix = format!("private-{pid}-");
    let look = async || {
        let labs = find::all(engine).await.unwrap();
        Some(labs.into_iter().find(|lab| lab.name.starts_with(&prefix))?.name)
    };
    eventually(engine, &format!("the lab of the tool with pid {pid}"), look).await
}

const SMALL: [&str; 8] = ["up", "--driver", "docker", "--service", "stateful", "--replicas", "1", "--lab"];

#[tokio::test]
async fn a_run_in_containers_is_told_like_any_other_and_keeps_every_boxs_log() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let results = tempfile::tempdir().unwrap();
    let place = Place::with_the_engine();
    let mut run = place.chaos(&["run", "cart", "kill", "--service", "stateful", "--driver", "docker"]);
    let output = run.env("CHAOS_RESULTS", results.path()).output().unwrap();
    let told = unwrapped(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for part in ["as predicted", "chaos started it", "--driver docker", "new boot id"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let latest = results.path().join("latest");
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(latest.join("result.json")).unwrap()).unwrap();
    assert_eq!(written["driver"], "docker");
    for (log, part) in [("stateful-1", "listening on"), ("postgres", "ready to accept connections")] {
        let text = std::fs::read_to_string(latest.join(format!("lab-1/{log}.log"))).unwrap();
        assert!(text.contains(part), "{log}: {text}");
    }
    assert_eq!(
        find::all(&engine::open().await.unwrap())
            .await
            .unwrap()
            .iter()
            .filter(|lab| lab.private && lab.owner.as_ref().is_some_and(|owner| !owner.lives()))
            .count(),
        0
    );
}

#[tokio::test]
async fn a_box_that_does_not_start_says_why_and_leaves_nothing() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let name = name("broken");
    let lab = Lab::of([service::stateful()]).replicas(1).args("stateful", ["--idle", "soon"]);
    let spec = lab.on(DriverName::Docker).named(&name).spec();
    let error = format!("{:#}", Driver::start(&spec).await.unwrap_err());
    assert!(error.contains("stateful-1 ended at once (exit status: 64)"), "{error}");
    assert!(error.contains("--idle"), "it gives the service's own last words: {error}");
    assert_eq!(left(&engine::open().await.unwrap(), &name).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_box_that_lives_and_never_gets_ready_is_named_and_nothing_is_left() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let name = name("unready");
    let service = service::stateless().with_env("LAB_STORE", "redis://nowhere:6379");
    let spec = Lab::of([service]).replicas(1).on(DriverName::Docker).named(&name).spec();
    let error = format!("{:#}", Driver::start(&spec).await.unwrap_err());
    for part in ["stateless-1 at http", "is not ready after", r#""not_ready":["session_store"]"#] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(left(&engine::open().await.unwrap(), &name).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_missing_or_taken_is_named_in_one_line() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let (place, name) = (Place::with_the_engine(), name("missing"));
    let _swept = Swept(name.clone());
    let up = || place.chaos(&[&SMALL[..], &[&name]].concat());
    let output = up().env("LAB_IMAGE", "amnesia:nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(words(&output).contains("no image amnesia:nowhere: run `make images`"), "{output:?}");

    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = up().env("LAB_PORT_STATEFUL_1", &port).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let line = format!("port {port} (LAB_PORT_STATEFUL_1) is in use");
    assert!(words(&output).contains(&line), "{output:?}");

    let output = up().args(["--store", "embedded"]).output().unwrap();
    assert!(output.status.code() == Some(3) && words(&output).contains("leave --store out"), "{output:?}");
    assert_eq!(left(&engine::open().await.unwrap(), &name).await, Vec::<String>::new());
}

/// A folder with a program in it that is called docker-compose and is no such thing.
fn compose_that(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-compose");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn the_doctor_has_a_line_for_each_thing_that_containers_need_and_a_cure_beside_what_is_wrong() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let place = Place::with_the_engine();
    // Ports that the labs of other tests do not want.
    let ports = free_ports();
    let doctor = || {
        let mut doctor = place.chaos(&["doctor"]);
        doctor.envs(ports.iter().cloned());
        doctor
    };
    let line = |doctor: &mut Command, about: &str| {
        let output = doctor.output().unwrap();
        // What containers lack never makes a machine unfit.
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let told = words(&output);
        let found = told.lines().find(|line| line.contains(about)).map(str::to_owned);
        found.unwrap_or_else(|| panic!("nothing about {about}: {told}"))
    };
    let well = ["the Docker engine", "MiB of memory", "ports of docker-compose.yml", "image amnesia:dev"];
    for about in well {
        assert!(line(&mut doctor(), about).starts_with("ok"), "{about}");
    }

    let no_image = line(doctor().env("LAB_IMAGE", "amnesia:nowhere"), "amnesia:nowhere");
    assert!(no_image.starts_with("poor") && no_image.contains("cure: make images"), "{no_image}");
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let in_use = line(doctor().env("LAB_PORT_REDIS", &port), "ports of docker-compose.yml");
    assert!(in_use.contains(&port) && in_use.contains("cure: end what uses them"), "{in_use}");

    // No `docker` on this path, so none of its plugins counts.
    let with = |folder: &Path| line(doctor().env("PATH", folder), "ompose");
    let says = compose_that("echo 9.8.7");
    assert!(with(says.path()).starts_with("ok   docker-compose 9.8.7 is at /"), "{}", with(says.path()));
    let broken = compose_that("echo no module named docker; exit 1");
    let broken = with(broken.path());
    assert!(broken.starts_with("poor") && broken.contains("cure: install it again"), "{broken}");
    let none = with(Path::new("/nowhere"));
    assert!(none.starts_with("poor there is no Compose") && none.contains("cure: apt install"), "{none}");
}

#[tokio::test]
async fn however_an_up_ends_nothing_is_left_and_a_killed_one_is_healed_away() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let (place, engine) = (Place::with_the_engine(), engine::open().await.unwrap());
    let (one, two) = (name("one"), name("two"));
    let _swept = (Swept(one.clone()), Swept(two.clone()));
    // Two side by side: the second takes other ports than the usual ones.
    let mut first = place.up(&[&SMALL[1..], &[&one]].concat());
    let mut second = place.up(&[&SMALL[1..], &[&two]].concat());
    let again = place.run(&[&SMALL[..], &[&one]].concat());
    assert!(again.status.code() == Some(3) && words(&again).contains("is up already"), "{again:?}");
    let status = place.told(&["status", "--driver", "docker"]);
    assert!(
        status.contains(&format!("lab {one:?} in containers: up")) && status.contains("boot stateful-1."),
        "{status}"
    );
    // The replica and its database, each since when.
    assert!(status.matches("  up for ").count() >= 2, "{status}");
    let (target, lab) = (["restart", "stateful-1", "--driver", "docker"], ["--lab", &two]);
    let restarted = place.told(&[&target[..], &lab[..]].concat());
    assert!(
        restarted.contains("new boot id") && restarted.contains("stop") && restarted.contains("gone"),
        "{restarted}"
    );
    assert!(place.told(&["status", "--driver", "docker"]).contains("restarted 1 times"));

    assert_eq!(second.end(Signal::SIGINT), Some(130));
    assert_eq!(left(&engine, &two).await, Vec::<String>::new());

    // A tool that is killed in the middle of a fault leaves the box paused; heal lets it go on.
    let mut pause = place.chaos(&[&target[..], &["--how", "pause", "--for", "1h", "--lab", &one]].concat());
    let mut pause = pause.stdout(Stdio::null()).spawn().unwrap();
    let paused = async || {
        let found = engine.inspect_container(&format!("{one}-stateful-1-1"), None).await.unwrap();
        found.state.unwrap().paused == Some(true)
    };
    eventually(&engine, "it is paused", async || paused().await.then_some(())).await;
    signal(&pause, Signal::SIGKILL);
    pause.wait().unwrap();
    assert!(place.told(&["status", "--driver", "docker"]).contains("frozen"));
    let heal = ["heal", "--driver", "docker", "--lab", &one];
    assert!(place.told(&heal).contains("stateful-1 was paused and goes on"));
    assert!(!paused().await && place.told(&heal).contains("nothing has to be undone"));

    // And when the tool that made it is killed, it goes on, until somebody heals it away or takes its name.
    assert_eq!(first.end(Signal::SIGKILL), None);
    assert!(place.told(&["status", "--driver", "docker"]).contains("left behind"));
    let mut third = place.up(&[&SMALL[1..], &[&one]].concat());
    assert_eq!(third.end(Signal::SIGKILL), None);
    assert!(place.told(&heal).contains("its tool is gone; what it left behind is removed"));
    assert_eq!(left(&engine, &one).await, Vec::<String>::new());
    let gone = place.run(&heal);
    assert!(gone.status.code() == Some(3) && words(&gone).contains("no lab called"), "{gone:?}");
}

#[tokio::test]
async fn an_up_that_is_interrupted_on_its_way_leaves_nothing() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let (place, engine) = (Place::with_the_engine(), engine::open().await.unwrap());
    let name = name("early");
    let _swept = Swept(name.clone());
    let first_box = format!("{name}-postgres-1");
    let state = async || engine.inspect_container(&first_box, None).await.ok()?.state?.running;
    // While its boxes are being made; and when the first of them runs, and the others wait for it.
    for (stop, runs) in [(Signal::SIGINT, false), (Signal::SIGTERM, true)] {
        let mut up = place.chaos(&[&SMALL[..], &[&name]].concat());
        let up = up.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let seen = async || state().await.filter(|running| *running || !runs);
        eventually(&engine, "its first box", seen).await;
        signal(&up, stop);
        let output = up.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{stop}: {output:?}");
        assert_eq!(words(&output), "", "it was not up yet, and has nothing to complain about");
        assert_eq!(left(&engine, &name).await, Vec::<String>::new(), "{stop}");
    }
}

#[tokio::test]
async fn a_run_that_is_interrupted_leaves_nothing_and_a_killed_one_is_healed_away() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let (place, engine) = (Place::with_the_engine(), engine::open().await.unwrap());
    let results = tempfile::tempdir().unwrap();
    let start = || {
        let mut run = place.chaos(&["run", "cart", "kill", "--service", "stateful", "--driver", "docker"]);
        run.env("CHAOS_RESULTS", results.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    // While its boxes are being made.
    let mut run = start();
    let lab = private_lab_of(&engine, run.id()).await;
    signal(&run, Signal::SIGINT);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(left(&engine, &lab).await, Vec::<String>::new());

    let mut run = start();
    let lab = private_lab_of(&engine, run.id()).await;
    let _swept = Swept(lab.clone());
    assert!(Driver::attach(DriverName::Docker, &lab).await.is_err(), "it is not for others");
    let heal = ["heal", "--driver", "docker", "--lab", &lab];
    assert!(place.told(&heal).contains("left alone"));
    signal(&run, Signal::SIGKILL);
    run.wait().unwrap();
    // What the engine was asked for and had not yet answered may still come.
    eventually(&engine, "heal finds all of it", async || {
        place.run(&heal);
        left(&engine, &lab).await.is_empty().then_some(())
    })
    .await;
}

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
fn free_ports() -> Vec<(String, String)> {
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
    let healed = place.told(&heal);
    for part in
        ["redis was being made anew; what there was of it is removed", "redis was down and was started"]
    {
        assert!(healed.contains(part), "{part}: {healed}");
    }
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
