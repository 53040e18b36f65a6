//! When does a client send its next request? At an appointed time, whatever became of the one before. A
//! flow waits at each of its cues until that time; it does not know why.
//!
//! The appointed times are fixed before the first request and never move: neither a late answer nor the wait
//! before a repeat cancels one. So a service that stands still makes late all that should have been asked of it
//! meanwhile, and not only the one request that met it.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

use crate::client::Client;
use crate::cue::{Announced, Announcement};

/// The appointments of one client. They go on from flow to flow.
#[derive(Debug)]
pub struct Pace {
    next: Instant,
    every: Duration,
    retry_after: Duration,
}

/// When a request should have been sent.
#[derive(Debug, Clone, Copy)]
pub struct Appointment {
    /// When, on the clock of its client's log.
    pub due_ms: f64,
    /// Whether its client was not free then: it still waited for the answer before, or to repeat a request.
    pub behind: bool,
}

impl Pace {
    /// The first request at `first`, then one every `every`; a repeat is sent when `retry_after` is over, too.
    pub fn new(first: Instant, every: Duration, retry_after: Duration) -> Self {
        Pace { next: first, every, retry_after }
    }

    /// Lets the requests of one flow go, each at its time or as soon after it as its client is free. Returns
    /// their appointments.
    pub async fn keep(&mut self, client: &Client, mut cues: Receiver<Announced>) -> Vec<Appointment> {
        let mut kept = Vec::new();
        while let Some(Announced { what, go }) = cues.recv().await {
            if let Announcement::Before { step, .. } = what {
                let repeat = client.last().is_some_and(|last| last.step == step && !last.acknowledged());
                // The service may have said `Retry-After: 1`; where nobody answered, it is good manners.
                let manners = if repeat { self.retry_after } else { Duration::ZERO };
                let (due, free) = (self.next, Instant::now() + manners);
                self.next = due + self.every;
                kept.push(Appointment { due_ms: client.ms_at(due), behind: free > due });
                tokio::time::sleep_until(due.max(free).into()).await;
            }
            let _ = go.send(());
        }
        kept
    }

    /// The appointments before `end` that nobody can keep any more, in milliseconds on the client's clock.
    pub fn missed(&self, client: &Client, end: Instant) -> Vec<f64> {
        let due = std::iter::successors(Some(self.next), |due| Some(*due + self.every));
        due.take_while(|due| *due < end).map(|due| client.ms_at(due)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Account, Entry};
    use crate::cue::Cue;
    use crate::draws::Draws;

    const EVERY: Duration = Duration::from_millis(20);

    /// Plays three requests that nobody answers, the second of them a repeat, from `behind` ago on. Returns their
    /// appointments and when each was sent, in milliseconds since the first was due, and what was missed by then.
    async fn play(retry_after: Duration, behind: Duration) -> (Vec<(Appointment, f64)>, usize) {
        let entry = Entry { name: "nobody-1".to_owned(), url: "http://127.0.0.1:9".to_owned() };
        let first = Instant::now().checked_sub(behind).unwrap();
        let client = Client::since(first, Account::fresh(), vec![entry], Draws::new(1));
        let (cue, cues) = Cue::new();
        let mut pace = Pace::new(first, EVERY, retry_after);
        let flow = async {
            let _ = cue.step("one", client.alive()).or_repeat().await;
            let _ = cue.step("two", client.alive()).await;
            drop(cue);
        };
        let ((), kept) = tokio::join!(flow, pace.keep(&client, cues));
        let missed = pace.missed(&client, Instant::now()).len();
        (kept.into_iter().zip(client.log().iter().map(|sent| sent.sent_at_ms)).collect(), missed)
    }

    #[tokio::test]
    async fn requests_go_at_their_times_and_a_repeat_waits_without_moving_them() {
        let (requests, _) = play(Duration::from_millis(70), Duration::ZERO).await;
        let due: Vec<f64> = requests.iter().map(|(appointed, _)| appointed.due_ms).collect();
        assert_eq!(due, [0.0, 20.0, 40.0], "a request, its repeat, and another");
        // The repeat waits 70 ms, and the next one for the repeat.
        assert!(requests[1].1 >= 70.0 && requests[2].1 >= 70.0, "{requests:?}");
        assert!(requests[1].0.behind && requests[2].0.behind, "{requests:?}");
    }

    #[tokio::test]
    async fn who_is_behind_does_not_wait_and_what_it_cannot_send_is_known() {
        let (requests, missed) = play(Duration::ZERO, Duration::from_millis(500)).await;
        for (number, (appointed, sent)) in requests.iter().enumerate() {
            assert_eq!(appointed.due_ms, 20.0 * number as f64);
            assert!(appointed.behind && (500.0..900.0).contains(sent), "{requests:?}");
        }
        // 25 were due in half a second, and three of them were sent.
        assert!(missed >= 22, "{missed}");
    }
}
