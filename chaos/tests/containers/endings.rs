//! What is left of a lab in containers when its tool is interrupted or killed?

use std::process::Stdio;

use bollard::Docker as Engine;
use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use chaos::driver::docker::{engine, find, labels};
use chaos::driver::{Driver, DriverName};
use nix::sys::signal::Signal;

use super::support::tool::{Place, signal, words};
use super::{SMALL, Swept, eventually, left, name, support};

/// The private lab that a tool has made, once there is something of it.
async fn private_lab_of(engine: &Engine, pid: u32) -> String {
    let prefix = format!("private-{pid}-");
    let look = async || {
        let labs = find::all(engine).await.unwrap();
        Some(labs.into_iter().find(|lab| lab.name.starts_with(&prefix))?.name)
    };
    eventually(engine, &format!("the lab of the tool with pid {pid}"), look).await
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

    // A tool that is interrupted in the middle of a fault lets the box go on; one that is killed leaves it paused, and
    // heal lets it go on.
    let pause = || {
        let mut pause =
            place.chaos(&[&target[..], &["--how", "pause", "--for", "1h", "--lab", &one]].concat());
        pause.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let paused = async || {
        let found = engine.inspect_container(&format!("{one}-stateful-1-1"), None).await.unwrap();
        found.state.unwrap().paused == Some(true)
    };
    let interrupted = pause();
    eventually(&engine, "it is paused", async || paused().await.then_some(())).await;
    signal(&interrupted, Signal::SIGINT);
    let interrupted = interrupted.wait_with_output().unwrap();
    let said = words(&interrupted);
    assert!(
        interrupted.status.code() == Some(130) && said.contains("stateful-1 was paused and goes on"),
        "{said}"
    );
    assert!(!paused().await);
    let mut pause = pause();
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
async fn what_a_killed_tool_has_left_without_a_container_is_healed_away() {
    if !support::docker("what holds for containers only") {
        return;
    }
    let (place, engine, name) = (Place::with_the_engine(), engine::open().await.unwrap(), name("remains"));
    let _swept = Swept(name.clone());
    // As it is between the network and the first container.
    let owned_by = |owner: &str| {
        let labels = [("com.docker.compose.project", &*name), ("amnesia.owner", owner)];
        Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    };
    let labels = owned_by("1.1.before-the-last-boot");
    let network = NetworkCreateRequest { name: name.clone(), labels: labels.clone(), ..Default::default() };
    engine.create_network(network).await.unwrap();
    let volume = VolumeCreateRequest { name: Some(name.clone()), labels, ..Default::default() };
    engine.create_volume(volume).await.unwrap();
    let heal = ["heal", "--driver", "docker", "--lab", &name];
    assert!(place.told(&heal).contains("its tool is gone; what it left behind is removed"));
    assert_eq!(left(&engine, &name).await, Vec::<String>::new());
    // A tool that lives will make its containers yet.
    let labels = owned_by(&labels::Owner::me().to_string());
    let network = NetworkCreateRequest { name: name.clone(), labels, ..Default::default() };
    engine.create_network(network).await.unwrap();
    assert_eq!(place.run(&heal).status.code(), Some(3));
    assert_eq!(left(&engine, &name).await, std::slice::from_ref(&name));
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

    // While they are being taken away again.
    let mut run = start();
    let lab = private_lab_of(&engine, run.id()).await;
    let _swept = Swept(lab.clone());
    let replica = format!("{lab}-stateful-1-1");
    let runs = async || engine.inspect_container(&replica, None).await.ok()?.state?.running;
    eventually(&engine, "its first replica runs", async || runs().await.filter(|runs| *runs)).await;
    let all = left(&engine, &lab).await.len();
    let fewer = async || (left(&engine, &lab).await.len() < all).then_some(());
    eventually(&engine, "the first of its boxes is gone", fewer).await;
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
