//! Does the gateway let an event stream be that has nothing to say for a while, and only that?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use chaos::driver::local::haproxy;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::process::{Child, Command};

/// Longer than a replica may take for an answer (`timeout server 5s`).
const SILENCE: Duration = Duration::from_secs(6);

const FIRST: &str = "data: 1\n\n";
const SECOND: &str = "data: 2\n\n";

/// A replica that is ready, and to everything else says one event, nothing for a while, and another.
async fn replica(mut stream: TcpStream) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut head = BufReader::new(read).lines();
    let asked = head.next_line().await?.unwrap_or_default();
    while head.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    if asked.contains("/readyz") {
        return write.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    }
    // In chunks: a body that goes on until its connection ends is a tunnel to HAProxy, and may be silent anyway.
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    write.write_all(format!("{head}{}", chunk(FIRST)).as_bytes()).await?;
    tokio::time::sleep(SILENCE).await;
    write.write_all(format!("{}0\r\n\r\n", chunk(SECOND)).as_bytes()).await
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// HAProxy by the file of the lab, entered by sockets in `folder`: no port can be somebody else's.
fn gateway(program: &Path, folder: &Path, replicas: &str) -> Child {
    let mut command = Command::new(program);
    let config = folder.join("haproxy.cfg");
    std::fs::write(&config, haproxy::CONFIG).unwrap();
    command.arg("-db").arg("-f").arg(config).kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::null());
    for service in ["STATEFUL", "STATELESS"] {
        for name in [format!("LAB_{service}_1"), format!("LAB_{service}_2")] {
            command.env(name, replicas);
        }
    }
    for entry in ["STATEFUL", "STATEFUL_STICKY", "STATELESS", "STATELESS_STICKY", "STATS"] {
        command.env(format!("LAB_GATEWAY_{entry}"), format!("unix@{}", folder.join(entry).display()));
    }
    command.spawn().unwrap()
}

/// What comes through an entry until its end, for who says that it takes this.
async fn comes(entry: &Path, accept: &str) -> String {
    let mut stream = UnixStream::connect(entry).await.unwrap();
    let request =
        format!("GET /events HTTP/1.1\r\nhost: lab\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    let read = stream.read_to_string(&mut said);
    tokio::time::timeout(SILENCE * 2, read).await.expect("it ends").unwrap();
    said
}

#[tokio::test]
async fn a_stream_of_events_may_be_silent_for_longer_than_an_answer_may_take() {
    let Some(haproxy) = haproxy::find() else {
        return support::skip(
            "a_stream_of_events_may_be_silent",
            "there is no haproxy (apt-get install haproxy)",
        );
    };
    let folder = tempfile::tempdir().unwrap();
    let replicas = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = replicas.local_addr().unwrap().to_string();
    let _gateway = gateway(&haproxy.program, folder.path(), &address);
    // It listens before it asks for the first time whether a replica is ready.
    let first = tokio::time::timeout(Duration::from_secs(5), replicas.accept()).await;
    let (first, _) = first.expect("the gateway asks its replicas").unwrap();
    tokio::spawn(replica(first));
    tokio::spawn(async move {
        while let Ok((stream, _)) = replicas.accept().await {
            tokio::spawn(replica(stream));
        }
    });
    let through = |entry: &str, accept| {
        let entry = folder.path().join(entry);
        async move { comes(&entry, accept).await }
    };
    let (one, two, three, four, control) = tokio::join!(
        through("STATEFUL", "text/event-stream"),
        through("STATEFUL_STICKY", "text/event-stream"),
        through("STATELESS", "text/event-stream"),
        through("STATELESS_STICKY", "text/event-stream"),
        through("STATEFUL", "application/json"),
    );
    for said in [one, two, three, four] {
        assert!(said.contains(FIRST) && said.contains(SECOND), "{said}");
    }
    assert!(
        control.contains(FIRST) && !control.contains(SECOND),
        "the control: an answer may not: {control}"
    );
}
