//! When does a client send its next request? At an appointed time, whatever became of the one before. A
//! flow waits at each of its cues until that time; it does not know why.

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

impl Pace {
    /// The first request at `first`, then one every `every`; a repeat waits `retry_after`.
    pub fn new(first: Instant, every: Duration, retry_after: Duration) -> Self {
        Pace { next: first, every, retry_after }
    }

    /// Lets the requests of one flow go, each at its time. Returns by how much each was late when it was
    /// sent, in milliseconds: what its client had to wait before it could even ask.
    pub async fn keep(&mut self, client: &Client, mut cues: Receiver<Announced>) -> Vec<f64> {
        let mut late_ms = Vec::new();
        while let Some(Announced { what, go }) = cues.recv().await {
            if let Announcement::Before { step, .. } = what {
                let repeat = client.last().is_some_and(|last| last.step == step && !last.acknowledged());
                if repeat {
                    // The service may have said `Retry-After: 1`; where nobody answered, it is good manners.
                    self.next = self.next.max(Instant::now() + self.retry_after);
                }
                tokio::time::sleep_until(self.next.into()).await;
                late_ms.push(self.next.elapsed().as_secs_f64() * 1000.0);
                self.next += self.every;
            }
            let _ = go.send(());
        }
        late_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Account, Entry};
    use crate::cue::Cue;
    use crate::draws::Draws;

    /// Plays three requests that nobody answers, the second of them a repeat.
    async fn late(every: Duration, retry_after: Duration, behind: Duration) -> (Vec<f64>, Duration) {
        let entry = Entry { name: "nobody-1".to_owned(), url: "http://127.0.0.1:9".to_owned() };
        let client = Client::new(Account::fresh(), vec![entry], Draws::new(1));
        let (cue, cues) = Cue::new();
        let start = Instant::now();
        let mut pace = Pace::new(start - behind, every, retry_after);
        let flow = async {
            let _ = cue.step("one", client.alive()).or_repeat().await;
            let _ = cue.step("two", client.alive()).await;
            drop(cue);
        };
        let ((), late) = tokio::join!(flow, pace.keep(&client, cues));
        (late, start.elapsed())
    }

    #[tokio::test]
    async fn requests_go_at_their_times_and_a_repeat_waits() {
        let ms = Duration::from_millis;
        let (late, took) = late(ms(20), ms(60), ms(0)).await;
        assert_eq!(late.len(), 3, "a request, its repeat, and another: {late:?}");
        // The repeat waits 60 ms, the next keeps its distance of 20.
        assert!(took >= ms(80), "{took:?}");
    }

    #[tokio::test]
    async fn who_is_behind_is_late_by_as_much_and_does_not_wait() {
        let ms = Duration::from_millis;
        let (late, took) = late(ms(1), ms(0), ms(500)).await;
        assert!(late[0] >= 500.0 && took < ms(400), "{late:?}, {took:?}");
    }
}
