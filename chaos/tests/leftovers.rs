//! Does anything ever stay behind? However a lab ends, by Ctrl-C, by a panic, by `kill -9`, no process
//! and no folder outlives it; and what could, `chaos heal` ends.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chaos::driver::local::proc;
use chaos::driver::{Driver, DriverName, Store};
use chaos::fault::{self, Aim, Fault};
use chaos::state::folder::{self, Claim, Folder, folder_of};
use chaos::state::{Condition, LabState, ProcessId, ProcessState, machine_boot};
use chaos::way::Way;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use support::tool::{Place, Up, eventually, signal, words};
use support::{Lab, Running};

async fn processes(lab: &Running) -> Vec<ProcessId> {
    let state = lab.driver.look().await.unwrap();
    let ids: Vec<ProcessId> = state.processes.values().map(|process| process.id.unwrap()).collect();
    assert!(ids.len() >= 4 && ids.iter().all(|id| proc::runs(*id)));
    ids
}

fn processes_in(place: &Place, lab: &str) -> Vec<ProcessId> {
    let state = LabState::load(&place.labs().join(lab)).unwrap();
    state.processes.values().map(|process| process.id.unwrap()).collect()
}

#[tokio::test]
async fn a_lab_that_is_stopped_or_dropped_leaves_nothing() {
    for stop in [true, false] {
        let lab = Lab::twins().start().await;
        let (ids, folder) = (processes(&lab).await, folder_of(&lab.driver.lab().name).unwrap());
        assert!(folder.exists());
        // Frozen or not.
        lab.driver.freeze("stateful-1").await.unwrap();
        if stop {
            lab.driver.stop().await
        } else {
            drop(lab)
        }
        assert!(!ids.iter().any(|id| proc::runs(*id)), "stop: {stop}");
        assert!(!folder.exists(), "stop: {stop}");
    }
}

#[tokio::test]
async fn a_panic_leaves_nothing() {
    let lab = Lab::twins().start().await;
    let (ids, folder) = (processes(&lab).await, folder_of(&lab.driver.lab().name).unwrap());
    let panicked = tokio::spawn(async move {
        let _lab = lab;
        panic!("on purpose");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert!(!ids.iter().any(|id| proc::runs(*id)) && !folder.exists());
}

#[tokio::test]
async fn a_lab_that_does_not_start_says_why_and_leaves_nothing() {
    let mut spec = chaos::driver::LabSpec::new(vec![
        chaos::service::stateless(),
        chaos::service::stateful().with_args(["--idle", "soon"]),
    ]);
    spec.name = Some(format!("broken-{}", std::process::id()));
    let error = format!("{:#}", Driver::start(&spec).await.unwrap_err());
    assert!(error.contains("stateful-") && error.contains("ended at once (exit status: 64)"), "{error}");
    assert!(error.contains("--idle"), "it gives the service's own last words: {error}");
    assert!(!folder_of(spec.name.as_ref().unwrap()).unwrap().exists());
}

/// Whether a terminal that closes is none of this process's business, nor of those that it starts.
fn under_nohup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 != 0
}

#[test]
fn ctrl_c_ends_an_up_with_130_and_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        if signal == Signal::SIGHUP && under_nohup() {
            support::skip("a terminal that closes", "these tests run under nohup, and so would the tool");
            continue;
        }
        let place = Place::new();
        let mut up = place.up(&[]);
        let ids = processes_in(&place, "lab");
        assert_eq!(up.end(signal), Some(130), "{signal}");
        assert!(!ids.iter().any(|id| proc::runs(*id)), "{signal}");
        assert_eq!(place.left_behind(), Vec::<&Path>::new(), "{signal}");
    }
}

#[test]
fn ctrl_c_during_the_start_leaves_nothing() {
    let place = Place::new();
    let mut up = Up::start(place.chaos(&["up"]));
    eventually("the lab's folder is there", || place.labs().join("lab/state.json").exists());
    assert_eq!(up.end(Signal::SIGINT), Some(130));
    assert_eq!(place.left_behind(), Vec::<&Path>::new());
}

#[test]
fn a_tool_killed_in_the_middle_of_a_fault_leaves_no_process_and_heal_removes_the_rest() {
    let place = Place::new();
    let mut up = place.up(&[]);
    let ids = processes_in(&place, "lab");
    for id in &ids {
        proc::signal(*id, Signal::SIGSTOP);
    }
    assert_eq!(up.end(Signal::SIGKILL), None);
    eventually("every process is gone, the frozen ones too", || !ids.iter().any(|id| proc::runs(*id)));
    assert!(place.labs().join("lab").exists(), "there was nobody to remove it");
    assert!(place.told(&["doctor"]).contains("cure: chaos heal"));
    assert!(place.told(&["status"]).contains("left behind"));
    assert!(place.told(&["heal"]).contains("its tool is gone"));
    assert_eq!(place.left_behind(), Vec::<&Path>::new());
    assert!(place.told(&["heal"]).contains("nothing to heal"));
}

#[test]
fn a_tool_that_is_interrupted_in_the_lab_of_another_undoes_what_it_did_there() {
    let place = Place::new();
    let mut up = place.up(&[]);
    let state = || LabState::load(&place.labs().join("lab")).unwrap().processes["stateful-1"].clone();
    for stop in [Signal::SIGINT, Signal::SIGTERM] {
        let mut pause = place.chaos(&["restart", "stateful-1", "--how", "pause", "--for", "1h"]);
        let pause = pause.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        eventually("it is paused", || state().condition == Condition::Frozen);
        signal(&pause, stop);
        let output = pause.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let said = words(&output);
        assert!(said.contains("interrupted; lab lab: stateful-1 was frozen and goes on"), "{said}");
        assert_eq!(state().condition, Condition::Up);
    }
    // What somebody else has undone meanwhile is not proven, and what may be left has a cure.
    let mut pause = place.chaos(&["restart", "stateful-1", "--how", "pause", "--for", "2s"]);
    let pause = pause.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("it is paused", || state().condition == Condition::Frozen);
    assert!(place.told(&["heal", "--driver", "local"]).contains("stateful-1 was frozen and goes on"));
    let output = pause.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = words(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("`chaos heal --driver local --lab lab` undoes what may be left"), "{said}");
    // Whoever mistypes its name is not told that all is well.
    let mistyped = place.run(&["heal", "--driver", "local", "--lab", "lob"]);
    assert!(
        mistyped.status.code() == Some(3) && words(&mistyped).contains("no lab called \"lob\""),
        "{mistyped:?}"
    );

    let hit: serde_json::Value =
        serde_json::from_str(&place.told(&["restart", "stateful", "--how", "kill", "--json"])).unwrap();
    assert_eq!((hit["how"].as_str(), hit["targets"].as_array().map(Vec::len)), (Some("kill"), Some(2)));
    for (at, name) in ["stateful-1", "stateful-2"].into_iter().enumerate() {
        let target = &hit["targets"][at];
        assert!(target["target"] == name && target["proven"] == true, "{hit:#}");
        assert!(target["restart"]["ready_ms"].as_f64() > Some(0.0), "{hit:#}");
    }
    // The way to see it again leads to the same lab.
    let results = place.path().join("results");
    let mut run =
        place.chaos(&["run", "cart", "pause", "--service", "stateful", "--for", "20ms", "--seed", "3"]);
    let told = run.args(["--lab", "lab"]).env("CHAOS_RESULTS", &results).output().unwrap();
    let told = words(&told).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("--phase after --seed 3 --for 20ms --lab lab"), "{told}");
    assert_eq!(up.end(Signal::SIGINT), Some(130));
    // The only lab that is up is the one that is meant.
    let mut up = place.up(&["--lab", "other"]);
    assert!(place.told(&["restart", "stateful-1"]).contains("new boot id"));
    // And stays the one that is meant, whatever comes up meanwhile.
    let mut pause = place.chaos(&["restart", "stateful-1", "--how", "pause", "--for", "1h"]);
    let pause = pause.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let other = || LabState::load(&place.labs().join("other")).unwrap().processes["stateful-1"].clone();
    eventually("it is paused", || other().condition == Condition::Frozen);
    let mut later = place.up(&["--replicas", "1"]);
    signal(&pause, Signal::SIGINT);
    let said = words(&pause.wait_with_output().unwrap());
    assert!(said.contains("interrupted; lab other: stateful-1 was frozen and goes on"), "{said}");
    assert_eq!(later.end(Signal::SIGINT), Some(130));
    assert_eq!(up.end(Signal::SIGINT), Some(130));
}

#[test]
fn a_load_whose_lab_is_taken_away_ends_with_it() {
    let place = Place::new();
    let mut up = place.up(&["--replicas", "1", "--service", "stateful"]);
    let mut load = place.chaos(&["load", "--service", "stateful", "--clients", "2", "--lab", "lab"]);
    load.args(["--for", "10m", "--every", "100ms"]).env("CHAOS_RESULTS", place.path().join("results"));
    let load = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let restarts = || LabState::load(&place.labs().join("lab")).unwrap().processes["stateful-1"].restarts;
    eventually("it strikes", || restarts() > 0);
    let start = Instant::now();
    assert_eq!(up.end(Signal::SIGKILL), None);
    let output = load.wait_with_output().unwrap();
    assert!(output.status.code() == Some(3) && start.elapsed() < Duration::from_secs(120), "{output:?}");
}

/// A claim that is half made looks like one that was left behind half made.
#[test]
fn whoever_removes_what_was_left_behind_disturbs_nobody_who_begins() {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                folder::remove_doomed().unwrap();
            }
        });
        for number in 0..300 {
            let claim = Folder::claim(&format!("claim-{}-{number}", std::process::id()));
            if !matches!(claim, Ok(Claim::Ours(_))) {
                over.store(true, Ordering::Relaxed);
                panic!("{number}: {claim:?}");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn an_up_after_a_killed_up_takes_its_name_over() {
    let place = Place::new();
    place.up(&[]).end(Signal::SIGKILL);
    assert_eq!(place.up(&[]).end(Signal::SIGTERM), Some(130));
    assert_eq!(place.left_behind(), Vec::<&Path>::new());
}

/// The state file of a dead lab that had started `processes`.
fn dead_lab(place: &Place, mark: &str, processes: &[(&str, ProcessId, Condition)]) {
    let folder = place.labs().join("dead");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("lock"), "").unwrap();
    let started_at = Timestamp::now();
    let state = |(name, id, condition): &(&str, ProcessId, Condition)| {
        ((*name).to_owned(), ProcessState { id: Some(*id), condition: *condition, restarts: 0, started_at })
    };
    let lab = LabState {
        name: "dead".to_owned(),
        tool_pid: 1,
        machine_boot: machine_boot(),
        mark: mark.to_owned(),
        started_at,
        store: Store::Embedded { why: "a test".to_owned() },
        logs: folder.join("logs"),
        replicas: BTreeMap::new(),
        gateway: None,
        processes: processes.iter().map(state).collect(),
    };
    lab.save(&folder).unwrap();
}

fn start(command: &mut Command) -> (Child, ProcessId) {
    let command = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let pid = child.id().cast_signed();
    (child, ProcessId { pid, start_ticks: proc::stat(pid).unwrap().start_ticks })
}

#[test]
fn heal_ends_what_outlived_its_tool_and_only_that() {
    let place = Place::new();
    place.told(&["heal"]); // Makes the folders with the right owner and mode.
    let (mut survivor, survivor_id) = start(Command::new("sleep").arg("60"));
    let (mut frozen, frozen_id) = start(Command::new("sleep").arg("60"));
    let (mut stranger, mut stranger_id) = start(Command::new("sleep").arg("60"));
    proc::signal(frozen_id, Signal::SIGSTOP);
    // The same number, another process: a stranger that got it after ours had ended.
    stranger_id.start_ticks -= 1;
    let processes = [
        ("stateful-1", survivor_id, Condition::Up),
        ("stateful-2", frozen_id, Condition::Frozen),
        ("redis", stranger_id, Condition::Up),
    ];
    dead_lab(&place, "CHAOS_LAB=dead.1", &processes);
    let told = place.told(&["heal"]);
    assert!(told.contains("stateful-1") && told.contains("stateful-2") && !told.contains("redis"), "{told}");
    assert!(!survivor.wait().unwrap().success() && !frozen.wait().unwrap().success());
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was left alone");
    assert_eq!(place.left_behind(), Vec::<&Path>::new());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_lab_that_cannot_be_healed_is_named_and_keeps_no_other_from_healing() {
    let place = Place::new();
    place.told(&["heal"]);
    // Somebody owns it and obeys nobody.
    let stubborn = place.labs().join("a-stubborn-one");
    fs::create_dir_all(&stubborn).unwrap();
    let lock = fs::File::create(stubborn.join("lock")).unwrap();
    lock.try_lock().unwrap();
    fs::write(stubborn.join("control"), "").unwrap();
    dead_lab(&place, "", &[]);
    let healed = place.run(&["heal"]);
    let told = words(&healed);
    assert!(healed.status.code() == Some(3) && told.contains("chaos: a-stubborn-one: "), "{told}");
    assert!(told.contains("dead: its tool is gone; what it left behind is removed"), "{told}");
    assert_eq!(place.left_behind(), [stubborn]);

    let nobody = place.run(&["heal", "--lab", "dead"]);
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
    assert!(words(&nobody).contains("no lab called \"dead\""), "{nobody:?}");
}

#[test]
fn heal_ends_the_children_of_a_process_that_is_gone() {
    let place = Place::new();
    place.told(&["heal"]);
    let mark = "CHAOS_LAB=dead.2";
    let group = |marked: &str| {
        let pid_file = place.labs().join("child");
        let script = format!("sleep 60 & echo $! > {}; exec sleep 60", pid_file.display());
        let (mut leader, id) = start(Command::new("sh").args(["-c", &script]).env("CHAOS_LAB", marked));
        eventually("it has a child", || fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n')));
        let child: i32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        fs::remove_file(&pid_file).unwrap();
        leader.kill().unwrap();
        leader.wait().unwrap();
        let child = ProcessId { pid: child, start_ticks: proc::stat(child).unwrap().start_ticks };
        (id, child)
    };
    let (ours, our_child) = group("dead.2");
    let (theirs, their_child) = group("another.3");
    dead_lab(&place, mark, &[("one", ours, Condition::Up), ("two", theirs, Condition::Up)]);
    let told = place.told(&["heal"]);
    assert!(told.contains("1 processes that one had started were ended"), "{told}");
    eventually("our child is gone", || !proc::runs(our_child));
    assert!(proc::runs(their_child), "without the lab's mark it is somebody else's");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(their_child.pid), Signal::SIGKILL).unwrap();
}

#[test]
fn two_labs_cannot_have_one_name_and_the_first_keeps_it() {
    let place = Place::new();
    let mut up = place.up(&["--replicas", "1"]);
    let second = place.run(&["up"]);
    assert_eq!(second.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&second.stderr).contains("is up already"), "{second:?}");
    let mut other = place.up(&["--replicas", "1", "--lab", "other"]);
    let status = place.told(&["status"]);
    assert_eq!(status.matches("up, owned by").count(), 2, "{status}");
    assert_eq!(other.end(Signal::SIGINT), Some(130));
    assert!(place.told(&["heal"]).contains("nothing has to be undone"));
    assert_eq!(up.end(Signal::SIGINT), Some(130));
}

#[tokio::test]
async fn another_tool_can_do_everything_to_a_lab_that_is_up_and_nothing_to_a_private_one() {
    // In the usual place, for this test is itself the other tool.
    let name = format!("up-{}", std::process::id());
    let mut up = Command::new(env!("CARGO_BIN_EXE_chaos"));
    up.args(["up", "--lab", &name]);
    let mut up = Up::wait_for(up);
    let driver = Driver::attach(DriverName::Local, &name).await.unwrap();
    for fault in Fault::ALL {
        if fault.row().hits == fault::Hits::Redis && driver.redis_url().is_err() {
            continue;
        }
        // What is out of rotation for a while has to be in it first.
        if matches!(fault, Fault::Drain | Fault::KillSibling) && driver.gateway().is_err() {
            continue;
        }
        let aim = Aim {
            driver: &driver,
            service: "stateless",
            replica: "stateless-1",
            way: Way::Direct,
            held: None,
            pause_for: Duration::from_millis(20),
        };
        let mut strike = fault::strike(fault, aim).await.unwrap();
        fault::undo(&mut strike, &driver).await.unwrap();
        assert!(strike.proof.proven, "{fault}: {:?}", strike.proof);
    }
    let state = driver.look().await.unwrap();
    assert!(state.processes["stateless-1"].restarts >= 5, "{:?}", state.processes);
    // What a killed tool leaves in force is undone by the owner.
    driver.freeze("stateful-1").await.unwrap();
    driver.kill("stateless-2").await.unwrap();
    drop(driver);
    let healed = chaos::heal::heal(&name).await.unwrap();
    assert_eq!(healed.len(), 2, "{healed:?}");
    assert_eq!(up.end(Signal::SIGINT), Some(130));

    let private = Lab::of([chaos::service::stateful()]).start().await;
    let name = private.driver.lab().name.clone();
    assert!(chaos::heal::heal(&name).await.unwrap()[0].contains("left alone"));
    assert!(Driver::attach(DriverName::Local, &name).await.is_err());
    assert!(Driver::attach(DriverName::Local, "nobody").await.unwrap_err().to_string().contains("chaos up"));
}
