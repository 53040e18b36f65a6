//! What if a lab in containers cannot start? It says why, and leaves nothing.

use std::net::TcpListener;

use chaos::driver::docker::{engine, labels};
use chaos::driver::{Driver, DriverName};
use chaos::service;

use super::support::tool::{Place, words};
use super::support::{self, Lab};
use super::{SMALL, Swept, labelled, left, name};

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
    let service = service::stateless().with_env("LAB_STORE", "redis://nowhere:6379");
    // Without a name it has whatever ports are free, and so none that another test of this process wants.
    let spec = Lab::of([service]).replicas(1).on(DriverName::Docker).spec();
    let error = format!("{:#}", Driver::start(&spec).await.unwrap_err());
    for part in ["stateless-1 at http", "is not ready after", r#""not_ready":["session_store"]"#] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let ours =
        vec![format!("{}={}", labels::OWNER, labels::Owner::me()), format!("{}=private", labels::KIND)];
    assert_eq!(labelled(&engine::open().await.unwrap(), ours).await, Vec::<String>::new());
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
