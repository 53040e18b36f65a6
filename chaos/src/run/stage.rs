//! Who lets things happen while a flow plays? The stage listens to the flow's cues, and when the aimed
//! moment comes, it lets the fault happen before the flow goes on. The flow notices nothing of this but
//! what a client notices.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

use super::route::Route;
use crate::client::Client;
use crate::client::record::hundredths;
use crate::cue::{Announced, Announcement};
use crate::driver::Driver;
use crate::fault::{self, Aim, Fault, InForce, Lasts, RestartTimes, Strike};
use crate::flow::CLOSING_LOOK;
use crate::gates::{self, Held, Point};
use crate::moment::{Moment, Phase};
use crate::results::Window;
use crate::way::Way;

/// How long a gate may take to say that it holds the request. The client itself gives up earlier.
const HELD_WITHIN: Duration = Duration::from_secs(3);

/// What happens, when, and how long a pause lasts.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    /// What.
    pub fault: Fault,
    /// When.
    pub moment: Moment,
    /// How long, if it is a pause.
    pub pause_for: Duration,
}

/// What did happen.
#[derive(Debug, Clone)]
pub enum Happened {
    /// Nothing was meant to.
    Nothing,
    /// It was meant to, and the moment never came.
    Missed(String),
    /// This.
    Struck(Struck),
}

/// A fault that happened, or was at least ordered.
#[derive(Debug, Clone)]
pub struct Struck {
    /// Whether it is proven.
    pub proven: bool,
    /// What was seen of it.
    pub proof: String,
    /// How long the replica was away, if one was restarted.
    pub restart: Option<RestartTimes>,
    /// How many of the client's requests had ended when it began.
    pub after_requests: usize,
    /// Which of the client's requests were meant to reach a replica that was hit, and which replica that is.
    pub meant: Vec<(usize, String)>,
    /// Until when the lab held a request, if it did until what was ordered had happened.
    pub held_until_ms: Option<f64>,
    /// From when to when it was in force.
    pub window: Window,
}

/// The stage of one cell.
pub(super) struct Stage<'a> {
    pub driver: &'a Driver,
    pub client: &'a Client,
    pub service: &'a str,
    pub route: &'a Route,
    pub plot: Option<Plot>,
    act: Act,
}

/// How far the plot has come.
enum Act {
    Waiting,
    /// What is in force ends with the request that is under way, after so many others have ended.
    InForce {
        strike: Box<Strike>,
        others: usize,
    },
    Over,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        driver: &'a Driver,
        client: &'a Client,
        service: &'a str,
        route: &'a Route,
        plot: Option<Plot>,
    ) -> Self {
        Stage { driver, client, service, route, plot, act: Act::Waiting }
    }

    /// Listens until the flow is over, and says what happened.
    pub(super) async fn direct(mut self, mut cues: Receiver<Announced>) -> anyhow::Result<Happened> {
        let mut happened = match self.plot {
            None => Happened::Nothing,
            Some(Plot { moment, .. }) => Happened::Missed(format!("the flow never came to {moment}")),
        };
        while let Some(Announced { what, go }) = cues.recv().await {
            match what {
                Announcement::Before { step, request_id } => {
                    self.turn_to_the_witness(step, &happened);
                    if let Some(plot) = self.due(step, Phase::Before) {
                        happened = self.strike(plot, None).await?;
                    }
                    let gate = match self.plot.filter(|plot| self.is_due(step, plot.moment.phase)) {
                        Some(plot) if plot.moment.phase.in_flight() => {
                            Some(self.arm(plot, request_id).await?)
                        }
                        _ => None,
                    };
                    // The flow sends its request as soon as this task waits for something else.
                    let _ = go.send(());
                    if let Some((plot, armed)) = gate {
                        happened = self.in_flight(plot, &armed, &mut cues).await?;
                    }
                    self.end_pause(&mut happened).await?;
                }
                Announcement::After { step } => {
                    self.end_outage(&mut happened).await?;
                    if let Some(plot) = self.due(step, Phase::After) {
                        happened = self.strike(plot, None).await?;
                    }
                    let _ = go.send(());
                }
            }
        }
        // The flow is over. What it did not wait for must come to its end all the same, to be proven.
        while let Act::InForce { .. } = self.act {
            self.undo(&mut happened).await?;
        }
        Ok(happened)
    }

    fn is_due(&self, step: &str, phase: Phase) -> bool {
        let aimed = self.plot.is_some_and(|plot| plot.moment.step == step && plot.moment.phase == phase);
        aimed && matches!(self.act, Act::Waiting)
    }

    fn due(&self, step: &str, phase: Phase) -> Option<Plot> {
        self.plot.filter(|_| self.is_due(step, phase))
    }

    /// The closing look goes to the replica that was hit: it is the one that can tell. Through the gateway it
    /// goes where it goes.
    fn turn_to_the_witness(&self, step: &str, happened: &Happened) {
        if self.route.way == Way::Gateway {
            return;
        }
        if let (CLOSING_LOOK, Happened::Struck(Struck { restart: Some(times), .. })) = (step, happened) {
            let replica = times.boot_after.rsplit_once('.').map_or("", |(replica, _)| replica);
            self.client.pin(replica);
        }
    }

    async fn strike(&mut self, plot: Plot, held: Option<Held>) -> anyhow::Result<Happened> {
        let after_requests = self.client.log().len();
        let from_ms = hundredths(self.client.now_ms());
        let replica = match &held {
            Some(held) => held.replica.clone(),
            None => self.route.next(self.client)?,
        };
        let aim = Aim {
            driver: self.driver,
            service: self.service,
            replica: &replica,
            way: self.route.way,
            held,
            pause_for: plot.pause_for,
        };
        let in_flight = aim.held.is_some();
        let strike = fault::strike(plot.fault, aim).await?;
        let request = match &strike.in_force {
            _ if !in_flight => Some(after_requests),
            // Held and spared, it had reached the replica already; where the gateway sticks, the next one must.
            Some(InForce::Away(away)) if away.spares_held && self.route.sticks() => Some(after_requests + 1),
            _ => None,
        };
        let request = request.filter(|_| plot.fault.meets_the_next_request());
        let lets_go_late = match &strike.in_force {
            None => plot.fault.row().lasts == Lasts::Over,
            // A sibling, or one that answers what it holds before it goes.
            Some(InForce::Away(away)) => away.spares_held,
            Some(_) => false,
        };
        let until_ms = hundredths(self.client.now_ms());
        let happened = Happened::Struck(Struck {
            proven: strike.proof.proven,
            proof: strike.proof.what.clone(),
            restart: strike.restart.clone(),
            after_requests,
            meant: request.map(|request| (request, replica.clone())).into_iter().collect(),
            held_until_ms: (in_flight && lets_go_late).then_some(until_ms),
            window: Window { from_ms, until_ms },
        });
        self.act = match &strike.in_force {
            None => Act::Over,
            // What cannot touch the request that is under way covers the next one.
            Some(in_force) => {
                let others = usize::from(spares_this_request(plot.moment.phase, in_force));
                Act::InForce { strike: Box::new(strike), others }
            }
        };
        Ok(happened)
    }

    async fn arm(&self, plot: Plot, request_id: Uuid) -> anyhow::Result<(Plot, gates::Armed)> {
        let point = if plot.moment.phase == Phase::Accepted { Point::Accepted } else { Point::Committed };
        Ok((plot, gates::arm(self.driver.replicas(self.service), request_id, point).await?))
    }

    /// Waits until the request is held, and strikes. If it ends before it was ever held, it slipped through.
    async fn in_flight(
        &mut self,
        plot: Plot,
        armed: &gates::Armed,
        cues: &mut Receiver<Announced>,
    ) -> anyhow::Result<Happened> {
        let held = tokio::select! {
            held = armed.held(HELD_WITHIN) => held?,
            // Dropping the announcement lets the flow go on.
            _ = cues.recv() => None,
        };
        match held {
            Some(held) => self.strike(plot, Some(held)).await,
            None => {
                armed.disarm().await;
                self.act = Act::Over;
                Ok(Happened::Missed(format!("the request was never held {}", plot.moment)))
            }
        }
    }

    /// A pause ends a set time after the request was sent into it.
    async fn end_pause(&mut self, happened: &mut Happened) -> anyhow::Result<()> {
        let paused = |strike: &Strike| matches!(strike.in_force, Some(InForce::Paused { .. }));
        if let (Some(plot), Act::InForce { strike, .. }) = (self.plot, &self.act)
            && paused(strike)
        {
            tokio::time::sleep(plot.pause_for).await;
            self.undo(happened).await?;
        }
        Ok(())
    }

    /// What is in force ends with the request it covers.
    async fn end_outage(&mut self, happened: &mut Happened) -> anyhow::Result<()> {
        match &mut self.act {
            Act::InForce { others: 0, .. } => self.undo(happened).await,
            Act::InForce { others, .. } => {
                *others -= 1;
                Ok(())
            }
            Act::Waiting | Act::Over => Ok(()),
        }
    }

    async fn undo(&mut self, happened: &mut Happened) -> anyhow::Result<()> {
        if let Act::InForce { mut strike, .. } = std::mem::replace(&mut self.act, Act::Over) {
            fault::undo(&mut strike, self.driver).await?;
            // What lasts is proven for good only now.
            if let Happened::Struck(struck) = happened {
                struck.proven = strike.proof.proven;
                struck.proof = strike.proof.what.clone();
                struck.restart = strike.restart.clone();
                struck.window.until_ms = hundredths(self.client.now_ms());
            }
            // A rolling restart goes on with the next replica, and that covers the next request.
            if let Some(in_force) = &strike.in_force {
                if let (Happened::Struck(struck), InForce::Away(away)) = (&mut *happened, in_force)
                    && self.route.takes_turns()
                {
                    struck.meant.push((self.client.log().len(), away.replica().to_owned()));
                }
                self.act = Act::InForce { strike, others: 0 };
            }
        }
        Ok(())
    }
}

/// Whether a request that is under way, held or not, is out of reach of what is in force now.
fn spares_this_request(phase: Phase, in_force: &InForce) -> bool {
    match in_force {
        InForce::Away(away) => phase.in_flight() && away.spares_held,
        // The store is asked between `accepted` and `committed`.
        InForce::Paused { .. } | InForce::RedisPaused | InForce::RedisDown => phase == Phase::Committed,
    }
}
