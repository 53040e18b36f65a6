//! Does the doctor see what containers need?

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::compose::free_ports;
use super::support;
use super::support::tool::{Place, words};

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
