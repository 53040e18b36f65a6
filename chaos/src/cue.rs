//! When may something happen to a flow? At its cues. A flow announces each step before it begins and
//! after it ended, and goes on only when it is told to. What happens in between it does not know, and it
//! must not: a client of the real world does not know either.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::client::call::Call;
use crate::trouble::Trouble;
use crate::verdict::Ending;

/// What a flow announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// The next request will carry this id; nothing of it is sent yet.
    Before {
        /// The step it belongs to.
        step: &'static str,
        /// The id, so that a gate can be ready for it.
        request_id: Uuid,
    },
    /// The request has ended, with an answer or without.
    After {
        /// The step it belongs to.
        step: &'static str,
    },
}

/// An announcement, and the flow waiting for its go-ahead.
#[derive(Debug)]
pub struct Announced {
    /// What was announced.
    pub what: Announcement,
    /// The flow goes on when this is sent or dropped.
    pub go: oneshot::Sender<()>,
}

/// A move a flow made to help itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// At which step.
    pub step: &'static str,
    /// What it did: `repeat`, `resume`.
    pub how: &'static str,
    /// The one word for the trouble that made it necessary.
    pub after: String,
}

/// The flow's end of the cues.
#[derive(Debug)]
pub struct Cue {
    stage: mpsc::Sender<Announced>,
    moves: Mutex<Vec<Move>>,
    repeats: usize,
}

impl Cue {
    /// A cue somebody listens to, and the listener's end. It says `None` when the flow is over.
    pub fn new() -> (Self, mpsc::Receiver<Announced>) {
        Cue::patient(1)
    }

    /// The same, for a client that sends a request so many times more before it gives up.
    pub fn patient(repeats: usize) -> (Self, mpsc::Receiver<Announced>) {
        let (stage, listener) = mpsc::channel(1);
        (Cue { stage, moves: Mutex::default(), repeats }, listener)
    }

    /// A step of the flow: announces it, sends the call, announces its end.
    pub fn step<'a, T>(&'a self, name: &'static str, call: Call<'a, T>) -> Step<'a, T> {
        Step { cue: self, name, call, repeat: false }
    }

    /// Goes on after trouble by a move of the flow's own, if a careful client may. The move is written
    /// down, because it is what makes a survivor a Recovered.
    ///
    /// # Errors
    /// The end of the flow, if the trouble allows no further try.
    pub fn go_on(&self, step: &'static str, how: &'static str, trouble: Trouble) -> Result<(), Ending> {
        if !trouble.allows_repeat() {
            return Err(trouble.into());
        }
        self.moves().push(Move { step, how, after: trouble.word().to_owned() });
        Ok(())
    }

    /// The moves the flow has made so far.
    pub fn moves_made(&self) -> Vec<Move> {
        self.moves().clone()
    }

    async fn send<T>(&self, step: &'static str, call: &Call<'_, T>) -> Result<T, Trouble> {
        let request_id = call.new_request_id();
        self.announce(Announcement::Before { step, request_id }).await;
        let outcome = call.send(step, request_id).await;
        self.announce(Announcement::After { step }).await;
        outcome
    }

    async fn announce(&self, what: Announcement) {
        let (go, wait) = oneshot::channel();
        // If nobody listens any more, nobody will say "go", and the flow goes on by itself.
        if self.stage.send(Announced { what, go }).await.is_ok() {
            let _ = wait.await;
        }
    }

    fn moves(&self) -> MutexGuard<'_, Vec<Move>> {
        self.moves.lock().expect("no line that holds this lock can panic")
    }
}

/// A step about to be taken; await it.
#[derive(Debug)]
#[must_use = "a step is taken when it is awaited"]
pub struct Step<'a, T> {
    cue: &'a Cue,
    name: &'static str,
    call: Call<'a, T>,
    repeat: bool,
}

impl<T> Step<'_, T> {
    /// If no answer comes, or one that says `retryable`, send the very same request once more. Right only
    /// for a call that is safe to repeat; whoever writes the flow must know.
    ///
    /// Once is enough in a cell, and waiting is not needed: in this lab whatever was broken is whole again
    /// before the client goes on. The exception is a rolling restart behind the gateway, where the repeat
    /// can meet the next gap; a client that gives up there is told so. In a load once is not enough, see
    /// [`Cue::patient`].
    pub fn or_repeat(mut self) -> Self {
        self.repeat = true;
        self
    }
}

impl<'a, T: Send + 'a> IntoFuture for Step<'a, T> {
    type Output = Result<T, Trouble>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Step { cue, name, call, repeat } = self;
            let mut left = if repeat { cue.repeats } else { 0 };
            loop {
                match cue.send(name, &call).await {
                    Err(trouble) if left > 0 && trouble.allows_repeat() => {
                        left -= 1;
                        let after = trouble.word().to_owned();
                        cue.moves().push(Move { step: name, how: "repeat", after });
                    }
                    outcome => return outcome,
                }
            }
        })
    }
}
