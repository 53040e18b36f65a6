//! What did it cost the client? Five words, and no others.

use serde::{Deserialize, Serialize};

use crate::http::NoAnswer;
use crate::trouble::{Problem, Trouble};

/// What a client can say when it is over; in order of severity, so that `max` is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// It noticed nothing but time.
    Survived,
    /// It was told the truth, and its own documented move finished the work: nothing lost or doubled.
    Recovered,
    /// It sent a request that is not safe to repeat, and cannot know whether it took effect.
    Unknown,
    /// It lost acknowledged work or its session.
    Lost,
    /// It got an effect twice.
    Duplicated,
}

impl Verdict {
    /// All of them, mildest first.
    pub const ALL: [Verdict; 5] =
        [Verdict::Survived, Verdict::Recovered, Verdict::Unknown, Verdict::Lost, Verdict::Duplicated];

    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Survived => "Survived",
            Verdict::Recovered => "Recovered",
            Verdict::Unknown => "Unknown",
            Verdict::Lost => "Lost",
            Verdict::Duplicated => "Duplicated",
        }
    }

    /// What it means for the client, after "the client".
    pub fn meaning(self) -> &'static str {
        match self {
            Verdict::Survived => "noticed nothing but time",
            Verdict::Recovered => "was told the truth, and its own move finished the work",
            Verdict::Unknown => "cannot know whether its request took effect, and may not repeat it",
            Verdict::Lost => "lost acknowledged work or its session",
            Verdict::Duplicated => "got an effect twice",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// The end of a flow that could not keep its promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Lost, Duplicated or Unknown.
    pub verdict: Verdict,
    /// One word why.
    pub reason: String,
    /// A sentence why.
    pub why: String,
}

/// How a flow ended in its own eyes. Whether a kept promise is Survived or Recovered depends on whether
/// the flow needed one of its moves; the cue has counted them.
pub type Outcome = Result<(), Ending>;

/// Ends the flow as Lost if what it promised is not so.
///
/// # Errors
/// The ending, with `claim` as the broken promise.
pub fn promise(claim: &str, kept: bool) -> Outcome {
    if kept {
        Ok(())
    } else {
        Err(ending(Verdict::Lost, "promise_broken", format!("it is not true that {claim}")))
    }
}

/// Ends the flow as Duplicated if something happened more often than the client wanted.
///
/// # Errors
/// The ending, with `claim` as the broken promise.
pub fn only_once(claim: &str, kept: bool) -> Outcome {
    if kept {
        Ok(())
    } else {
        Err(ending(Verdict::Duplicated, "repeated", format!("it is not true that {claim}")))
    }
}

fn ending(verdict: Verdict, reason: &str, why: String) -> Ending {
    Ending { verdict, reason: reason.to_owned(), why }
}

/// A flow that gives up after trouble ends like this.
impl From<Trouble> for Ending {
    fn from(trouble: Trouble) -> Self {
        let verdict = match &trouble {
            // It may have arrived and taken effect. Nobody can tell from here.
            Trouble::NoAnswer(NoAnswer::Reset | NoAnswer::TimedOut | NoAnswer::Garbled(_))
            | Trouble::Gateway(_) => Verdict::Unknown,
            // An answer that leaves the effect open is no better than none.
            Trouble::Told(Problem { status: 500.., retryable: false, .. }) | Trouble::Nonsense(_) => {
                Verdict::Unknown
            }
            // The session is gone, or what was acknowledged is no longer granted, or nobody is there.
            Trouble::Told(_) | Trouble::NoAnswer(NoAnswer::Refused) => Verdict::Lost,
        };
        ending(verdict, trouble.word(), trouble.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_verdicts_is_by_severity() {
        use Verdict::*;
        assert!(Duplicated > Lost && Lost > Unknown && Unknown > Recovered && Recovered > Survived);
        assert_eq!(Verdict::ALL.into_iter().max(), Some(Duplicated));
    }

    fn told(status: u16, code: &str, reason: Option<&str>, retryable: bool) -> Trouble {
        Trouble::Told(Problem { status, code: code.to_owned(), reason: reason.map(str::to_owned), retryable })
    }

    #[test]
    fn a_lost_session_is_lost_and_says_which_and_why() {
        let ending = Ending::from(told(401, "session_lost", Some("restart"), false));
        assert_eq!((ending.verdict, ending.reason.as_str()), (Verdict::Lost, "restart"));
        assert_eq!(Ending::from(told(401, "token_invalid", None, false)).reason, "token_invalid");
    }

    #[test]
    fn a_lost_answer_is_unknown_but_a_refused_connection_is_not() {
        for how in [NoAnswer::Reset, NoAnswer::TimedOut, NoAnswer::Garbled("x".to_owned())] {
            assert_eq!(Ending::from(Trouble::NoAnswer(how)).verdict, Verdict::Unknown);
        }
        assert_eq!(Ending::from(Trouble::NoAnswer(NoAnswer::Refused)).verdict, Verdict::Lost);
    }

    #[test]
    fn what_only_the_gateway_says_leaves_the_effect_open() {
        for status in [502, 503, 504] {
            let ending = Ending::from(Trouble::Gateway(status));
            assert_eq!(ending.verdict, Verdict::Unknown);
            assert_eq!(ending.reason, format!("gateway_{status}"));
            assert!(Trouble::Gateway(status).allows_repeat());
        }
    }

    #[test]
    fn a_503_that_may_not_be_repeated_leaves_the_effect_open() {
        let timeout = told(503, "session_store_unavailable", Some("timeout"), false);
        assert_eq!(Ending::from(timeout.clone()).verdict, Verdict::Unknown);
        assert!(!timeout.allows_repeat());
        assert!(told(503, "session_store_unavailable", Some("down"), true).allows_repeat());
    }

    #[test]
    fn a_kept_promise_ends_nothing() {
        assert_eq!(promise("it is there", true), Ok(()));
        assert_eq!(promise("it is there", false).unwrap_err().verdict, Verdict::Lost);
        assert_eq!(only_once("it came once", false).unwrap_err().verdict, Verdict::Duplicated);
    }
}
