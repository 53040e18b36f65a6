//! What has just happened? Everything a page must hear of, in order, for those who listen now and for
//! those who come a little later.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::broadcast;

use super::lab_now::LabNow;
use crate::class::tally::Class;
use crate::client::record::{Evidence, hundredths};
use crate::fault::RestartTimes;

/// How many events a page gets that comes late: a minute of two clients at work.
const KEPT: usize = 1_000;

/// Something that happened. Times are milliseconds since the show began.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Event {
    /// A client's request has ended.
    Request {
        /// Of which service.
        service: String,
        /// What was asked and answered, and when.
        #[serde(flatten)]
        evidence: Evidence,
    },
    /// A fault was ordered.
    Ordered {
        /// Its number in this show.
        number: u64,
        /// When.
        at_ms: f64,
        /// What: `kill`.
        how: &'static str,
        /// What it hits: a replica, `redis` or `sql`; healing hits `everything`.
        target: String,
    },
    /// A fault is over, and everything it hit is ready again.
    Over {
        /// The number it was ordered under.
        number: u64,
        /// When.
        at_ms: f64,
        /// Whether it is proven.
        proven: bool,
        /// What was seen of it, or why it failed.
        proof: String,
        /// How long the replica was away, if one was restarted.
        restart: Option<RestartTimes>,
    },
    /// How the replicas are.
    Replicas {
        /// Each with its name, service, and the boot id it says; null while it says nothing.
        replicas: Vec<ReplicaNow>,
    },
    /// Which lab is worked on.
    Lab {
        /// The lab, and where somebody is in it; null before the first is begun.
        lab: Option<LabNow>,
    },
    /// What a class has handed in.
    Class {
        /// All of it; null if it cannot be read.
        class: Option<Box<Class>>,
        /// Why it cannot.
        why: Option<String>,
    },
}

/// What stays so until it is told anew. The last word of each is kept for those who come later, however much
/// has happened since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Replicas,
    Lab,
    Class,
}

impl Event {
    fn state(&self) -> Option<State> {
        match self {
            Event::Request { .. } | Event::Ordered { .. } | Event::Over { .. } => None,
            Event::Replicas { .. } => Some(State::Replicas),
            Event::Lab { .. } => Some(State::Lab),
            Event::Class { .. } => Some(State::Class),
        }
    }
}

/// How one replica is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplicaNow {
    /// `stateful-1`.
    pub name: String,
    /// `stateful`.
    pub service: String,
    /// Which run of it is there.
    pub boot_id: Option<String>,
}

/// Everything that happens, to whoever listens.
#[derive(Debug)]
pub struct Feed {
    start: Instant,
    to: broadcast::Sender<String>,
    told: Mutex<Told>,
}

/// What has been told.
#[derive(Debug, Default)]
struct Told {
    /// What happened lately.
    last: VecDeque<String>,
    /// How things are.
    states: BTreeMap<State, String>,
}

impl Feed {
    /// A feed in which nothing has happened.
    pub fn new() -> Self {
        Feed { start: Instant::now(), to: broadcast::channel(KEPT).0, told: Mutex::default() }
    }

    /// When the show began.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Milliseconds since then.
    pub fn now_ms(&self) -> f64 {
        hundredths(self.start.elapsed().as_secs_f64() * 1000.0)
    }

    /// Tells everybody. How things are is told only where it is not as it was told last.
    pub fn say(&self, event: &Event) {
        let Ok(text) = serde_json::to_string(event) else { return };
        let mut told = self.lock();
        if let Some(state) = event.state() {
            if told.states.get(&state) == Some(&text) {
                return;
            }
            told.states.insert(state, text.clone());
        } else {
            if told.last.len() == KEPT {
                told.last.pop_front();
            }
            told.last.push_back(text.clone());
        }
        // Under the lock, so that nobody who joins now misses it or gets it twice. Nobody need listen.
        let _ = self.to.send(text);
    }

    /// How things are, what happened lately, and everything from here on.
    pub fn join(&self) -> (Vec<String>, broadcast::Receiver<String>) {
        let told = self.lock();
        (told.states.values().chain(&told.last).cloned().collect(), self.to.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        // A thread that panicked left it as it was before or after one change; both are fine.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Feed {
    fn default() -> Self {
        Feed::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_late_gets_what_was_and_then_what_comes_each_once() {
        let feed = Feed::new();
        let event = |number| Event::Ordered { number, at_ms: 0.0, how: "kill", target: "a-1".to_owned() };
        feed.say(&event(1));
        let (before, mut after) = feed.join();
        feed.say(&event(2));
        assert_eq!(before.len(), 1);
        assert!(after.recv().await.unwrap().contains(r#""number":2"#));
        assert!(after.try_recv().is_err());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let feed = Feed::new();
        for number in 0..2 * KEPT as u64 {
            feed.say(&Event::Ordered { number, at_ms: 0.0, how: "kill", target: String::new() });
        }
        assert_eq!(feed.join().0.len(), KEPT);
    }

    #[test]
    fn how_things_are_is_told_once_until_it_changes() {
        let feed = Feed::new();
        let (_, mut heard) = feed.join();
        feed.say(&Event::Lab { lab: None });
        feed.say(&Event::Lab { lab: None });
        assert!(heard.try_recv().is_ok());
        assert!(heard.try_recv().is_err(), "nothing has changed");
        let ordered = Event::Ordered { number: 1, at_ms: 0.0, how: "kill", target: String::new() };
        feed.say(&ordered);
        feed.say(&ordered);
        assert!(heard.try_recv().is_ok() && heard.try_recv().is_ok(), "what happens twice is told twice");
    }

    #[test]
    fn how_things_are_is_told_to_who_comes_late_however_much_has_happened_since() {
        let feed = Feed::new();
        let replicas = |name: &str| {
            let boot_id = Some(format!("{name}.ab"));
            let replica = ReplicaNow { name: name.to_owned(), service: "stateful".to_owned(), boot_id };
            Event::Replicas { replicas: vec![replica] }
        };
        feed.say(&replicas("before"));
        feed.say(&replicas("now"));
        for number in 0..2 * KEPT as u64 {
            feed.say(&Event::Ordered { number, at_ms: 0.0, how: "kill", target: String::new() });
        }
        let (told, _) = feed.join();
        assert_eq!(told.len(), KEPT + 1);
        assert!(told[0].contains("now.ab") && !told.iter().any(|text| text.contains("before.ab")));
    }
}
