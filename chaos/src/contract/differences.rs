//! Where may the twins differ? Here and nowhere else; each time because a session lives in another place.

use super::Outcome;
use super::answer::Answer;
use crate::service::Twin;

/// What a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It goes on as if nothing had happened.
    Served,
    /// It is refused with this status, code and reason.
    Refused(u16, &'static str, Option<&'static str>),
}

impl Seen {
    /// `answer` is this: served means with `status`.
    ///
    /// # Errors
    /// [`super::Deviation`] if it is something else.
    pub fn matches(self, answer: &Answer, status: u16) -> Outcome {
        match self {
            Seen::Served => answer.is(status).map(drop),
            Seen::Refused(status, code, reason) => answer.refused(status, code, reason),
        }
    }
}

/// One difference that is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// The row it belongs to.
    pub row: u8,
    /// What happens.
    pub event: &'static str,
    /// What a client of the one sees.
    pub stateful: Seen,
    /// What a client of the other sees.
    pub stateless: Seen,
    /// Why that is so.
    pub why: &'static str,
}

/// All of them.
pub const ALLOWED_DIFFERENCES: &[Difference] = &[
    Difference {
        row: 22,
        event: "a token that has the form of a JWT and is none of ours",
        stateful: Seen::Refused(401, "token_malformed", None),
        stateless: Seen::Refused(401, "token_invalid", None),
        why: "stateful's tokens have another form, so a JWT is garbage to it, refused before any key is tried.",
    },
    Difference {
        row: 28,
        event: "a token from the future",
        stateful: Seen::Served,
        stateless: Seen::Refused(401, "token_not_yet_valid", None),
        why: "A stateful token says nothing of when it was made; the table in the process knows.",
    },
    Difference {
        row: 29,
        event: "a restart after which the key before is still believed",
        stateful: Seen::Refused(401, "session_lost", Some("restart")),
        stateless: Seen::Served,
        why: "A key can only be changed by a restart, and with the process stateful's sessions are gone.",
    },
    Difference {
        row: 32,
        event: "the backend restarts",
        stateful: Seen::Refused(401, "session_lost", Some("restart")),
        stateless: Seen::Served,
        why: "The whole lesson: what was in the process is gone, what was outside is not.",
    },
    Difference {
        row: 38,
        event: "a password change, seen by a session on another replica",
        stateful: Seen::Served,
        stateless: Seen::Refused(401, "session_revoked", Some("password_changed")),
        why: "A stateful replica ends the sessions it holds, and knows of no others.",
    },
    Difference {
        row: 46,
        event: "a renewal repeated after the replica died before it could answer",
        stateful: Seen::Refused(401, "session_lost", Some("restart")),
        stateless: Seen::Served,
        why: "The rotation was written down outside, so the same successor can be made again.",
    },
    Difference {
        row: 54,
        event: "Redis is stopped",
        stateful: Seen::Served,
        stateless: Seen::Refused(503, "session_store_unavailable", Some("down")),
        why: "Stateful has no Redis to lose.",
    },
    Difference {
        row: 55,
        event: "Redis is paused",
        stateful: Seen::Served,
        stateless: Seen::Refused(503, "session_store_unavailable", Some("timeout")),
        why: "Stateful has no Redis to wait for.",
    },
    Difference {
        row: 57,
        event: "Redis comes back empty",
        stateful: Seen::Served,
        stateless: Seen::Refused(401, "session_lost", Some("store_reset")),
        why: "The record says that a session still lives; without it a good signature is worth nothing.",
    },
    Difference {
        row: 67,
        event: "another replica is asked",
        stateful: Seen::Refused(401, "session_lost", Some("other_instance")),
        stateless: Seen::Served,
        why: "A stateful session lives in one process, and only there.",
    },
];

/// What a client of `twin` sees in this row.
///
/// # Panics
/// If the table has no such row: a test asks only for rows it knows.
pub fn expected(row: u8, twin: Twin) -> Seen {
    let difference = ALLOWED_DIFFERENCES.iter().find(|difference| difference.row == row);
    let difference = difference.unwrap_or_else(|| panic!("row {row} allows no difference"));
    match twin {
        Twin::Stateful => difference.stateful,
        Twin::Stateless => difference.stateless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_one_and_says_why() {
        for difference in ALLOWED_DIFFERENCES {
            assert_ne!(difference.stateful, difference.stateless, "row {}", difference.row);
            assert!(difference.why.ends_with('.'), "row {}", difference.row);
        }
    }
}
