//! When, exactly, does it happen? A moment is a step and a phase, never a time on a clock: that is what
//! makes a cell repeatable.

use serde::{Deserialize, Serialize};

/// Which part of a step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing of the request is sent yet.
    Before,
    /// In flight: the service has read the request and not yet looked up its session.
    Accepted,
    /// In flight: the service has done the work and not yet sent a byte of the answer.
    Committed,
    /// The client holds the answer.
    After,
}

impl Phase {
    /// All of them, in the order in which a step goes through them.
    pub const ALL: [Phase; 4] = [Phase::Before, Phase::Accepted, Phase::Committed, Phase::After];

    /// The word used in flags, predictions and reports.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Before => "before",
            Phase::Accepted => "accepted",
            Phase::Committed => "committed",
            Phase::After => "after",
        }
    }

    /// Whether the request is held at a gate meanwhile.
    pub fn in_flight(self) -> bool {
        matches!(self, Phase::Accepted | Phase::Committed)
    }
}

/// A step of a flow, and the part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Moment {
    /// Which step.
    pub step: &'static str,
    /// Which part of it.
    pub phase: Phase,
}

impl Moment {
    /// A moment.
    pub const fn new(step: &'static str, phase: Phase) -> Self {
        Moment { step, phase }
    }

    /// Every moment of a flow with these steps, each once: "after" one step and "before" the next are the
    /// same moment, and go by the name "after".
    pub fn sweep(steps: &[&'static str]) -> Vec<Moment> {
        let first = steps.first().map(|step| Moment::new(step, Phase::Before));
        let rest = steps.iter().flat_map(|step| {
            [Phase::Accepted, Phase::Committed, Phase::After].map(|phase| Moment::new(step, phase))
        });
        first.into_iter().chain(rest).collect()
    }

    /// The other name of the same moment, if it has one.
    pub fn also(self, steps: &[&'static str]) -> Option<Moment> {
        let at = steps.iter().position(|step| *step == self.step)?;
        match self.phase {
            Phase::Before => Some(Moment::new(steps.get(at.checked_sub(1)?)?, Phase::After)),
            Phase::After => Some(Moment::new(steps.get(at + 1)?, Phase::Before)),
            Phase::Accepted | Phase::Committed => None,
        }
    }

    /// The name [`Moment::sweep`] gives to this moment.
    pub fn as_swept(self, steps: &[&'static str]) -> Moment {
        match self.phase {
            Phase::Before => self.also(steps).unwrap_or(self),
            _ => self,
        }
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.phase.word(), self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[&str] = &["login", "put", "look"];

    #[test]
    fn a_flow_of_n_steps_has_three_n_plus_one_moments() {
        let swept = Moment::sweep(STEPS);
        assert_eq!(swept.len(), 10);
        assert_eq!(swept[0], Moment::new("login", Phase::Before));
        assert_eq!(swept[9], Moment::new("look", Phase::After));
        assert!(Moment::sweep(&[]).is_empty());
    }

    #[test]
    fn after_a_step_and_before_the_next_are_one_moment() {
        let (after, before) = (Moment::new("login", Phase::After), Moment::new("put", Phase::Before));
        assert_eq!(after.also(STEPS), Some(before));
        assert_eq!(before.also(STEPS), Some(after));
        assert_eq!(before.as_swept(STEPS), after);
        assert_eq!(Moment::new("login", Phase::Before).also(STEPS), None);
        assert_eq!(Moment::new("look", Phase::After).also(STEPS), None);
        assert_eq!(Moment::new("put", Phase::Committed).also(STEPS), None);
    }
}
