//! What is there to know about each flow? Its promise, its steps, to whom it speaks, how it looks back,
//! and the moments that tell most. Commands, reports and documents all read this table.

use super::Flow;
use crate::moment::{Moment, Phase};
use crate::way::Way;

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
    /// To whom its requests go, where it speaks to the replicas itself; `None` if it does not.
    pub direct: Option<Replicas>,
    /// By which entry it goes through the gateway; `None` if it does not.
    pub gateway: Option<Entrance>,
    /// How it looks back when it is over.
    pub closing: Closing,
    /// The moment that tells most, for each thing that can happen; the first that fits. `gateway` stands for
    /// whatever happens to a client that comes that way, `*` for all.
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

impl FlowRow {
    /// Whether the flow can be played by this way.
    pub fn goes(&self, way: Way) -> bool {
        match way {
            Way::Direct => self.direct.is_some(),
            Way::Gateway => self.gateway.is_some(),
        }
    }
}

impl Replicas {
    /// In words, after "to".
    pub fn words(self) -> &'static str {
        match self {
            Replicas::One => "one replica",
            Replicas::InTurn => "two in turn",
        }
    }
}

/// By which entry of the gateway a flow comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// Each request goes to the next replica.
    RoundRobin,
    /// A session's requests go to the replica that began it.
    Sticky,
}

impl Entrance {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Entrance::RoundRobin => "round robin",
            Entrance::Sticky => "sticky",
        }
    }
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
        direct: Some(Replicas::One),
        gateway: None,
        closing: Closing::LoggedIn,
        telling: &[("*", at("look", Before))],
    },
    FlowRow {
        flow: Flow::Cart,
        name: "cart",
        promise: "the cart remembers what I put into it",
        steps: &["login", "put-book", "put-pen", "look"],
        direct: Some(Replicas::One),
        gateway: None,
        closing: Closing::LoggedIn,
        telling: &[("*", at("put-pen", Before))],
    },
    FlowRow {
        flow: Flow::CartBlind,
        name: "cart-blind",
        promise: "one pen, though I repeat a POST whose answer was lost",
        steps: &["login", "add-pen", "look"],
        direct: Some(Replicas::One),
        gateway: Some(Entrance::Sticky),
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
        direct: Some(Replicas::One),
        gateway: None,
        closing: Closing::LoggedIn,
        telling: &[("kill", at("payment", Accepted)), ("*", at("payment", Before))],
    },
    FlowRow {
        flow: Flow::Order,
        name: "order",
        promise: "one order for one key, even if the answer is lost",
        steps: &["login", "put-book", "address", "payment", "place", "find"],
        direct: Some(Replicas::One),
        gateway: Some(Entrance::Sticky),
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
        direct: Some(Replicas::One),
        gateway: None,
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
        direct: Some(Replicas::One),
        gateway: None,
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
        direct: Some(Replicas::One),
        gateway: Some(Entrance::RoundRobin),
        closing: Closing::Alive,
        telling: &[("gateway", at("large", Before)), ("*", at("large", Accepted))],
    },
    FlowRow {
        flow: Flow::Spread,
        name: "spread",
        promise: "any of two replicas will do",
        steps: &["login", "put-book", "put-pen", "look"],
        direct: Some(Replicas::InTurn),
        gateway: Some(Entrance::RoundRobin),
        closing: Closing::LoggedIn,
        telling: &[("*", at("put-pen", Before))],
    },
    FlowRow {
        flow: Flow::Sticky,
        name: "sticky",
        promise: "the gateway leads me back to the replica that knows me",
        steps: &["login", "put-book", "put-pen", "look"],
        direct: None,
        gateway: Some(Entrance::Sticky),
        closing: Closing::LoggedIn,
        telling: &[("*", at("put-pen", Before))],
    },
];
