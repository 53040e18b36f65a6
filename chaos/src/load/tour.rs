//! What does one client of a load do? Flow after flow, drawn by chance, each to its end.

use std::time::Instant;

use super::Timing;
use super::pace::{Appointment, Pace};
use crate::client::record::Exchange;
use crate::client::{Account, Client, Entry};
use crate::cue::{Cue, Move};
use crate::draws::Draws;
use crate::flow::Flow;
use crate::run::checker::Checker;
use crate::state::Replica;
use crate::verdict::Outcome;

/// The flows a client plays. Not `cart-blind`, which breaks its promise whatever the service does, and not
/// those that speak to several replicas: here every client stays with one.
pub const FLOWS: [Flow; 7] =
    [Flow::Whoami, Flow::Cart, Flow::Checkout, Flow::Order, Flow::Logout, Flow::Renew, Flow::Prime];

/// How often a client sends a request again before it gives up. In a full room a repeat can find the line before
/// the login as full as the first try did, or the next outage.
const REPEATS: usize = 3;

/// One client of a load, and all that it did.
#[derive(Debug)]
pub struct Visitor {
    /// Which one it is; its replica follows from that.
    pub number: usize,
    /// Everything it asked and was answered.
    pub log: Vec<Exchange>,
    /// The flows it played.
    pub tours: Vec<Tour>,
    /// When it should have sent more, had it not been busy until its time was over; on the clock of its log.
    pub unsent_due_ms: Vec<f64>,
    /// When it went home.
    pub left_ms: f64,
    client: Client,
    account: Account,
    entry: Entry,
    draws: Draws,
}

/// One flow that a client played.
#[derive(Debug)]
pub struct Tour {
    /// Which.
    pub flow: Flow,
    /// How it ended in its own eyes.
    pub outcome: Outcome,
    /// The moves it made to help itself.
    pub moves: Vec<Move>,
    /// Where its requests begin in the client's log.
    pub from: usize,
    /// When each of them should have been sent.
    pub appointed: Vec<Appointment>,
}

impl Tour {
    /// Its requests in its client's log.
    pub fn requests<'l>(&self, log: &'l [Exchange]) -> &'l [Exchange] {
        &log[self.from..(self.from + self.appointed.len()).min(log.len())]
    }

    /// Its requests, and when each should have been sent.
    pub fn with_appointments<'l>(
        &'l self,
        log: &'l [Exchange],
    ) -> impl Iterator<Item = (&'l Exchange, Appointment)> {
        self.requests(log).iter().zip(self.appointed.iter().copied())
    }
}

impl Visitor {
    /// A client that speaks to this replica and counts its time from `start`.
    pub(super) fn new(number: usize, replica: &Replica, start: Instant, mut draws: Draws) -> Self {
        let entry = Entry { name: replica.name.clone(), url: replica.url.clone() };
        let account = Account::fresh();
        let client = Client::since(start, account.clone(), vec![entry.clone()], draws.branch());
        let (log, tours, unsent_due_ms, left_ms) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
        Visitor { number, log, tours, unsent_due_ms, left_ms, client, account, entry, draws }
    }

    /// Somebody who looks at the same account and is no part of the load.
    pub(super) fn checker(&self) -> Checker {
        Checker::new(self.account.clone(), self.entry.clone())
    }

    /// Plays flows until its time is over; the last one is played to its end.
    pub(super) async fn work(mut self, began: Instant, timing: Timing) -> Visitor {
        // Clients that all began at once would go on in step for good.
        let offset = timing.pace.mul_f64((self.draws.number() % 1000) as f64 / 1000.0);
        let mut pace = Pace::new(began + offset, timing.pace, timing.retry_after);
        while began.elapsed() < timing.lasts {
            let flow = FLOWS[(self.draws.number() % FLOWS.len() as u64) as usize];
            let tour = self.play(flow, &mut pace).await;
            self.tours.push(tour);
        }
        self.log = self.client.forget_log();
        self.unsent_due_ms = pace.missed(&self.client, began + timing.lasts);
        self.left_ms = self.client.now_ms();
        self
    }

    async fn play(&self, flow: Flow, pace: &mut Pace) -> Tour {
        let from = self.client.log_len();
        let (cue, cues) = Cue::patient(REPEATS);
        let story = async {
            let outcome = flow.play(&self.client, &cue).await;
            let moves = cue.moves_made();
            drop(cue);
            (outcome, moves)
        };
        let ((outcome, moves), appointed) = tokio::join!(story, pace.keep(&self.client, cues));
        Tour { flow, outcome, moves, from, appointed }
    }
}
