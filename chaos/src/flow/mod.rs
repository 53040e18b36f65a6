//! Which workflows are there, what does each promise, and at which moments can it be hit? A flow speaks
//! only HTTP and only through its cue; what happens to the service meanwhile it learns from the answers.

pub mod whoami;
pub mod cart;
pub mod cart_blind;
pub mod checkout;
pub mod order;
pub mod logout;
pub mod renew;
pub mod prime;
pub mod spread;
pub mod sticky;
mod table;

use crate::client::Client;
use crate::cue::Cue;
use crate::moment::{Moment, Phase};
use crate::trouble::Trouble;
use crate::verdict::{Ending, Outcome, Verdict};
use crate::way::Way;
pub use table::{Closing, Entrance, FLOWS, FlowRow, Replicas};

/// The name of the request that ends every flow. It is no step: nothing is aimed at it.
pub const CLOSING_LOOK: &str = "closing-look";

/// A client's workflow. A closed set; [`FLOWS`] says all about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flow {
    /// See [`whoami`].
    Whoami,
    /// See [`cart`].
    Cart,
    /// See [`cart_blind`].
    CartBlind,
    /// See [`checkout`].
    Checkout,
    /// See [`order`].
    Order,
    /// See [`logout`].
    Logout,
    /// See [`renew`].
    Renew,
    /// See [`prime`].
    Prime,
    /// See [`spread`].
    Spread,
    /// See [`sticky`].
    Sticky,
}

impl Flow {
    /// All of them, in the order of [`FLOWS`].
    pub const ALL: [Flow; 10] = [
        Flow::Whoami,
        Flow::Cart,
        Flow::CartBlind,
        Flow::Checkout,
        Flow::Order,
        Flow::Logout,
        Flow::Renew,
        Flow::Prime,
        Flow::Spread,
        Flow::Sticky,
    ];

    /// What there is to know about it.
    pub fn row(self) -> &'static FlowRow {
        // The enum and the table are in the same order; a test holds them to it.
        &FLOWS[self as usize]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The flow of this name.
    pub fn named(name: &str) -> Option<Flow> {
        FLOWS.iter().find(|row| row.name == name).map(|row| row.flow)
    }

    /// The moment that tells most when `what` happens to a client that comes this way.
    pub fn telling(self, what: &str, way: Way) -> Moment {
        let row = self.row();
        let named = row.telling.iter().find(|(name, _)| [what, way.word(), "*"].contains(name));
        named.map_or(Moment::new(row.steps[0], Phase::Before), |(_, moment)| *moment)
    }

    /// Plays it from its first step to its closing look, which is sent even if the story broke off: it is
    /// the witness of what happened to the service.
    pub async fn play(self, c: &Client, cue: &Cue) -> Outcome {
        let story = match self {
            Flow::Whoami => whoami::run(c, cue).await,
            Flow::Cart => cart::run(c, cue).await,
            Flow::CartBlind => cart_blind::run(c, cue).await,
            Flow::Checkout => checkout::run(c, cue).await,
            Flow::Order => order::run(c, cue).await,
            Flow::Logout => logout::run(c, cue).await,
            Flow::Renew => renew::run(c, cue).await,
            Flow::Prime => prime::run(c, cue).await,
            Flow::Spread => spread::run(c, cue).await,
            Flow::Sticky => sticky::run(c, cue).await,
        };
        let look = self.row().closing.look(c, cue).await;
        story.and(look)
    }
}

impl Closing {
    async fn look(self, c: &Client, cue: &Cue) -> Outcome {
        if self == Closing::Alive {
            return Ok(cue.step(CLOSING_LOOK, c.alive()).or_repeat().await?);
        }
        let look = cue.step(CLOSING_LOOK, c.session_info()).or_repeat().await;
        match (self, look) {
            (Closing::LoggedOut, Err(Trouble::Told(problem))) if problem.status == 401 => Ok(()),
            (Closing::LoggedOut, Ok(_)) => Err(Ending {
                verdict: Verdict::Lost,
                reason: "logout_forgotten".to_owned(),
                why: "the session answers again after its logout was acknowledged".to_owned(),
            }),
            (_, look) => look.map(|_| ()).map_err(Ending::from),
        }
    }
}

impl std::fmt::Display for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_flow_once_and_in_the_same_order() {
        let rows: Vec<Flow> = FLOWS.iter().map(|row| row.flow).collect();
        assert_eq!(rows, Flow::ALL);
        assert!(Flow::ALL.iter().enumerate().all(|(at, flow)| *flow as usize == at));
        assert!(FLOWS.iter().all(|row| Flow::named(row.name) == Some(row.flow)));
    }

    #[test]
    fn a_telling_moment_is_at_a_step_of_its_flow() {
        for row in FLOWS {
            assert_eq!(row.telling.last().map(|(name, _)| *name), Some("*"), "{}", row.name);
            for (_, moment) in row.telling {
                assert!(row.steps.contains(&moment.step), "{}: {moment}", row.name);
            }
        }
    }

    #[test]
    fn no_step_is_called_like_the_closing_look_and_none_comes_twice() {
        for row in FLOWS {
            for (at, step) in row.steps.iter().enumerate() {
                assert_ne!(*step, CLOSING_LOOK);
                assert!(!row.steps[..at].contains(step), "{}: {step} twice", row.name);
            }
        }
    }
}
