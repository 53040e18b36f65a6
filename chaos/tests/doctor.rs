//! Does the doctor find what is wrong, and name a cure? And does `up` say what it does without?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::process::{Command, Output};

use support::tool::Place;

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The line about something.
fn line<'a>(told: &'a str, about: &str) -> &'a str {
    told.lines().find(|line| line.contains(about)).unwrap_or_else(|| panic!("nothing about {about}: {told}"))
}

#[test]
fn a_healthy_machine_has_a_line_for_each_thing_and_exit_0() {
    let output = Place::new().run(&["doctor"]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let things =
        ["stateful-svc", "stateless-svc", "redis-server", "haproxy", "ports", "MiB free", "core", "files"];
    for about in things {
        line(&told, about);
    }
    assert!(line(&told, "stateful-svc").starts_with("ok"), "{told}");
}

#[test]
fn missing_binaries_are_bad_and_the_cure_stands_beside_them() {
    let mut doctor = Place::new().chaos(&["doctor"]);
    let output = doctor.env("CHAOS_BIN_DIR", "/nowhere").output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    let line = line(&told, "stateless-svc");
    assert!(line.starts_with("BAD") && line.contains("cure: cargo build"), "{line}");
}

#[test]
fn without_redis_a_lab_is_poorer_and_runs_all_the_same() {
    let place = Place::new();
    let output = place.chaos(&["doctor"]).env("PATH", "/nowhere").output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let line = line(&told, "redis-server");
    assert!(line.starts_with("poor") && line.contains("cure: apt install redis-server"), "{line}");
    let line = self::line(&told, "haproxy");
    assert!(line.starts_with("poor") && line.contains("cure: apt install haproxy"), "{line}");

    let output = place.chaos(&["up", "--store", "redis"]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("apt install redis-server"), "{output:?}");
    let up = place.up(&["--store", "embedded"]);
    assert!(
        up.said.contains("faults on Redis are not available") && up.said.contains("SQLite"),
        "{}",
        up.said
    );
}

#[test]
fn a_temporary_folder_that_cannot_be_written_to_is_bad() {
    let output = Place::new().chaos(&["doctor"]).env("TMPDIR", "/proc").output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(line(&told, "set TMPDIR to a folder you can write to").starts_with("BAD"), "{told}");
}

#[test]
fn too_few_open_files_are_bad_and_enough_for_one_lab_are_poor() {
    let place = Place::new();
    let program = place.chaos(&[]).get_program().to_owned();
    for (limit, begins) in [(64, "BAD"), (200, "poor")] {
        let mut few = Command::new("sh");
        few.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" doctor")]).arg(&program);
        let told = few.output().unwrap();
        let text = text(&told);
        let found = line(&text, &format!("{limit} files may be open"));
        assert!(found.starts_with(begins) && found.contains("cure: ulimit -Hn "), "{told:?}");
    }
}

#[test]
fn without_an_engine_every_command_for_containers_says_so_in_one_line() {
    let place = Place::new();
    let told = text(&place.run(&["doctor"]));
    let found = line(&told, "no Docker engine answers at /nowhere");
    assert!(
        found.starts_with("poor") && found.contains("cure: start it (sudo systemctl start docker)"),
        "{found}"
    );
    for words in [
        "up",
        "run cart kill",
        "matrix --moments telling",
        "restart stateful",
        "load --for 1s",
        "show",
        "status",
        "heal",
        "restart stateful --driver swarm",
    ] {
        let mut args: Vec<&str> = words.split(' ').collect();
        if !args.contains(&"--driver") {
            args.extend(["--driver", "docker"]);
        }
        let output = place.run(&args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(3), 1), "{words}: {output:?}");
        assert!(said.contains("no Docker engine answers at /nowhere: start it"), "{words}: {said}");
    }
    let far = place.chaos(&["status", "--driver", "docker"]).env("DOCKER_HOST", "tcp://far:2375").output();
    let said = String::from_utf8(far.unwrap().stderr).unwrap();
    assert!(said.contains("labs need an engine on this machine: unset it"), "{said}");
}

#[test]
fn the_same_can_be_had_as_json() {
    let place = Place::new();
    let told: serde_json::Value = serde_json::from_str(&place.told(&["doctor", "--json"])).unwrap();
    assert!(told["findings"].as_array().unwrap().iter().all(|finding| finding["health"].is_string()));
    let up = place.up(&["--replicas", "1", "--service", "stateful"]);
    let status: serde_json::Value = serde_json::from_str(&place.told(&["status", "--json"])).unwrap();
    let lab = &status["labs"][0];
    assert_eq!((lab["name"].as_str(), lab["tool_pid"].as_i64()), (Some("lab"), Some(i64::from(up.pid()))));
    let replica = &lab["processes"][0];
    assert_eq!(replica["name"], "stateful-1");
    assert!(replica["boot_id"].as_str().unwrap().starts_with("stateful-1."), "{replica}");
    assert!(up.said.contains(replica["url"].as_str().unwrap()), "{}", up.said);
}
