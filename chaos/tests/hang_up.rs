//! What does a client get away with that hangs up before it is answered? And one that repeats on another device?

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chaos::contract::site::address;
use chaos::service;
use hyper::Method;
use serde_json::json;
use support::{Call, Lab};

/// A service that takes as long for a password as in earnest; gone when dropped.
struct Earnest {
    child: Child,
    address: String,
}

impl Earnest {
    fn start(folder: &std::path::Path) -> Earnest {
        let mut command = Command::new(service::stateful().program().expect("the services are built"));
        command.env_clear().args(["--listen", "127.0.0.1:0", "--signing-key", "ephemeral", "--database"]);
        command.arg(format!("sqlite:{}", folder.join("lab.db").display()));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it can be run");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where");
        let address = line.trim().strip_prefix("listening on http://").expect("its first line").to_owned();
        Earnest { child, address }
    }

    /// Sends a name and a password there, and reads the status, for as long as it has patience.
    fn asked(&self, path: &str, password: &str, patience: Duration) -> Option<u16> {
        let body = json!({ "name": "ada", "password": password }).to_string();
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(patience)).expect("it can be bounded");
        let head = "host: lab\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .expect("it reads");
        let mut status = [0; 12];
        stream.read_exact(&mut status).ok()?;
        std::str::from_utf8(&status[9..]).ok()?.parse().ok()
    }
}

impl Drop for Earnest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_guess_counts_also_where_nobody_waits_for_its_answer() {
    let folder = tempfile::tempdir().expect("tests can write to the temporary folder");
    let service = Earnest::start(folder.path());
    let patient = Duration::from_secs(20);
    assert_eq!(service.asked("/accounts", support::PASSWORD, patient), Some(201));
    let mut unheard = 0;
    while unheard < 10 {
        match service.asked("/session", "wrong horse battery", Duration::from_millis(5)) {
            None => unheard += 1,
            // Quicker than it was given up: that one counts in any case.
            Some(status) => assert!(matches!(status, 401 | 429 | 503), "{status}"),
        }
    }
    let start = Instant::now();
    while service.asked("/session", support::PASSWORD, patient) != Some(429) {
        assert!(start.elapsed() < patient, "ten guesses, and the right password still opens the door");
    }
}

#[tokio::test]
async fn a_repeat_from_another_session_gets_the_order_and_leaves_the_cart_that_is_there() {
    let lab = Lab::twins().replicas(1).start().await;
    for replica in ["stateful-1", "stateless-1"] {
        let mut sessions = vec![lab.log_in(replica, replica).await];
        let again = json!({ "name": replica, "password": support::PASSWORD });
        let login = lab.send(replica, Call::new(Method::POST, "/session").body(again)).await;
        sessions.push(login.json["token"].as_str().expect("a token").to_owned());
        for (token, sku) in sessions.iter().zip(["book", "piano"]) {
            lab.put(replica, &format!("/cart/items/{sku}"), token, json!({ "quantity": 1 })).await;
            lab.put(replica, "/checkout/address", token, address()).await;
            lab.put(replica, "/checkout/payment", token, json!({ "method": "invoice" })).await;
        }
        for token in &sessions {
            let order = Call::new(Method::POST, "/orders").token(token).header("idempotency-key", "\"k\"");
            let placed = lab.send(replica, order.body(json!({ "cart_version": 1 }))).await;
            assert_eq!((placed.status, &placed.json["items"][0]["sku"]), (201, &json!("book")), "{placed:?}");
        }
        let cart = lab.get(replica, "/cart", &sessions[1]).await;
        assert_eq!(cart.json["items"][0]["sku"], "piano", "{cart:?}");
    }
}
