//! How does a test get a lab, and talk to it?
//!
//! ```ignore
//! let lab = Lab::of([service::stateless()]).replicas(1).args("stateless", ["--idle", "1s"]).start().await;
//! let ada = lab.log_in("stateless-1", "ada").await;
//! assert_eq!(lab.get("stateless-1", "/cart", &ada).await.status, 200);
//! ```

#![allow(dead_code, reason = "each test binary uses another part")]
#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "../../../shared/tests/support/postgres.rs"]
pub mod postgres;
#[path = "../../../shared/tests/support/skip.rs"]
pub mod skip;
pub mod document;
pub mod fresh_clone;
pub mod tool;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use chaos::driver::{Driver, DriverName, LabSpec, StoreWish};
use chaos::http::{self, NoAnswer};
use chaos::service::{self, Service};
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use postgres::Postgres;
#[allow(unused_imports, reason = "not every test skips something")]
pub use skip::skip;

/// The password of every account that a test makes.
pub const PASSWORD: &str = "correct horse battery";

/// What a test's lab should be like.
pub struct Lab {
    spec: LabSpec,
}

impl Lab {
    /// Both twins, two replicas each, Redis where it is installed, SQLite.
    pub fn twins() -> Self {
        Lab::of(service::twins())
    }

    /// These services.
    pub fn of(services: impl IntoIterator<Item = Service>) -> Self {
        Lab { spec: LabSpec::new(services.into_iter().collect()) }
    }

    /// So many replicas of each.
    pub fn replicas(mut self, count: usize) -> Self {
        self.spec.replicas = count;
        self
    }

    /// More arguments for one service.
    pub fn args<const N: usize>(mut self, service: &str, args: [&str; N]) -> Self {
        self.change(service, |it| it.with_args(args));
        self
    }

    /// One more variable in the environment of one service.
    pub fn env(mut self, service: &str, name: &str, value: &str) -> Self {
        self.change(service, |it| it.with_env(name, value));
        self
    }

    /// Sessions that are kept outside live here.
    pub fn store(mut self, store: StoreWish) -> Self {
        self.spec.store = store;
        self
    }

    /// With a gateway in front.
    pub fn gateway(mut self) -> Self {
        self.spec.gateway = true;
        self
    }

    /// With a gateway in front that is wrong: `from` in its configuration is replaced by `to`.
    pub fn wrong_gateway(mut self, from: &str, to: &str) -> Self {
        let right = chaos::driver::local::haproxy::CONFIG;
        assert!(right.contains(from), "the gateway's configuration does not say {from:?}");
        self.spec.gateway_config = Some(right.replace(from, to));
        self.gateway()
    }

    /// Accounts and orders live in this Postgres, in a fresh database for each service.
    pub fn postgres(mut self, postgres: &Postgres) -> Self {
        for service in &mut self.spec.services {
            *service = service.clone().with_env("LAB_DATABASE", &postgres.new_database());
        }
        self
    }

    /// The lab's name, where a test wants to find it by that.
    pub fn named(mut self, name: &str) -> Self {
        self.spec.name = Some(name.to_owned());
        self
    }

    /// Made of processes, or of containers.
    pub fn on(mut self, driver: DriverName) -> Self {
        self.spec.driver = driver;
        self
    }

    /// What it should be like, for a test that expects it not to start.
    pub fn spec(self) -> LabSpec {
        self.spec
    }

    /// Starts it; everything in it is ready on return, and gone when the value is dropped.
    pub async fn start(self) -> Running {
        let driver = Driver::start(&self.spec).await.unwrap_or_else(|error| panic!("no lab: {error:#}"));
        Running { driver }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(Service) -> Service) {
        let service = self.spec.services.iter_mut().find(|service| service.name == name);
        let service = service.unwrap_or_else(|| panic!("the lab has no service {name:?}"));
        *service = change(service.clone());
    }
}

/// A lab that is up.
pub struct Running {
    /// What drives it.
    pub driver: Driver,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, if that is JSON; else `null`.
    pub json: Value,
}

impl Answer {
    /// The problem's code, or nothing.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// The problem's reason, or nothing.
    pub fn reason(&self) -> &str {
        self.json["reason"].as_str().unwrap_or_default()
    }

    /// A header as text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// One request, as far as a test cares.
pub struct Call<'a> {
    /// GET, PUT, ...
    pub method: Method,
    /// The path.
    pub path: &'a str,
    /// The bearer token, if any.
    pub token: Option<&'a str>,
    /// The JSON body, if any.
    pub body: Option<Value>,
    /// More headers.
    pub headers: Vec<(&'a str, String)>,
}

impl<'a> Call<'a> {
    /// A request without anything.
    pub fn new(method: Method, path: &'a str) -> Self {
        Call { method, path, token: None, body: None, headers: Vec::new() }
    }

    /// With a bearer token.
    pub fn token(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }

    /// With a JSON body.
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Under this id, by which a gate knows it.
    pub fn id(self, id: Uuid) -> Self {
        self.header("x-request-id", id.to_string())
    }

    /// Sends it on a connection of its own.
    pub async fn send(self, base: &str) -> Result<Answer, NoAnswer> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if self.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = self.body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(Full::new(body)).expect("tests write requests that can be sent");
        let answer = http::send(base, request, Duration::from_secs(15)).await?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            json: serde_json::from_slice(answer.body()).unwrap_or_default(),
        })
    }
}

impl Running {
    /// Where a replica answers.
    pub fn url(&self, replica: &str) -> String {
        self.driver.replica(replica).expect("tests name replicas that exist").url.clone()
    }

    /// Sends a request to a replica; there must be an answer.
    pub async fn send(&self, replica: &str, call: Call<'_>) -> Answer {
        let what = format!("{} {} to {replica}", call.method, call.path);
        call.send(&self.url(replica)).await.unwrap_or_else(|none| panic!("{what}: {none}"))
    }

    /// GET with a token.
    pub async fn get(&self, replica: &str, path: &str, token: &str) -> Answer {
        self.send(replica, Call::new(Method::GET, path).token(token)).await
    }

    /// PUT with a token and a body.
    pub async fn put(&self, replica: &str, path: &str, token: &str, body: Value) -> Answer {
        self.send(replica, Call::new(Method::PUT, path).token(token).body(body)).await
    }

    /// Makes an account, if there is none of this name, and logs in; returns the token.
    pub async fn log_in(&self, replica: &str, name: &str) -> String {
        let who = json!({ "name": name, "password": PASSWORD });
        let made = self.send(replica, Call::new(Method::POST, "/accounts").body(who.clone())).await;
        assert!([201, 409].contains(&made.status), "making the account {name}: {made:?}");
        let answer = self.send(replica, Call::new(Method::POST, "/session").body(who)).await;
        assert_eq!(answer.status, 201, "logging in {name}: {answer:?}");
        answer.json["token"].as_str().expect("a login answers with a token").to_owned()
    }
}

/// Whether this run tries containers too. `LAB_DOCKER=1` says so, and then an engine or an image that is
/// missing is a failure. `LAB_DOCKER=later` says that another run of the same tests will. Without either,
/// it is said loudly, once, what is left out.
pub fn docker(what: &str) -> bool {
    static SAID: std::sync::Once = std::sync::Once::new();
    match std::env::var("LAB_DOCKER").as_deref() {
        Ok("1") => return true,
        Ok("later") => {}
        _ => SAID.call_once(|| {
            use std::io::Write;
            let cure = "LAB_DOCKER=1 includes them, with an engine and `make images`";
            let _ = writeln!(std::io::stderr(), "SKIPPED {what} on containers: {cure}");
        }),
    }
    false
}

/// All files below `folder` whose name ends like this, in order.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}
