//! Section B: who gets in, and what does somebody learn who does not?

pub mod guessing;
mod opening;

pub use opening::anonymous;

use super::{Pace, Row};

/// Rows 12 to 19.
pub const ROWS: &[Row] = &[
    Row {
        number: 12,
        claim: "an unknown name or a wrong password: 401 invalid_credentials, the same bytes after the same time",
        pace: Pace::Alone,
        run: |site| Box::pin(guessing::unknown_or_wrong(site)),
    },
    Row {
        number: 13,
        claim: "after 10 failures in a minute for one name, known or not: 429, for the right password too",
        pace: Pace::Brisk,
        run: |site| Box::pin(guessing::too_many_failures(site)),
    },
    Row {
        number: 13,
        claim: "40 guesses at the same time are no way around the limit",
        pace: Pace::Alone,
        run: |site| Box::pin(guessing::guesses_side_by_side(site)),
    },
    Row {
        number: 14,
        claim: "200 parallel logins: 503 login_busy with Retry-After: 1 beyond what is hashed; other calls are answered",
        pace: Pace::Alone,
        run: |site| Box::pin(guessing::everybody_at_once(site)),
    },
    Row {
        number: 15,
        claim: "fixation: a login with an attacker's session id gets a new one, and the sent one never becomes valid",
        pace: Pace::Brisk,
        run: |site| Box::pin(opening::fixation(site)),
    },
    Row {
        number: 16,
        claim: "a login while logged in as someone else: a new session, and the old one is revoked",
        pace: Pace::Brisk,
        run: |site| Box::pin(opening::while_logged_in(site)),
    },
    Row {
        number: 17,
        claim: "two parallel registrations of one name: 201 and 409 account_exists, one account",
        pace: Pace::Brisk,
        run: |site| Box::pin(opening::registered_twice(site)),
    },
    Row {
        number: 18,
        claim: "10,000 anonymous requests: 401 each, and nobody is given a session",
        pace: Pace::Alone,
        run: |site| Box::pin(anonymous(site, 10_000)),
    },
    Row {
        number: 19,
        claim: "the 21st session of an account ends the oldest one: session_revoked, reason session_limit",
        pace: Pace::Brisk,
        run: |site| Box::pin(opening::one_session_too_many(site)),
    },
];
