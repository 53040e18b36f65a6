//! How does one step reach both twins, each with its own tokens and ids?

use std::collections::BTreeSet;

use chaos::contract::Site;
use chaos::contract::answer::Answer;
use chaos::contract::call::Call;
use chaos::contract::site::address;
use chaos::contract::tokens::guarded;
use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calls::{IfMatch, Step, Version};
use crate::canon::Canon;

const PASSWORDS: [&str; 2] = ["correct horse battery", "another horse battery"];
const SKUS: [&str; 4] = ["book", "pen", "ink", "a sku with spaces"];
const GARBAGE: [&str; 4] = ["garbage", "a.b", "a.b.c.d", "%%%"];
const BODIES: [&str; 6] = ["{", "[]", "{\"quantity\":\"two\"}", "{} {}", "nonsense", "{\"colour\":\"red\"}"];

/// One twin, as far as this sequence of calls knows it.
struct Twin {
    site: Site,
    canon: Canon,
    tokens: Vec<String>,
    sessions: Vec<String>,
    orders: Vec<String>,
    version: u64,
}

/// Both, with accounts nobody has used.
pub struct Pair {
    one: Twin,
    other: Twin,
    names: [String; 3],
    /// Every status and code that was seen.
    pub seen: BTreeSet<String>,
}

/// Why a sequence ended early.
pub enum Parted {
    /// The twins differ: how.
    Differ(String),
    /// The store of one was late. On a busy machine that happens to either, and says nothing of both.
    Late,
}

impl Parted {
    fn differ(how: impl ToString) -> Self {
        Parted::Differ(how.to_string())
    }
}

impl Pair {
    pub fn new(one: &str, other: &str) -> Self {
        let name = || format!("ada-{}", Uuid::new_v4().simple());
        Pair {
            one: Twin::new(one),
            other: Twin::new(other),
            names: [name(), name(), name()],
            seen: BTreeSet::new(),
        }
    }

    /// Sends every step to both, and stops at the first whose answers differ.
    pub async fn go(&mut self, steps: &[Step]) -> Result<(), Parted> {
        // There is always somebody to log in, and somebody logged in.
        let beginning = [
            Step::Register { who: 0, password: 0 },
            Step::Login { who: 0, password: 0, replacing: None, by_cookie: false },
        ];
        for step in beginning.iter().chain(steps) {
            for part in parts(step) {
                self.take(&part).await?;
            }
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> Result<(), Parted> {
        // The same id for both, because an answer repeats it.
        let id = Uuid::new_v4();
        let one = self.one.take(step, &self.names, id);
        let other = self.other.take(step, &self.names, id);
        let (one, other) = tokio::join!(one, other);
        let (one, other) = (one.map_err(Parted::differ)?, other.map_err(Parted::differ)?);
        if is_late(&one) || is_late(&other) {
            return Err(Parted::Late);
        }
        let code = one.code();
        let what = if code.is_empty() {
            one.asked.split(char::is_numeric).next().unwrap_or_default()
        } else {
            &code
        };
        self.seen.insert(format!("{} {what}", one.status));
        let (first, second) = (self.one.canon.of(&one), self.other.canon.of(&other));
        if first == second {
            return Ok(());
        }
        Err(Parted::differ(format!("{step:?} ({}):\n--- one\n{first}\n--- the other\n{second}\n", one.asked)))
    }
}

fn is_late(answer: &Answer) -> bool {
    answer.code() == "session_store_unavailable" && answer.problem()["reason"] == "timeout"
}

/// The calls a step consists of.
fn parts(step: &Step) -> Vec<Step> {
    match *step {
        Step::ManyLogins { .. } => vec![step.clone(); 20],
        Step::Shop { by } => vec![
            Step::Set { by, sku: 0, quantity: 2, if_match: IfMatch::None },
            Step::Address { by, complete: true },
            Step::Payment { by, method: 0 },
            Step::Cart { by },
        ],
        _ => vec![step.clone()],
    }
}

impl Twin {
    fn new(url: &str) -> Self {
        Twin {
            site: Site::new(url),
            canon: Canon::default(),
            tokens: Vec::new(),
            sessions: Vec::new(),
            orders: Vec::new(),
            version: 0,
        }
    }

    async fn take(
        &mut self,
        step: &Step,
        names: &[String; 3],
        id: Uuid,
    ) -> Result<Answer, chaos::contract::Deviation> {
        let answer = self.call(step, names).id(id).send().await?;
        self.learn(&answer);
        Ok(answer)
    }

    /// Keeps what later steps may need.
    fn learn(&mut self, answer: &Answer) {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        self.tokens.extend(text("token"));
        self.sessions.extend(text("token").and(text("session_id")));
        self.orders.extend(text("placed_at").and(text("id")));
        if let Some(version) = body["version"].as_u64() {
            self.version = version;
        }
    }

    /// The token a step means; the newest ones first, because they are most likely to be alive.
    fn token(&self, which: usize) -> String {
        nth(&self.tokens, which).unwrap_or_else(|| "none was given out yet".to_owned())
    }

    fn by(&self, which: usize, method: Method, path: &str) -> Call {
        self.site.call(method, path).bearer(&self.token(which))
    }

    fn call(&self, step: &Step, names: &[String; 3]) -> Call {
        use Step::*;
        let site = &self.site;
        let who =
            |who: usize, password: usize| json!({ "name": names[who], "password": PASSWORDS[password] });
        match step {
            Register { who: name, password } => site.post("/accounts").json(&who(*name, *password)),
            Login { who: name, password, replacing, by_cookie } => {
                let call = site.post("/session").json(&who(*name, *password));
                match replacing.map(|which| self.token(which)) {
                    Some(token) if *by_cookie => call.cookie(&token),
                    Some(token) => call.bearer(&token),
                    None => call,
                }
            }
            ManyLogins { who: name } => site.post("/session").json(&who(*name, 0)),
            // Never sent as such: it is taken apart before.
            Shop { by } => self.by(*by, Method::GET, "/cart"),
            ChangePassword { by, current, new } => {
                let body = json!({ "current": PASSWORDS[*current], "new": PASSWORDS[*new] });
                self.by(*by, Method::PUT, "/account/password").json(&body)
            }
            WhoAmI { by, by_cookie: true } => site.get("/session").cookie(&self.token(*by)),
            WhoAmI { by, .. } => self.by(*by, Method::GET, "/session"),
            Renew { by } => self.by(*by, Method::POST, "/session/renew"),
            Logout { by, by_cookie: true } => site.delete("/session").cookie(&self.token(*by)),
            Logout { by, .. } => self.by(*by, Method::DELETE, "/session"),
            Sessions { by } => self.by(*by, Method::GET, "/sessions"),
            EndOne { by, which } => {
                let id = nth(&self.sessions, *which).unwrap_or_default();
                self.by(*by, Method::DELETE, &format!("/sessions/{id}"))
            }
            EndAll { by } => self.by(*by, Method::DELETE, "/sessions"),
            Cart { by } => self.by(*by, Method::GET, "/cart"),
            Set { by, sku, quantity, if_match } => {
                let path = format!("/cart/items/{}", SKUS[*sku].replace(' ', "%20"));
                let call = self.by(*by, Method::PUT, &path).json(&json!({ "quantity": quantity }));
                self.with(*if_match, call)
            }
            Add { by, sku, quantity, if_match } => {
                let body = json!({ "sku": SKUS[*sku], "quantity": quantity });
                self.with(*if_match, self.by(*by, Method::POST, "/cart/items").json(&body))
            }
            Remove { by, sku, if_match } => {
                let path = format!("/cart/items/{}", SKUS[*sku].replace(' ', "%20"));
                self.with(*if_match, self.by(*by, Method::DELETE, &path))
            }
            Checkout { by } => self.by(*by, Method::GET, "/checkout"),
            Address { by, complete } => {
                let mut body = address();
                if !complete {
                    body["city"] = Value::Null;
                }
                self.by(*by, Method::PUT, "/checkout/address").json(&body)
            }
            Payment { by, method } => {
                let method = ["invoice", "on_delivery", "card"][*method];
                self.by(*by, Method::PUT, "/checkout/payment").json(&json!({ "method": method }))
            }
            Order { by, key, version } => {
                let version = match version {
                    Version::Present => self.version,
                    Version::Number(number) => *number,
                };
                let call = self.by(*by, Method::POST, "/orders").json(&json!({ "cart_version": version }));
                call.header("idempotency-key", &format!("\"key {key}\""))
            }
            Orders { by } => self.by(*by, Method::GET, "/orders"),
            OneOrder { by, which } => {
                let id = nth(&self.orders, *which).unwrap_or_default();
                self.by(*by, Method::GET, &format!("/orders/{id}"))
            }
            Prime { n } => site.get(&format!("/prime/{n}")),
            Anonymous { call } => any_guarded(site, *call),
            Garbage { call, token } => any_guarded(site, *call).bearer(GARBAGE[*token]),
            TwoTokens { by, and } => self.by(*by, Method::GET, "/session").cookie(&self.token(*and)),
            Nonsense { by, call, body } => {
                let paths = ["/accounts", "/session", "/cart/items", "/orders"];
                let path = paths[*call % paths.len()];
                self.by(*by, Method::POST, path).header("idempotency-key", "\"odd\"").text(BODIES[*body])
            }
        }
    }

    fn with(&self, if_match: IfMatch, call: Call) -> Call {
        match if_match {
            IfMatch::None => call,
            IfMatch::Any => call.header("if-match", "*"),
            IfMatch::Present(more) => {
                call.header("if-match", &format!("\"{}\"", self.version.saturating_add_signed(more)))
            }
            IfMatch::Weak => call.header("if-match", &format!("W/\"{}\"", self.version)),
            IfMatch::Listed(more) => {
                let version = self.version.saturating_add_signed(more);
                call.header("if-match", &format!("\"never\", \"{version}\""))
            }
            IfMatch::Malformed => call.header("if-match", "what?"),
        }
    }
}

fn any_guarded(site: &Site, which: usize) -> Call {
    let mut calls = guarded(site);
    let at = which % calls.len();
    calls.swap_remove(at)
}

fn nth(texts: &[String], from_the_end: usize) -> Option<String> {
    let at = texts.len().checked_sub(1 + from_the_end % texts.len().max(1))?;
    texts.get(at).cloned()
}
