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

use crate::client::Client;
use crate::cue::Cue;
use crate::moment::{Moment, Phase};
use crate::trouble::Trouble;
use crate::verdict::{Ending, Outcome, Verdict};

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
}

/// What there is to know about a flow.
#[derive(Debug)]
pub struct FlowRow {
    /// Which flow.
    pub flow: Flow,
    /// Its name in commands and reports.
    pub name: &'static str,
    /// What it promises to its user.
    pub promise: &'static str,
    /// Its steps, in order.
    pub steps: &'static [&'static str],
    /// To whom its requests go.
    pub replicas: Replicas,
    /// How it looks back when it is over.
    pub closing: Closing,
    /// The moment that tells most, for each thing that can happen; `*` stands for all others.
    pub telling: &'static [(&'static str, Moment)],
}

/// To whom the requests of a flow go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replicas {
    /// All to the first replica.
    One,
    /// To two replicas in turn.
    InTurn,
}

/// How a flow looks back. It is the witness for the last "after": whoever answers it says which run of
/// the service is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// `GET /session` must still find the session.
    LoggedIn,
    /// `GET /session` must answer 401.
    LoggedOut,
    /// `GET /livez` must answer; there is no session.
    Alive,
}

use Phase::{Accepted, Before, Committed};

const fn at(step: &'static str, phase: Phase) -> Moment {
    Moment::new(step, phase)
}

/// All flows, in the order in which to meet them.
pub const FLOWS: &[FlowRow] = &[
    FlowRow {
        flow: Flow::Whoami,
        name: "whoami",
        promise: "I stay logged in",
        steps: &["login", "look", "look-again"],
        replicas: Replicas::One,
        closing: Closing::LoggedIn,
        telling: &[("*", at("look", Before))],
    },
    FlowRow {
        flow: Flow::Cart,
        name: "cart",
        promise: "the cart remembers what I put into it",
        steps: &["login", "put-book", "put-pen", "look"],
        replicas: Replicas::One,
        closing: Closing::LoggedIn,
        telling: &[("*", at("put-pen", Before))],
    },
    FlowRow {
        flow: Flow::CartBlind,
        name: "cart-blind",
        promise: "one pen, though I repeat a POST whose answer was lost",
        steps: &["login", "add-pen", "look"],
        replicas: Replicas::One,
        closing: Closing::LoggedIn,
        telling: &[
            ("redis-pause", at("add-pen", Accepted)),
            ("redis-down", at("add-pen", Accepted)),
            ("*", at("add-pen", Committed)),
        ],
    },
    FlowRow {
        flow: Flow::Checkout,
        name: "checkout",
        promise: "after a stumble the wizard goes on where it stopped",
        steps: &["login", "put-book", "address", "payment", "place"],
        replicas: Replicas::One,
        closing: Closing::LoggedIn,
        telling: &[("kill", at("payment", Accepted)), ("*", at("payment", Before))],
    },
    FlowRow {
        flow: Flow::Order,
        name: "order",
        promise: "one order for one key, even if the answer is lost",
        steps: &["login", "put-book", "address", "payment", "place", "find"],
        replicas: Replicas::One,
        closing: Closing::LoggedIn,
        telling: &[
            ("redis-pause", at("place", Accepted)),
            ("redis-down", at("place", Accepted)),
            ("*", at("place", Committed)),
        ],
    },
    FlowRow {
        flow: Flow::Logout,
        name: "logout",
        promise: "after my logout the token is dead for good",
        steps: &["login", "look", "logout"],
        replicas: Replicas::One,
        closing: Closing::LoggedOut,
        telling: &[
            ("redis-pause", at("logout", Accepted)),
            ("redis-down", at("logout", Accepted)),
            ("*", at("logout", Phase::After)),
        ],
    },
    FlowRow {
        flow: Flow::Renew,
        name: "renew",
        promise: "a renewal whose answer was lost can be asked for again",
        steps: &["login", "renew", "look"],
        replicas: Replicas::One,
        closing: Closing::LoggedIn,
        telling: &[
            ("redis-pause", at("renew", Accepted)),
            ("redis-down", at("renew", Accepted)),
            ("*", at("renew", Committed)),
        ],
    },
    FlowRow {
        flow: Flow::Prime,
        name: "prime",
        promise: "an answer that needs no session",
        steps: &["small", "large"],
        replicas: Replicas::One,
        closing: Closing::Alive,
        telling: &[("*", at("large", Accepted))],
    },
    FlowRow {
        flow: Flow::Spread,
        name: "spread",
        promise: "any of two replicas will do",
        steps: &["login", "put-book", "put-pen", "look"],
        replicas: Replicas::InTurn,
        closing: Closing::LoggedIn,
        telling: &[("*", at("put-pen", Before))],
    },
];

impl Flow {
    /// What there is to know about it.
    pub fn row(self) -> &'static FlowRow {
        FLOWS.iter().find(|row| row.flow == self).expect("a test holds FLOWS complete")
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The flow of this name.
    pub fn named(name: &str) -> Option<Flow> {
        FLOWS.iter().find(|row| row.name == name).map(|row| row.flow)
    }

    /// The moment that tells most when `what` happens.
    pub fn telling(self, what: &str) -> Moment {
        let row = self.row();
        let named = row.telling.iter().find(|(name, _)| *name == what || *name == "*");
        named.map_or(at(row.steps[0], Before), |(_, moment)| *moment)
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

impl clap::ValueEnum for Flow {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Flow::Whoami,
            Flow::Cart,
            Flow::CartBlind,
            Flow::Checkout,
            Flow::Order,
            Flow::Logout,
            Flow::Renew,
            Flow::Prime,
            Flow::Spread,
        ]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()).help(self.row().promise))
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn the_table_has_every_flow_once_and_in_the_same_order() {
        let rows: Vec<Flow> = FLOWS.iter().map(|row| row.flow).collect();
        assert_eq!(rows, Flow::value_variants());
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
