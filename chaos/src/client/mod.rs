//! Who speaks to the services? One careful HTTP client: it sends each request once, over a connection of
//! its own, follows no redirect, never logs in by itself, and waits two seconds at most. Whatever a flow
//! survives, it survives by a line in the flow.

pub mod api;
pub mod body;
pub mod call;
pub mod record;

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use uuid::Uuid;

use self::record::Exchange;
use crate::draws::Draws;

/// Where a client can send its requests: a replica, or the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its base URL.
    pub url: String,
}

/// Who the client is.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name to log in with.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Account {
    /// A fresh account with a name nobody has used.
    pub fn fresh() -> Self {
        Account {
            name: format!("ada-{}", Uuid::new_v4().simple()),
            password: "correct horse battery".to_owned(),
        }
    }
}

/// One client with at most one session.
#[derive(Debug)]
pub struct Client {
    account: Account,
    entries: Vec<Entry>,
    born: Instant,
    // Never locked across an await: each use is one line.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    turn: usize,
    pinned: Option<Entry>,
    token: Option<String>,
    session: Option<String>,
    draws: Draws,
    log: Vec<Exchange>,
}

impl Client {
    /// A client that sends its requests to `entries`, one after the other in turn. With one entry it
    /// always speaks to the same replica.
    pub fn new(account: Account, entries: Vec<Entry>, draws: Draws) -> Self {
        Client::since(Instant::now(), account, entries, draws)
    }

    /// The same; the times in its log count from `born`, so that those of several clients can be compared.
    pub fn since(born: Instant, account: Account, entries: Vec<Entry>, draws: Draws) -> Self {
        let state = State { turn: 0, pinned: None, token: None, session: None, draws, log: Vec::new() };
        Client { account, entries, born, state: Mutex::new(state) }
    }

    /// A key that makes an order safe to repeat.
    pub fn new_key(&self) -> String {
        self.draw_uuid().to_string()
    }

    /// Whom the next request will be sent to.
    pub fn will_ask(&self) -> Entry {
        let state = self.state();
        state.pinned.clone().unwrap_or_else(|| self.entries[state.turn % self.entries.len()].clone())
    }

    /// The replica that gave the last answer.
    pub fn answered_last(&self) -> Option<String> {
        let state = self.state();
        let answered = state.log.iter().rev().find(|exchange| exchange.http.boot_id.is_some());
        answered.and_then(|exchange| exchange.http.replica.clone())
    }

    /// Whether it has a session, by what it knows.
    pub fn is_logged_in(&self) -> bool {
        self.state().session.is_some()
    }

    /// From here on every request goes to this replica.
    pub fn pin(&self, replica: &str) {
        let entry = self.entries.iter().find(|entry| entry.name == replica).cloned();
        self.state().pinned = entry;
    }

    /// Everything that was asked and answered so far.
    pub fn log(&self) -> Vec<Exchange> {
        self.state().log.clone()
    }

    /// Everything that was asked and answered so far; from here on the log is empty. For a client that works
    /// for hours.
    pub fn forget_log(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.state().log)
    }

    /// How much was asked so far.
    pub fn log_len(&self) -> usize {
        self.state().log.len()
    }

    /// What was asked last, and what came of it.
    pub fn last(&self) -> Option<Exchange> {
        self.state().log.last().cloned()
    }

    fn next_replica(&self) -> Entry {
        let entry = self.will_ask();
        self.state().turn += 1;
        entry
    }

    fn draw_uuid(&self) -> Uuid {
        self.state().draws.uuid()
    }

    fn token(&self) -> Option<String> {
        self.state().token.clone()
    }

    fn session(&self) -> Option<String> {
        self.state().session.clone()
    }

    fn keep(&self, token: String, session: String) {
        let mut state = self.state();
        state.token = Some(token);
        state.session = Some(session);
    }

    fn write_down(&self, exchange: Exchange) {
        self.state().log.push(exchange);
    }

    /// Milliseconds since the client began, the clock of everything in its log.
    pub fn now_ms(&self) -> f64 {
        self.ms_at(Instant::now())
    }

    /// What that clock shows at another moment; 0 before the client began.
    pub fn ms_at(&self, moment: Instant) -> f64 {
        moment.saturating_duration_since(self.born).as_secs_f64() * 1000.0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no line that holds this lock can panic")
    }
}
